"""No module loads a pickle from a file or a store, because a pickle can run any code when it is loaded."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("expectations", "features", "models", "pipelines", "dagster_project")
LOADERS = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "torch"}
CALLS = {"read_pickle", "to_pickle", "eval", "exec", "unsafe_load", "full_load"}
# Modules that send pickles between a run and the processes that it started, through a pipe or Spark, and never through a file.
BETWEEN_OWN_PROCESSES = {"pipelines/building/range_workers.py", "pipelines/building/spark_engine.py"}


def risks(source: str) -> Iterator[str]:
    """Yield the names in a module that may load a pickle, or run text as code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in LOADERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in LOADERS:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in CALLS and not (name in ("eval", "exec") and isinstance(node.func, ast.Attribute)):
                yield name
            if any(word.arg == "allow_pickle" and getattr(word.value, "value", True) for word in node.keywords):
                yield f"{name}(allow_pickle)"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_loads_a_pickle(package: str) -> None:
    risks_by_module = {
        str(path.relative_to(ROOT)): list(risks(path.read_text(encoding="utf-8")))
        for path in sorted((ROOT / package).rglob("*.py"))
    }
    assert risks_by_module
    assert {path for path, risky in risks_by_module.items() if risky} <= BETWEEN_OWN_PROCESSES


def test_the_scan_finds_each_risk() -> None:
    source = (
        "import joblib\nfrom pickle import loads\nnp.load(f, allow_pickle=True)\npd.read_pickle(f)\neval(text)\nframe.eval(q)\n"
    )
    assert list(risks(source)) == ["joblib", "pickle", "load(allow_pickle)", "read_pickle", "eval"]

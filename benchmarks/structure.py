"""Measure how the code is structured and written: `make structure`, or `python -m benchmarks.structure FOLDER` for another checkout.

* A package is a root package or what lies directly in `pipelines/`. An import between packages is a pair of packages. An import is
  backwards if the `layers` contract in `pyproject.toml` puts the importer below what it imports.
* Complexity is radon's cyclomatic complexity of a function or method. Parameters do not count `self` and `cls`.
* Code lines are lines of code without docstrings, comments and blank lines.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import grimp
from radon.complexity import cc_visit
from radon.raw import analyze

ROOTS = ("expectations", "features", "models", "pipelines", "dagster_project")
DIVIDED = "pipelines"  # its children are packages
COMPLEX = 10
MANY_PARAMETERS = 6
KIND_TEST = re.compile(
    r"(?:source|cohort|validation|plan|reading|opened)\.kind\s*(?:==|!=|in|not in)\b|\.kind (?:==|!=) \"(?:nhs|omop|feature_table|synthetic|registered|discharges|cohort|time|person_folds|column)\""
)
GUARD = re.compile(r"\.exists\(")
QUOTED_BY_HAND = re.compile(r"""['"=(]'?\{(?:text|texts|quote)\(|= '\{""")
WORDS = ("told", "stand", "stands", "nobody", "whoever", "anew")
GIVE = re.compile(r'^\s*"""Give\b', re.MULTILINE)
DOCS = ("README.md", "CONTRIBUTING.md", "docs")
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Packages:
    """The packages of a checkout, the pairs that import each other and those that import backwards."""

    names: frozenset[str]
    imports: frozenset[tuple[str, str]]
    backwards: frozenset[tuple[str, str]]

    @property
    def mutual(self) -> int:
        return sum(1 for one, other in self.imports if one < other and (other, one) in self.imports)


def packages(root: Path) -> Packages:
    """Measure the packages of a checkout."""
    sys.path.insert(0, str(root))
    graph = grimp.build_graph(*ROOTS, exclude_type_checking_imports=False, cache_dir=None)
    imports = {
        (_package(module), _package(imported))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    between = frozenset((importer, imported) for importer, imported in imports if importer != imported)
    level = {name: place for place, names in enumerate(_layers(root)) for name in names}
    backwards = frozenset(pair for pair in between if level.get(pair[0], 0) > level.get(pair[1], len(level)))
    modules = {_package(module) for module in graph.modules} - {DIVIDED}
    return Packages(frozenset(modules), between, backwards)


def _package(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == DIVIDED else parts[0]


def _layers(root: Path) -> Iterator[list[str]]:
    """Yield the layers of the inside of `pipelines/`, highest first."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    for contract in contracts:
        if contract.get("containers") == [DIVIDED]:
            yield from ([f"{DIVIDED}.{name.strip(' ()')}" for name in layer.split("|")] for layer in contract["layers"])


def sources(root: Path) -> dict[Path, str]:
    """Return the text of every module that is not a test, by its path."""
    files = sorted(file for name in ROOTS for file in (root / name).rglob("*.py"))
    return {file.relative_to(root): file.read_text(encoding="utf-8") for file in files}


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the parameters of a function."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def code_lines(text: str) -> int:
    """Count the lines of code of a module, without docstrings, comments and blank lines."""
    found = analyze(text)
    return int(found.sloc) - int(found.multi)


def sentence_lengths(text: str) -> Iterator[int]:
    """Yield the number of words of each sentence of a Markdown text, without code, tables and headings."""
    prose = re.sub(r"```.*?```", "\n\n", text, flags=re.DOTALL)
    lines = [line for line in prose.splitlines() if not line.lstrip().startswith(("|", "#", "<"))]
    blocks = re.split(r"\n\s*\n|\n\s*[-*] |\n\s*\d+\. ", "\n" + "\n".join(lines))
    for block in blocks:
        words = re.sub(r"`[^`]*`", "code", " ".join(block.split()))
        for sentence in re.split(r"(?<=[.!?:])\s+(?=[A-Z`*\[(])", words):
            if count := len(sentence.split()):
                yield count


def documents(root: Path) -> dict[Path, str]:
    """Return the text of every page of documentation that a person writes, by its path."""
    places = [root / name for name in DOCS]
    files = [file for place in places for file in ([place] if place.is_file() else sorted(place.rglob("*.md")))]
    return {file.relative_to(root): file.read_text(encoding="utf-8") for file in files}


def figures(root: Path) -> Iterator[tuple[str, str]]:
    """Yield each figure with its name."""
    found, texts = packages(root), sources(root)
    functions = [node for text in texts.values() for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTION)]
    blocks = [block for text in texts.values() for block in cc_visit(text) if block.letter != "C"]
    lengths = {path: text.count("\n") for path, text in texts.items()}
    longest = max(lengths, key=lengths.__getitem__)
    many = sum(parameters(function) >= MANY_PARAMETERS for function in functions)
    code = "\n".join(texts.values())
    yield "packages and top-level modules", f"{len(found.names)}"
    yield "imports between packages", f"{len(found.imports)}"
    yield "imports backwards", f"{len(found.backwards)} {sorted(found.backwards) or ''}"
    yield "pairs of packages that import each other", f"{found.mutual}"
    yield "modules", f"{len(texts)}"
    yield "lines of code", f"{sum(map(code_lines, texts.values())):,}"
    yield "functions", f"{len(functions):,}"
    yield f"functions with a complexity above {COMPLEX}", f"{sum(block.complexity > COMPLEX for block in blocks)}"
    yield f"functions with {MANY_PARAMETERS} or more parameters", f"{many} ({many / len(functions):.1%})"
    yield "longest module", f"{lengths[longest]} lines, {longest}"
    yield "tests of a kind by comparing strings", f"{len(KIND_TEST.findall(code))}"
    yield "checks whether a table exists", f"{len(GUARD.findall(code))}"
    yield from figures_of_language(root, code)


def figures_of_language(root: Path, code: str) -> Iterator[tuple[str, str]]:
    """Yield each figure of how code and documentation are written, with its name."""
    yield "docstrings that begin with Give", f"{len(GIVE.findall(code))}"
    words_of_code = re.findall(r"[a-z]+", code.lower())
    for word in WORDS:
        yield f"the word '{word}' in code", f"{words_of_code.count(word)}"
    for path, text in documents(root).items():
        words = sorted(sentence_lengths(text))
        if len(words) > 1 and path.name in ("architecture.md", "README.md"):
            yield f"words of a sentence at the 90th percentile, {path}", f"{quantiles(words, n=10)[-1]:.0f}"


def main() -> None:
    """Print the figures of a checkout."""
    root = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else Path(__file__).resolve().parents[1]
    for name, value in figures(root):
        print(f"{name:<55} {value}")


if __name__ == "__main__":
    main()

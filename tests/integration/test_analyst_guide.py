"""Run the examples of docs/analyst-guide.md; only the name of the study is replaced."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml

from pipelines.study.settings import StudySettings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "analyst-guide.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^### ([^\n]+)\n(?:(?!^###? ).)*?^```python\n(.*?)^```", PAGE, re.M | re.S))
FEATURE = re.findall(r"^```text\n(\*_windows.*?)^```", PAGE, re.M | re.S)[0]
STUDIES = [yaml.safe_load(text)["study"] for text in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)]


@pytest.fixture(scope="module")
def home(undisturbed: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the lake of the small ICB with a copy of its MLflow store, in which a copy of the champion has replaced it."""
    copy = tmp_path_factory.mktemp("analyst")
    shutil.copy(undisturbed.home / "mlflow.db", copy)
    (copy / "lake").symlink_to(undisturbed.home / "lake")
    store = f"sqlite:///{copy / 'mlflow.db'}"
    client = mlflow.MlflowClient(store, store)
    before = client.get_model_version_by_alias("small_study", "champion")
    after = client.create_model_version("small_study", before.source, before.run_id)
    client.set_registered_model_alias("small_study", "previous", before.version)
    client.set_registered_model_alias("small_study", "champion", after.version)
    return copy


@pytest.fixture(autouse=True)
def restore_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("STRATA_HOME", str(home))
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_registry_uri(f"sqlite:///{home / 'mlflow.db'}")  # a separate process would use the tracking store
    yield
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


def run_example(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    exec(EXAMPLES[name].replace('"emergency_admission"', '"small_study"'), {})
    return capsys.readouterr().out


def test_every_example_has_a_test() -> None:
    assert set(EXAMPLES) == {
        "Candidates side by side", "One group over time", "Your own model, on the same rows", "The champion in plain MLflow",
        "To the previous champion",
    }  # fmt: skip


def test_candidates_are_listed_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run_example("Candidates side by side", capsys).splitlines()
    assert "metrics.calibration_slope" in lines[0]
    assert "logistic" in {line.split()[0] for line in lines[1:]}


def test_a_group_is_followed_through_trainings(capsys: pytest.CaptureFixture[str]) -> None:
    out = run_example("One group over time", capsys)
    assert "logistic" in out
    assert re.search(r"group_name +1 +2 +3 +4 +5", out)


def test_your_own_model_is_evaluated_on_the_same_rows(capsys: pytest.CaptureFixture[str]) -> None:
    output = run_example("Your own model, on the same rows", capsys)
    match = re.search(r"my trial (0\.\d+), the chosen candidate (0\.\d+)", output)
    assert match is not None
    assert 0.5 < float(match[1]) < 1


def test_the_champion_predicts_the_published_risks(capsys: pytest.CaptureFixture[str], undisturbed: Any) -> None:
    highest = undisturbed.lake.read("risk__current", "risk", order="risk DESC LIMIT 3")["risk"].to_pylist()
    assert run_example("The champion in plain MLflow", capsys).strip() == str([round(risk, 3) for risk in highest])


def test_a_roll_back_restores_the_previous_version(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    aliases = dict(client.get_registered_model("small_study").aliases)
    assert run_example("To the previous champion", capsys).strip() == str(aliases["previous"]) != str(aliases["champion"])
    assert "rolled_back" in client.get_model_version("small_study", aliases["champion"]).tags


def test_a_declared_feature_is_in_the_catalogue(tmp_path: Path) -> None:
    for package in ("features", "expectations"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "features" / "utilisation.py"
    file.write_text(file.read_text().replace("_COUNTS = (\n", f"_COUNTS = (\n{FEATURE}", 1))
    code = (
        "from features.catalogue import build_catalogue; from features.code_lists import load_code_lists\n"
        "print([f.name for f in build_catalogue(load_code_lists(None), 2025).features if f.name == 'outpatient_missed_90d'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "['outpatient_missed_90d']", done.stderr


def test_the_settings_of_the_page_are_valid() -> None:
    approval, several = (StudySettings.model_validate(study) for study in STUDIES)
    assert approval.approval is not None
    assert [study.name for study in several.each] == ["emergency_admission", "admission_or_death", "frequent_attendance"]
    assert several.each[2].gates.auroc_alarm == 0.95

import shutil
from pathlib import Path

import pytest

from pipelines.lake import code_version as module
from pipelines.lake.code_version import PACKAGES, ROOT, code_version


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


def test_every_package_exists() -> None:
    assert [package for package in PACKAGES if not (ROOT / package / "__init__.py").is_file()] == []


def test_the_same_code_has_the_same_version_in_any_folder(copied: Path) -> None:
    assert code_version.__wrapped__() == code_version()


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("models/capacity.py", True),
        ("pipelines/scoring/score.py", True),
        ("features/codelists/icd10/charlson_cancer.csv", True),
        ("pipelines/reports/templates/base.html", False),
    ],
)
def test_code_and_code_lists_change_the_version_and_a_page_template_does_not(copied: Path, path: str, counts: bool) -> None:
    before = code_version.__wrapped__()
    (copied / path).write_text((copied / path).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert (code_version.__wrapped__() != before) is counts

"""A file that looks like an extract and would not be read stops the run; notes and checksums do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import ExtractError
from pipelines.sources.extract_files import find_extracts
from pipelines.sources.nhs import FeedSettings


def landed(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("a,b\n")
    return folder


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("patients/patients_2026-01-01.csv.zip", "Extracts end in"),
        ("patients/extract 20260101.XLSX", "Extracts end in"),
        ("patients/patients.tsv", "Extracts end in"),
        ("patients/2026-01-01.csv.bz2", "Extracts end in"),
        ("patients_2026-01-01.csv", "Move it into the folder patients"),
        ("Patients-20260101.csv.gz", "Move it into the folder patients"),
        ("patients2026-01-01.csv", "Move it into the folder patients"),
        ("PATIENTS/patients_2026-01-01.csv", "rename it to patients"),
    ],
)
def test_a_file_that_looks_like_an_extract_is_never_skipped_without_a_word(path: str, advice: str, tmp_path: Path) -> None:
    landing = landed(tmp_path, "patients/patients_2025-12-01.csv", path)
    with pytest.raises(ExtractError, match=f"{path.split('/')[0]}.* looks like an extract of patients .*{advice}"):
        find_extracts("patients", FeedSettings(), landing)
    assert find_extracts("patients", FeedSettings(files=("patients/*2025*.csv",)), landing)


def test_notes_checksums_and_files_of_other_feeds_are_no_extracts(tmp_path: Path) -> None:
    others = (
        "patients/readme.md",
        "patients/patients_2026-01-01.csv.md5",
        "patients/patients_2026-01-01.csv.part",
        "patients/codes.xlsx",
    )
    loose = (
        "patients.csv",
        "opt_outs_2026-01-01.csv",
        "patients_of_2025_2026-01-01.csv",
        "Patients_notes/a.csv",
        "OPT_OUTS/a_2026-01-01.csv",
    )
    landing = landed(tmp_path, "patients/patients_2026-01-01.csv", *others, *loose)
    assert [extract.path for extract in find_extracts("patients", FeedSettings(), landing)] == [
        "patients/patients_2026-01-01.csv"
    ]

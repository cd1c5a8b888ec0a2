from pathlib import Path

import pytest

from pipelines.errors import SettingsError
from pipelines.lake.storage import Lake
from pipelines.run.settings import Settings
from pipelines.stages.input_paths import check_code_lists, check_feeds, check_outcomes, check_paths


def settings(nhs: dict, reference: dict | None = None) -> Settings:
    return Settings.model_validate(
        {
            "deployment": "mine",
            "purpose": {"use": "planning", "approval": "an approval", "approval_expires": "2099-12-31"},
            "source": {"kind": "nhs", "nhs": nhs},
            "reference": reference or {},
        }
    )


def test_every_path_that_is_not_there_is_named_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "places.csv").touch()
    given = settings(
        {"landing": "extracts", "pseudonyms": {"key_file": "key"}},
        {
            "lsoa_places": "places.csv",
            "rural_urban": "https://example.org/ruc.csv",
            "deprivation": [{"edition": 2025, "file": "f7.csv"}],
        },
    )
    with pytest.raises(SettingsError) as refused:
        check_paths(given, tmp_path)
    assert str(refused.value).splitlines() == [
        f"paths of the configuration are not there (relative ones start at {tmp_path}):",
        f"  reference.deprivation.0.file: there is no {tmp_path / 'f7.csv'}",
        f"  source.nhs.landing: there is no {tmp_path / 'extracts'}",
    ]  # the key file is not needed: every feed is pseudonymised


def test_the_key_file_is_looked_for_where_a_feed_comes_in_clear(tmp_path: Path) -> None:
    given = settings({"pseudonyms": {"key_file": "key"}, "feeds": {"patients": {"pseudonymised": False}}})
    with pytest.raises(SettingsError, match=r"source\.nhs\.pseudonyms\.key_file"):
        check_paths(given, tmp_path)


def test_a_named_feed_without_a_file_is_refused_and_an_unnamed_one_is_not(tmp_path: Path) -> None:
    for path in ("patients/patients_2026-01-01.csv", "sus/apcs_2026-01-01.csv"):
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).touch()

    def check(nhs: dict) -> None:
        given = settings({"landing": ".", **nhs})
        check_feeds(given, given.source.chosen.open(tmp_path, tmp_path / "home"), Lake(tmp_path / "lake"))

    check({"feeds": {"patients": {}, "admissions": {"files": ["sus/apcs_*.csv"]}}})
    check({})
    with pytest.raises(SettingsError, match=r"feeds\.admissions: no file matches sus/\*\.parquet\n.*\n?.*leave the feed out"):
        check({"feeds": {"patients": {}, "admissions": {"files": ["sus/*.parquet"]}}})
    (tmp_path / "patients/patients_2026-01-01.csv").unlink()
    with pytest.raises(SettingsError, match=r"feeds\.patients: no CSV or Parquet file in the folder 'patients'"):
        check({})


@pytest.mark.parametrize(
    ("feeds", "study", "missing"),
    [
        (("patients", "registrations"), {}, "admissions"), (("registrations",), {"outcome": {"name": "death"}}, "patients"),
        (("patients",), {"also": [{"name": "d", "outcome": {"name": "death"}}]}, "admissions"), (("patients", "admissions"), {}, ""),
        (("patients",), {"outcome": {"name": "death"}}, ""), ((), {}, ""),
    ],
)  # fmt: skip
def test_an_outcome_of_a_feed_that_is_not_delivered_is_refused(feeds: tuple[str, ...], study: dict, missing: str) -> None:
    given = Settings.model_validate(
        {
            "deployment": "a",
            "purpose": {"use": "planning", "approval": "an approval", "approval_expires": "2099-12-31"},
            "source": {"kind": "nhs", "nhs": {"feeds": {feed: {} for feed in feeds}}},
            "study": study,
        }
    )
    if not missing:
        check_outcomes(given)
        return
    with pytest.raises(SettingsError, match=f"study.outcome.name .* uses the feed {missing}, .* choose another outcome"):
        check_outcomes(given)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("asthma,snomed,195967002,exact,a,T", r"own\.csv, line 2: '195967002' is not a code .* Correct the file"),
        ("hba1c,snomed,27113001,exact,w,T", r"own\.csv, line 2: .* 27113001 .* hba1c and weight.* Remove it from one"),
        ("hba1c,snomed,999791000000106,exact,h,T\nhba1c,snomed,27113001,exact,w,T", r"own\.csv, line 3: .* hba1c and weight"),
        ("hba1c,snomed,60621009,exact,h,T\nbmi,snomed,60621009,exact,w,T", r"own\.csv, line [23]: .* 60621009 .* hba1c and bmi"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_before_any_work(tmp_path: Path, lines: str, message: str) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "own.csv").write_text(f"list,system,code,match,description,source\n{lines}\n", encoding="utf-8")
    given = Settings.model_validate(
        {
            "deployment": "a",
            "purpose": {"use": "planning", "approval": "an approval", "approval_expires": "2099-12-31"},
            "source": {"kind": "nhs", "nhs": {}},
            "study": {"code_lists": "lists"},
        }
    )
    with pytest.raises(SettingsError, match=message):
        check_code_lists(given, tmp_path)

from datetime import date
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


def test_extracts_come_in_order_of_delivery(tmp_path: Path) -> None:
    landing = landed(
        tmp_path, "patients/a_2026-02-01.csv", "patients/b_20260101.csv.gz", "patients/.hidden.csv", "patients/notes.md"
    )
    assert [(extract.path, extract.extract_date) for extract in find_extracts("patients", FeedSettings(), landing)] == [
        ("patients/b_20260101.csv.gz", date(2026, 1, 1)),
        ("patients/a_2026-02-01.csv", date(2026, 2, 1)),
    ]


def test_the_delivery_date_is_found_as_the_settings_say(tmp_path: Path) -> None:
    landing = landed(tmp_path, "sus/extract-01.03.2026.csv")
    pattern = r"(?P<day>[0-9]{2})[.](?P<month>[0-9]{2})[.](?P<year>[0-9]{4})"
    for settings in (
        FeedSettings(files=("sus/*.csv",), delivered=pattern),
        FeedSettings(files=("sus/*.csv",), delivery_date=date(2026, 3, 1)),
    ):
        assert [extract.extract_date for extract in find_extracts("admissions", settings, landing)] == [date(2026, 3, 1)]


def test_a_path_without_a_delivery_date_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractError, match="no delivery date"):
        find_extracts("patients", FeedSettings(), landed(tmp_path, "patients/patients_2026-13-41.csv"))


@pytest.mark.parametrize(
    "path", ["2025-11-01/patients_2025-11-31.csv", "patients_2026-01-01_20269931.csv", "2025-12-31/patients_20012026.csv"]
)
def test_the_day_of_a_folder_is_not_taken_for_an_impossible_day_of_its_file(path: str, tmp_path: Path) -> None:
    landing = landed(tmp_path, f"patients/{path}")
    for settings in (
        FeedSettings(files=("patients/**/*.csv",)),
        FeedSettings(files=("patients/**/*.csv",), delivery_date=date(2026, 3, 1)),
    ):
        with pytest.raises(ExtractError, match=r"no delivery date in the path .* is no day; rename the file, or set `delivered`"):
            find_extracts("patients", settings, landing)


@pytest.mark.parametrize("name", ["patients_15012026", "patients_15-01-2026", "20.01.2026 patients", "patients_01_15_2026"])
def test_a_day_with_the_year_last_in_a_file_name_does_not_take_the_day_of_its_folder(name: str, tmp_path: Path) -> None:
    landing = landed(tmp_path, f"patients/2025-12-31/{name}.csv")
    with pytest.raises(ExtractError, match=r"written with the day first; write YYYY-MM-DD, or set `delivered`|is no day"):
        find_extracts("patients", FeedSettings(files=("patients/**/*.csv",)), landing)


@pytest.mark.parametrize("name", ["patients_2025-12-31_15012026", "patients", "patients_99012026", "patients_150120261"])
def test_other_numbers_in_a_file_name_do_not_hide_its_day(name: str, tmp_path: Path) -> None:
    landing = landed(tmp_path, f"patients/2025-12-31/{name}.csv")
    (found,) = find_extracts("patients", FeedSettings(files=("patients/**/*.csv",)), landing)
    assert found.extract_date == date(2025, 12, 31)


def test_a_link_out_of_the_landing_folder_is_refused(tmp_path: Path) -> None:
    outside = landed(tmp_path / "elsewhere", "patients_2026-01-01.csv")
    landing = tmp_path / "landing"
    (landing / "patients").mkdir(parents=True)
    (landing / "patients" / "patients_2026-01-01.csv").symlink_to(outside / "patients_2026-01-01.csv")
    with pytest.raises(ExtractError, match="outside the landing folder"):
        find_extracts("patients", FeedSettings(), landing)


def test_a_link_that_leads_to_itself_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "patients").mkdir()
    (tmp_path / "patients" / "p_2026-01-01.csv").symlink_to("p_2026-01-01.csv")
    with pytest.raises(ExtractError, match=r"patients/p_2026-01-01\.csv: the link leads back to itself"):
        find_extracts("patients", FeedSettings(), tmp_path)

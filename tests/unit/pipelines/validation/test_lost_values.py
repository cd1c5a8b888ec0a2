"""Lost values of a delivery: which are counted, what stops a run, and what the message has."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations.granting_columns import granting_columns
from expectations.table import Table
from expectations.tables.raw_gp import GP_OBSERVATIONS, PATIENTS, REGISTRATIONS
from expectations.value_checks import EMPTY
from pipelines.errors import ValidationStop
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.episodes import as_delivered
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed

OBSERVED = (
    "ID,PERSON_ID,ORGANISATION_ID,CLINICAL_EFFECTIVE_DATE,DATE_RECORDED,OBSERVATION_SOURCE_CONCEPT_ID,RESULT_VALUE,IS_DELETED\n"
)
PATIENT = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,DEATH_DATE,IS_CONFIDENTIAL\n"
REGISTERED = "PERSON_ID,ORGANISATION_ID,START_DATE,END_DATE\n"
ONLY_LOST = ValidationSettings(
    limits={"month_collapsed": 0, "month_gap": 0, "single_value": 1, "share_set_aside": 1, "unknown_codes": 1}
)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder, Lake(folder / "lake")

    def validate(
        self, table: Table, text: str, day: str = "2026-01-01", settings: ValidationSettings = ONLY_LOST, **feed: object
    ) -> str:
        """Deliver and validate a file; return the message of a stop, or ''."""
        dated = feed.get("dates", {})
        feed.setdefault("not_delivered", tuple(name for name in granting_columns(table) if name not in dated))  # type: ignore[operator]
        nhs = NhsSettings(feeds={table.feed: FeedSettings(**feed)})  # type: ignore[arg-type]
        table = as_delivered(table, nhs.feeds[table.feed])
        (self.landing / table.feed).mkdir(exist_ok=True)
        (self.landing / table.feed / f"{table.feed}_{day}.csv").write_text(text)
        with connect() as con:
            ingest_feed(self.lake, con, table, nhs, self.landing)
            try:
                validate_feed(self.lake, con, table, nhs, settings)
            except ValidationStop as stop:
                return str(stop)
        return ""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def entries(
    rows: int, recorded: str = "2025-02-03", value: str = "5.4", practice: str = "Y00001", deleted: str = "0", first: int = 0
) -> str:
    return "".join(
        f'{first + number},p{number},{practice},2025-02-03,{recorded},44054006,"{value}",{deleted}\n' for number in range(rows)
    )


def patients(rows: int, died: str = "", confidential: str = "0", practice: str = "Y00001") -> str:
    return "".join(f"{practice}p{number},{practice},1940,{died},{confidential}\n" for number in range(rows))


@pytest.mark.parametrize(
    ("rows", "column", "shape"),
    [
        (entries(40, recorded="3rd Feb 25"), "recorded_date", "9aa aaa 99"),
        (entries(40, recorded="45691"), "recorded_date", "99999"),
        (entries(40, recorded="1738540800"), "recorded_date", "9999999999"),
        (entries(40, recorded="Feb-25"), "recorded_date", "aaa-99"),
        (entries(40, recorded="02/13/2025"), "recorded_date", "99/99/9999"),
        (entries(40, value="5,4"), "result_value", "9,9"),
        (entries(40, value="5.4 mmol/L"), "result_value", "9.9 aaaa/a"),
        (entries(40, value="below 5"), "result_value", "aaaaa 9"),
        (entries(20) + entries(25, value="5,4", first=100), "result_value", "9,9"),
        (entries(10, recorded="") + entries(14, recorded="45691", first=100), "recorded_date", "99999"),
        (entries(40, recorded=""), "recorded_date", "empty"),  # the first day that the fact applies is no answer to when it was known
    ],
)  # fmt: skip
def test_a_column_that_lost_its_values_stops_and_the_message_has_file_column_share_and_shape(
    bench: Bench, rows: str, column: str, shape: str
) -> None:
    stop = bench.validate(GP_OBSERVATIONS, OBSERVED + rows, load="append")
    for part in (
        "values_lost",
        f"values of {column} in gp_observations_2026-01-01.csv are lost",
        "%",
        "they are empty" if shape == EMPTY else f"'{shape}'",
        "strata decide",
    ):
        assert part in stop
    assert "45691" not in stop and "5,4" not in stop


@pytest.mark.parametrize(
    "rows",
    [
        entries(40),
        entries(40, value=""),  # an empty value is an answer
        entries(25) + entries(15, recorded="", first=100),  # fewer than the setting, and not all
        entries(30) + entries(19, value="high", first=100),  # below the limit
        entries(3, recorded="45691", value="5,4"),  # too few to mean something
        entries(10) + entries(15, value="5,4", first=100),  # fewer than the setting, and not all
    ],
)
def test_few_lost_values_and_empty_ones_do_not_stop(bench: Bench, rows: str) -> None:
    assert bench.validate(GP_OBSERVATIONS, OBSERVED + rows, load="append") == ""


@pytest.mark.parametrize("lost", [4, 15])
def test_an_organisation_that_lost_all_of_its_few_values_stops(bench: Bench, lost: int) -> None:
    rows = entries(200) + entries(lost, value="5,4", practice="Y00002", first=1000)
    stop = bench.validate(GP_OBSERVATIONS, OBSERVED + rows, load="append")
    assert f"{lost} of {lost} values of result_value" in stop and "from Y00002" in stop


@pytest.mark.parametrize(
    "rows",
    [
        entries(200) + entries(3, value="5,4", practice="Y00002", first=1000),  # too few
        entries(200) + entries(14, value="5,4", practice="Y00002", first=1000) + entries(1, practice="Y00002", first=2000),  # not all
        entries(200) + entries(10, value="", practice="Y00002", first=1000) + entries(3, value="5,4", practice="Y00002", first=2000),
    ],
)  # fmt: skip
def test_an_organisation_that_lost_three_values_or_not_all_of_few_does_not_stop(bench: Bench, rows: str) -> None:
    assert bench.validate(GP_OBSERVATIONS, OBSERVED + rows, load="append") == ""


def test_all_deaths_of_a_practice_that_cannot_be_read_stop(bench: Bench) -> None:
    rows = patients(100, "2024-02-03") + patients(15, "45421", practice="Y00002")
    assert "15 of 15 values of death_date" in bench.validate(PATIENTS, PATIENT + rows)


def listed(lost: int, person: str = "4.00E+09", household: str = "h{0}") -> str:
    people = [person if number < lost else f"p{number}" for number in range(200)]
    return "".join(f"{one},Y00001,1950,{household.format(number)}\n" for number, one in enumerate(people))


@pytest.mark.parametrize("person", ["4.00E+09", "UNKNOWN", "9999999999"])
def test_people_whose_identifiers_were_lost_since_the_previous_delivery_stop(bench: Bench, person: str) -> None:
    header = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,HOUSEHOLD_ID\n"
    assert bench.validate(PATIENTS, header + listed(0), "2025-12-01") == ""
    stop = bench.validate(PATIENTS, header + listed(37, person))
    assert (
        "identifiers_lost_more" in stop
        and "37 of 200 values of person_id" in stop
        and "(18.5%; 0.0% in the previous delivery)" in stop
    )
    assert person == "9999999999" or person not in stop  # a shape has 9 for every digit


@pytest.mark.parametrize("household", ["UNKNOWN", "4.00E+09", "0000000000"])
def test_households_that_were_all_lost_stop(bench: Bench, household: str) -> None:
    header = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,HOUSEHOLD_ID\n"
    stop = bench.validate(PATIENTS, header + listed(0, household=household))
    assert "values_lost" in stop and "200 of 200 values of household_id" in stop


def test_codes_without_their_last_digits_stop(bench: Bench) -> None:
    rows = entries(30) + entries(40, first=100).replace("44054006", "44054007")
    stop = bench.validate(GP_OBSERVATIONS, OBSERVED + rows, load="append")
    assert "40 of 70 values of concept_code" in stop


def test_a_file_that_never_had_the_day_of_recording_is_read(bench: Bench) -> None:
    text = (OBSERVED + entries(30)).replace("DATE_RECORDED", "NOT_USED")
    assert bench.validate(GP_OBSERVATIONS, text, load="append") == ""
    assert "which the previous delivery had" not in bench.validate(GP_OBSERVATIONS, text, "2026-02-01", load="append")


def test_every_empty_day_of_recording_is_counted(bench: Bench) -> None:
    assert bench.validate(GP_OBSERVATIONS, OBSERVED + entries(30) + entries(7, recorded="", first=100), load="append") == ""
    found = bench.lake.read("core__quarantine", "reason, column_name, action, count(*) AS n", "true GROUP BY ALL").to_pylist()
    assert found == [{"reason": "missing_value", "column_name": "recorded_date", "action": "flagged", "n": 7}]
    counts = bench.lake.read("monitoring__validation", "rows_broken", "rule = 'missing_value' AND column_name = 'recorded_date'")
    assert counts["rows_broken"].to_pylist() == [7]


def test_one_organisation_that_lost_its_values_stops_and_is_named(bench: Bench) -> None:
    rows = entries(100) + entries(30, value="5,4", practice="Y00002", first=200)
    stop = bench.validate(GP_OBSERVATIONS, OBSERVED + rows, load="append")
    assert "30 of 30 values of result_value in gp_observations_2026-01-01.csv from Y00002 are lost (100.0%)" in stop
    assert "gp_observations values_lost 2026-01-01 Y00002" in stop
    lenient = ONLY_LOST.model_copy(update={"limits": {**ONLY_LOST.limits, "gp_observations.values_lost": 1}})
    assert bench.validate(GP_OBSERVATIONS, OBSERVED + rows, load="append", settings=lenient) == ""


def test_one_organisation_whose_marks_cannot_be_read_stops(bench: Bench) -> None:
    rows = patients(100) + patients(25, confidential="X", practice="Y00002")
    stop = bench.validate(PATIENTS, PATIENT + rows)
    assert "25 of 25 values of is_confidential in patients_2026-01-01.csv from Y00002 are lost" in stop


def test_a_share_that_rose_since_the_previous_delivery_stops(bench: Bench) -> None:
    assert (
        bench.validate(GP_OBSERVATIONS, OBSERVED + entries(97) + entries(3, value="high", first=100), "2025-12-01", load="append")
        == ""
    )
    rows = entries(70, first=1000) + entries(30, value="high", first=2000)
    stop = bench.validate(GP_OBSERVATIONS, OBSERVED + rows, load="append")
    assert "values_lost_more" in stop and "(30.0%; 3.0% in the previous delivery)" in stop


@pytest.mark.parametrize(
    "died", ["45421", "TRUE", "Y", "deceased", "1", "31/02/2024", "2024-02-30", "2031-01-01", "1931-01-01", "44/2024"]
)
def test_a_column_of_dates_of_death_that_cannot_be_read_stops(bench: Bench, died: str) -> None:
    stop = bench.validate(PATIENTS, PATIENT + patients(60) + patients(46, died, practice="Y00002"))
    assert "46 of 46 values of death_date in patients_2026-01-01.csv are lost (100.0%)" in stop
    assert len(died) < 4 or died not in stop


@pytest.mark.parametrize("never", ["9999-12-31", "2099-12-31", "3000-01-01", "4712-12-31"])
def test_a_day_that_means_never_is_no_lost_date_of_death(bench: Bench, never: str) -> None:
    assert bench.validate(PATIENTS, PATIENT + patients(46, never)) == ""


def test_a_column_of_ends_and_of_marks_stops_as_well(bench: Bench) -> None:
    ends = "".join(f"p{number},Y00001,2015-01-01,45500\n" for number in range(30))
    assert "values of end_date" in bench.validate(REGISTRATIONS, REGISTERED + ends)
    usual = ONLY_LOST.model_copy(update={"limits": {**ONLY_LOST.limits, "unknown_codes": 0.3}})
    stop = bench.validate(PATIENTS, PATIENT + patients(30, confidential="X"), settings=usual)
    assert "unknown_codes" in stop and "values of is_confidential" in stop and "values_lost" not in stop


def test_day_numbers_of_a_spreadsheet_are_read_where_the_setting_names_the_column(bench: Bench) -> None:
    rows = PATIENT + patients(30, "45421") + patients(2, "2024-02-03", practice="Y00002") + patients(4, practice="Y00003")
    assert bench.validate(PATIENTS, rows, dates={"death_date": "spreadsheet serial"}) == ""
    found = bench.lake.read("core__quarantine", "reason, count(*) AS n", "true GROUP BY 1", "1").to_pylist()
    assert found == [{"reason": "second_date_format", "n": 2}]
    with pytest.raises(ValueError, match="sex is no date column"):
        NhsSettings(feeds={"patients": FeedSettings(dates={"sex": "spreadsheet serial"})})

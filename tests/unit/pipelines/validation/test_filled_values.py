"""A column that may be empty and is no longer filled, or is no longer in the file, stops the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from expectations.granting_columns import granting_columns
from expectations.table import Table
from expectations.tables.raw_gp import GP_MEDICATION_ORDERS, GP_OBSERVATIONS, PATIENTS, REGISTRATIONS
from pipelines.errors import ValidationStop
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed

REGISTERED = "PERSON_ID,ORGANISATION_ID,START_DATE,END_DATE\n"
OBSERVED = "ID,PERSON_ID,ORGANISATION_ID,CLINICAL_EFFECTIVE_DATE,DATE_RECORDED,OBSERVATION_SOURCE_CONCEPT_ID,IS_DELETED,IS_CONFIDENTIAL\n"
LENIENT = ValidationSettings(
    limits={"month_collapsed": 0, "month_gap": 0, "feed_collapsed": 0, "single_value": 0, "history_starts_at_load": 1}
)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder, Lake(folder / "lake")

    def validate(self, table: Table, text: str, day: str, load: str = "snapshot", absent: tuple[str, ...] = ()) -> str:
        """Deliver and validate a file; return the message of a stop, or ''."""
        nhs = NhsSettings(feeds={table.feed: FeedSettings(load=load, not_delivered=absent)})  # type: ignore[arg-type]
        (self.landing / table.feed).mkdir(exist_ok=True)
        (self.landing / table.feed / f"{table.feed}_{day}.csv").write_text(text, encoding="utf-8")
        with connect() as con:
            ingest_feed(self.lake, con, table, nhs, self.landing)
            try:
                validate_feed(self.lake, con, table, nhs, LENIENT)
            except ValidationStop as stop:
                return str(stop)
        return ""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def registered(ended: int, rows: int = 200, never: str = "", practice: str = "Y00001") -> str:
    return "".join(
        f"{practice}p{n},{practice},2015-01-{n % 28 + 1:02},{'2020-01-01' if n < ended else never}\n" for n in range(rows)
    )


def test_ends_that_are_blank_in_every_row_stop_the_run(bench: Bench) -> None:
    assert bench.validate(REGISTRATIONS, REGISTERED + registered(80), "2025-12-01") == ""
    found = bench.validate(REGISTRATIONS, REGISTERED + registered(0), "2026-01-01")
    assert (
        "values_emptied, delivery of 2026-01-01: end_date has a value in 0 of 200 rows; by the previous delivery it would have 80"
        in found
    )


def test_ends_that_one_practice_no_longer_fills_stop_the_run(bench: Bench) -> None:
    many = registered(400, 500, practice="Y00002")
    bench.validate(REGISTRATIONS, REGISTERED + registered(80) + many, "2025-12-01")
    found = bench.validate(REGISTRATIONS, REGISTERED + registered(5) + many, "2026-01-01")
    assert "end_date from Y00001 has a value in 5 of 200 rows" in found
    assert "Y00002" not in found


@pytest.mark.parametrize(("before", "now"), [(registered(80), registered(75)), (registered(80, never="9999-12-31"), registered(80)), (registered(3), registered(0))])  # fmt: skip
def test_a_few_ends_fewer_and_another_way_to_write_never_stop_nothing(bench: Bench, before: str, now: str) -> None:
    assert bench.validate(REGISTRATIONS, REGISTERED + before, "2025-12-01") == ""
    assert bench.validate(REGISTRATIONS, REGISTERED + now, "2026-01-01") == ""


def test_a_recorded_date_that_is_blank_in_every_row_stops_the_run(bench: Bench) -> None:
    def entries(first: int, day: str, recorded: str) -> str:
        return "".join(f"{first + n},p{n},Y00001,{day},{recorded},44054006,0,0\n" for n in range(100))

    assert bench.validate(GP_OBSERVATIONS, OBSERVED + entries(0, "2025-10-03", "2025-11-05"), "2025-12-01", "append") == ""
    found = bench.validate(GP_OBSERVATIONS, OBSERVED + entries(500, "2025-12-03", ""), "2026-01-01", "append")
    assert "100 of 100 values of recorded_date" in found and "they are empty, and empty is no answer here" in found


def test_a_column_that_the_previous_delivery_had_is_missed(bench: Bench) -> None:
    entry = "{},p1,Y00001,2025-10-03,2025-11-05,44054006,0,0\n"
    assert bench.validate(GP_OBSERVATIONS, OBSERVED + entry.format(1), "2025-12-01", "append") == ""
    text = OBSERVED.replace("DATE_RECORDED", "DATE_ENTERED") + entry.format(2)
    found = bench.validate(GP_OBSERVATIONS, text, "2026-01-01", "append")
    assert "gp_observations_2026-01-01.csv has no column recorded_date (DATE_RECORDED), which the previous delivery had" in found
    assert "headers that were not used: DATE_ENTERED" in found
    assert "strata decide CONFIG accepted_breach 'gp_observations columns_present 2026-01-01'" in found


PATIENT = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,DEATH_DATE,IS_CONFIDENTIAL,IS_TEST_PATIENT,IS_SPINE_SENSITIVE,IS_DELETED\n"
MEDICINE = "ID,PERSON_ID,ORGANISATION_ID,CLINICAL_EFFECTIVE_DATE,MEDICATION_ORDER_SOURCE_CONCEPT_ID,IS_DELETED\n"
FILES = {
    PATIENTS: PATIENT + "p1,Y00001,1950,,0,0,0,0\np2,Y00001,1950,2024-02-03,0,0,0,0\n",
    REGISTRATIONS: REGISTERED + registered(2, 4),
    GP_OBSERVATIONS: OBSERVED + "1,p1,Y00001,2025-10-03,2025-11-05,44054006,0,0\n",
    GP_MEDICATION_ORDERS: MEDICINE + "1,p1,Y00001,2025-10-03,39113711000001106,0\n",
}
GRANTING = [(table, name) for table in FILES for name in sorted(granting_columns(table))]


@pytest.mark.parametrize(("table", "column"), GRANTING)
def test_a_date_or_mark_under_another_header_stops_the_run_unless_it_is_declared(bench: Bench, table: Table, column: str) -> None:
    header = table.column(column).source_name
    text = FILES[table].replace(header, f"OTHER_{header}", 1)
    found = bench.validate(table, text, "2026-01-01")
    assert f"{table.feed}_2026-01-01.csv has no column {column} ({header})" in found
    assert f"headers that were not used: OTHER_{header}" in found
    assert f"set source.nhs.feeds.{table.feed}.not_delivered: [{column}]" in found
    assert bench.validate(table, text, "2026-01-01", absent=(column,)) == ""


@pytest.mark.parametrize(("table", "column"), GRANTING)
def test_a_date_or_mark_that_is_nowhere_in_the_file_is_a_warning(bench: Bench, table: Table, column: str) -> None:
    assert bench.validate(table, FILES[table].replace(table.column(column).source_name, "REMARK", 1), "2026-01-01") == ""
    warned = bench.lake.read("monitoring__validation", "passed, severity", "rule = 'answers_delivered'").to_pylist()
    assert warned == [{"passed": False, "severity": "warn"}]


def test_a_column_that_came_before_is_missed_even_if_it_is_declared_absent(bench: Bench) -> None:
    assert bench.validate(PATIENTS, FILES[PATIENTS], "2025-12-01", absent=("death_date",)) == ""
    found = bench.validate(PATIENTS, FILES[PATIENTS].replace("DEATH_DATE", "DIED"), "2026-01-01", absent=("death_date",))
    assert "has no column death_date (DEATH_DATE), which the previous delivery had" in found
    assert "not_delivered" not in found


@pytest.mark.parametrize(("column", "words"), [("deathdate", "there is no column deathdate"), ("person_id", "a file without person_id cannot be used")])  # fmt: skip
def test_only_a_column_that_may_be_absent_is_declared_absent(column: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        NhsSettings(feeds={"patients": FeedSettings(not_delivered=(column,))})


@pytest.mark.parametrize(
    "header",
    ["END_DATE\u200b", " end_date ", "\ufeffEND_DATE", "END_\u00a0DATE", "\uff25ND_DATE", '"END_DATE"'],
)
def test_a_header_is_found_in_its_plain_form(bench: Bench, header: str) -> None:
    assert bench.validate(REGISTRATIONS, REGISTERED.replace("END_DATE", header) + registered(80), "2025-12-01") == ""
    ended = bench.lake.read("raw__registrations", "count(end_date) AS ended")["ended"][0].as_py()
    assert ended == 80


@pytest.mark.parametrize("empty", ["", "NULL", "  ", "\u00a0"])
def test_values_under_an_unused_header_next_to_their_empty_column_stop_the_run(bench: Bench, empty: str) -> None:
    header, rows = (
        PATIENT.replace("\n", ",DATE_OF_DEATH\n"),
        "p1,Y00001,1950,{0},0,0,0,0,2024-02-03\np2,Y00001,1950,{0},0,0,0,0,\n",
    )
    found = bench.validate(PATIENTS, header + rows.format(empty), "2026-01-01")
    assert "has no value in the column death_date (DEATH_DATE), and a header that is not used may be that column" in found
    assert "headers that were not used: DATE_OF_DEATH" in found
    assert "set source.nhs.feeds.patients.not_delivered: [death_date]" in found


@pytest.mark.parametrize(
    ("extra", "died", "absent"), [("NOTES", "", ()), ("DATE_OF_DEATH", "2024-02-03", ()), ("DATE_OF_DEATH", "", ("death_date",))]
)
def test_an_empty_column_without_such_a_header_stops_nothing(
    bench: Bench, extra: str, died: str, absent: tuple[str, ...]
) -> None:
    text = PATIENT.replace("\n", f",{extra}\n") + f"p1,Y00001,1950,{died},0,0,0,0,x\np2,Y00001,1950,,0,0,0,0,\n"
    assert bench.validate(PATIENTS, text, "2026-01-01", absent=absent) == ""

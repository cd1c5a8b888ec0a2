"""Which landed files are held before a decision accepts them: late ones, and those that repeat a delivery of another day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.catalogue import RAW_TABLES
from expectations.table import Table
from pipelines.conform.objection_inputs import read_objection_inputs
from pipelines.extracts.extract_records import current_extracts, read_extracts
from pipelines.extracts.held_files import held_files, repeated_files
from pipelines.extracts.ingest import IngestSummary, ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.extract_files import find_extracts
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.validate import validate_feed
from pipelines.validation.validation_settings import ValidationSettings

PATIENTS, ADMISSIONS, TYPE_1 = (RAW_TABLES[name] for name in ("patients", "admissions", "type_1_objections"))
HEADER = "Der_Pseudo_NHS_Number,Hospital_Spell_No,Der_Provider_Code,Admission_Date\n"
STAY = HEADER + "p1,1,RX1,2025-11-02\n"
NHS = NhsSettings()


class Bench:
    """A landing folder and a lake; days are of January 2026."""

    def __init__(self, folder: Path) -> None:
        self.landing, self.lake = folder / "landing", Lake(folder / "lake")

    def land(self, table: Table, day: int, content: str, name: str = "") -> None:
        file = self.landing / table.feed / f"{name}{table.feed}_2026-01-{day:02d}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode())

    def take(self, table: Table, late: dict[date, date] | None = None) -> IngestSummary:
        with connect() as con:
            return ingest_feed(self.lake, con, table, NHS, self.landing, late=late or {})

    def known(self, table: Table) -> dict[tuple[int, str], date]:
        return {(row.extract_date.day, row.file_name): row.known_date for row in current_extracts(self.lake, table.feed)}

    def repeated(self, table: Table) -> list[int]:
        landed = find_extracts(table.feed, NHS.feeds[table.feed], self.landing)
        return [file.extract_date.day for file in repeated_files(table, landed, read_extracts(self.lake, table.feed), "utf-8")]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def named(summary: IngestSummary) -> list[tuple[int, str]]:
    return [(one.file.extract_date.day, one.repeats.path if one.repeats else "late") for one in summary.held]


@pytest.mark.parametrize(
    ("first", "second", "held"),
    [
        ("1 2 3", "", ""), ("1 2 3", "4", ""), ("1 3", "2", "2"), ("3", "1 2", "1 2"), ("2 3", "1 4", "1"), ("2", "1", "1"),
        ("2 4", "1 3 5", "1 3"),
    ],
)  # fmt: skip
def test_only_what_is_dated_before_a_delivery_that_was_taken_in_is_late(bench: Bench, first: str, second: str, held: str) -> None:
    for days in (first, second):
        for day in map(int, days.split()):
            bench.land(ADMISSIONS, day, STAY + f"p{day},{day},RX1,2025-11-03\n")
        summary = bench.take(ADMISSIONS)
    assert named(summary) == [(int(day), "late") for day in held.split()]


def test_a_second_file_of_an_earlier_day_waits_and_is_known_from_its_decision(bench: Bench) -> None:
    for day in (1, 2):
        bench.land(ADMISSIONS, day, STAY + f"p{day},{day},RX1,2025-11-03\n")
    bench.take(ADMISSIONS)
    bench.land(ADMISSIONS, 1, HEADER + "p9,9,RX1,2025-11-09\n", "more_")
    assert named(bench.take(ADMISSIONS)) == [(1, "late")]
    assert not bench.take(ADMISSIONS, {date(2026, 1, 1): date(2026, 2, 5)}).held
    assert bench.known(ADMISSIONS) == {
        (1, "admissions_2026-01-01.csv"): date(2026, 1, 1), (1, "more_admissions_2026-01-01.csv"): date(2026, 2, 5),
        (2, "admissions_2026-01-02.csv"): date(2026, 1, 2),
    }  # fmt: skip
    bench.land(ADMISSIONS, 1, HEADER + "p9,9,RX1,2025-11-10\n", "more_")  # its correction arrived after it
    assert not bench.take(ADMISSIONS).held
    assert bench.known(ADMISSIONS)[1, "more_admissions_2026-01-01.csv"] == date(2026, 2, 5)


def test_a_further_file_of_the_latest_day_a_copy_and_a_correction_are_normal(bench: Bench) -> None:
    for day in (1, 2):
        bench.land(ADMISSIONS, day, STAY + f"p{day},{day},RX1,2025-11-03\n")
    bench.take(ADMISSIONS)
    bench.land(ADMISSIONS, 2, HEADER + "p8,8,RX1,2025-11-03\n", "more_")
    bench.land(ADMISSIONS, 1, (STAY + "p1,1,RX1,2025-11-03\n").replace("\n", "\r\n"), "copy_")
    bench.land(ADMISSIONS, 1, STAY + "p1,1,RX2,2025-11-03\n")
    assert (named(summary := bench.take(ADMISSIONS)), len(summary.new)) == ([], 3)


@pytest.mark.parametrize("again", [STAY, STAY.replace("\n", "\r\n"), "\ufeff" + STAY])
def test_content_of_another_day_is_held_and_moves_no_date(bench: Bench, again: str) -> None:
    bench.land(ADMISSIONS, 1, STAY)
    bench.take(ADMISSIONS)
    bench.land(ADMISSIONS, 9, again)
    assert bench.repeated(ADMISSIONS) == [9]
    assert named(bench.take(ADMISSIONS)) == [(9, "admissions/admissions_2026-01-01.csv")]
    landed = find_extracts("admissions", NHS.feeds["admissions"], bench.landing)
    assert [
        one.file.extract_date.day for one in held_files(ADMISSIONS, landed, read_extracts(bench.lake, "admissions"), "utf-8")
    ] == [9]
    assert not bench.take(ADMISSIONS, {date(2026, 1, 9): date(2026, 1, 12)}).held
    assert bench.known(ADMISSIONS)[9, "admissions_2026-01-09.csv"] == date(2026, 1, 12)
    assert bench.repeated(ADMISSIONS) == []


def test_content_of_another_day_is_held_on_the_first_load_and_after_other_deliveries(bench: Bench) -> None:
    for day, content in ((1, STAY), (2, STAY + "p2,2,RX1,2025-11-03\n"), (3, STAY)):
        bench.land(ADMISSIONS, day, content)
    assert bench.repeated(ADMISSIONS) == [3]
    assert named(bench.take(ADMISSIONS)) == [(3, "admissions/admissions_2026-01-01.csv")]


def test_empty_deliveries_and_feeds_that_may_stay_as_they_are_are_taken_in(bench: Bench) -> None:
    objections = "PERSON_ID,ORGANISATION_ID,STATUS,EFFECTIVE_DATE\np1,A81001,1,2020-01-01\n"
    for day in (1, 2):
        bench.land(ADMISSIONS, day, HEADER)
        bench.land(TYPE_1, day, objections)
    for table in (ADMISSIONS, TYPE_1):
        assert bench.repeated(table) == []
        assert (named(summary := bench.take(table)), len(summary.new)) == ([], 2)


def test_objections_of_a_practice_that_delivers_after_another_are_taken_in_and_placed_by_their_day(bench: Bench) -> None:
    header = "PERSON_ID,ORGANISATION_ID,STATUS,EFFECTIVE_DATE\n"
    bench.land(TYPE_1, 31, header + "p1,B81001,1,2020-01-01\n")
    bench.take(TYPE_1)
    bench.land(TYPE_1, 28, header + "p2,A81001,1,2020-01-01\n")
    assert (named(summary := bench.take(TYPE_1)), len(summary.new)) == ([], 1)
    assert {day for day, _ in bench.known(TYPE_1)} == {28, 31}
    with connect() as con:
        validate_feed(bench.lake, con, TYPE_1, NHS, ValidationSettings())
        inputs = read_objection_inputs(bench.lake, [TYPE_1], NHS)
        stated = con.sql(f"SELECT DISTINCT person_id, day(extract_date) FROM {inputs.statements} WHERE status = '1' ORDER BY ALL")
        assert [day for _, day in stated.fetchall()] == [31, 28]
    assert {day.day for _, day in inputs.late} == {28}


def test_a_late_national_list_waits(bench: Bench) -> None:
    national = RAW_TABLES["national_opt_outs"]
    for day in (20, 10):
        bench.land(national, day, f"PERSON_ID\np{day}\n")
        summary = bench.take(national)
    assert named(summary) == [(10, "late")]


def test_the_registered_list_may_not_repeat(bench: Bench) -> None:
    for day in (1, 2):
        bench.land(PATIENTS, day, "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR\np1,A81001,1950\n")
    assert named(bench.take(PATIENTS)) == [(2, "patients/patients_2026-01-01.csv")]

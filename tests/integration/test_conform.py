"""All conform steps over one small ICB, made with SQL: the tables agree with their sources and with each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from expectations.catalogue import RAW_TABLES
from expectations.table import Kind
from pipelines.conform import core_tables as board_steps
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import (
    conform_coverage,
    conform_events,
    conform_linkage,
    conform_people,
    conform_registrations,
    conform_spells,
)
from pipelines.conform.coverage import CoverageSettings
from pipelines.conform.event import EventRequest, EventSettings
from pipelines.conform.feeds import Sources
from pipelines.conform.linkage import LinkageSettings, check_linkage
from pipelines.conform.registration import RegistrationSettings
from pipelines.errors import ValidationStop
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.validation.typed_rows import SENT, organisation_column

PEOPLE, CUT = 2_400, date(2026, 1, 1)
SQL_TYPES = {Kind.DATE: "DATE", Kind.INTEGER: "INTEGER", Kind.NUMBER: "DOUBLE", Kind.BOOLEAN: "BOOLEAN"}
RULES, LAGS = ClinicalRules(), AvailabilitySettings(lag_days={"admissions": 45, "emergency_attendances": 14})

SOMEONE = f"'p' || lpad(CAST(hash(i) % {PEOPLE} AS VARCHAR), 5, '0')"
SYSTOLIC = "271649006"
DAY = "DATE '2024-01-01' + CAST(hash(i * 7) % 731 AS INTEGER)"
PRACTICE = "'Y0000' || (1 + hash(person_id) % 4)"
ROWS = {
    "patients": (PEOPLE, {"person_id": "'p' || lpad(CAST(i AS VARCHAR), 5, '0')", "practice_code": PRACTICE, "birth_year": "1930 + i % 90",
                          "sex": "CAST(1 + i % 2 AS VARCHAR)", "lsoa_code": "'E0100000' || i % 5"}),
    "registrations": (PEOPLE, {"person_id": "'p' || lpad(CAST(i AS VARCHAR), 5, '0')", "practice_code": PRACTICE,
                               "start_date": "DATE '2010-01-01' + CAST(i AS INTEGER)"}),
    "admissions": (1_500, {"person_id": SOMEONE, "spell_number": "i", "provider_code": "'RX' || (1 + i % 3)", "admission_date": DAY,
                           "discharge_date": f"least({DAY} + CAST(i % 9 AS INTEGER), DATE '2026-01-01')", "admission_method": "CASE WHEN i % 3 = 0 THEN '21' ELSE '11' END",
                           "discharge_destination": "CASE WHEN i % 4 = 0 THEN '51' ELSE '19' END", "primary_diagnosis": "'I2' || i % 9 || '.0'",
                           "diagnoses": "'I2' || i % 9 || '.0,E119,J44' || i % 5", "cost": "100.0 + i", "treatment_function": "'300'"}),
    "emergency_attendances": (2_000, {"person_id": SOMEONE, "record_id": "i", "provider_code": "'RX' || (1 + i % 3)", "arrival_date": DAY,
                                      "department_type": "CASE WHEN i % 10 = 0 THEN '5' ELSE '01' END", "arrival_time": "'23:10'"}),
    "gp_observations": (30_000, {"person_id": SOMEONE, "record_id": "i", "practice_code": PRACTICE, "effective_date": DAY,
                                 "concept_code": "CAST(271649000 + hash(i * 3) % 40 AS VARCHAR)", "result_value": "CAST(i % 50 AS DOUBLE)"}),
}  # fmt: skip


def rows_sql(feed: str, count: int, columns: dict[str, str]) -> str:
    types = {column.name: SQL_TYPES.get(column.kind, "VARCHAR") for column in RAW_TABLES[feed].columns}
    values = {"extract_date": f"DATE '{CUT}'", "row_number": "i + 1", **columns}
    person = values.pop("person_id")
    selected = ", ".join(
        f"CAST({values.get(name, 'NULL')} AS {kind}) AS {name}" for name, kind in types.items() if name != "person_id"
    )
    organisation = organisation_column(RAW_TABLES[feed])
    sent = f"{organisation} AS {SENT}, " if organisation else ""
    return (
        f"(SELECT person_id, {selected}, {sent}extract_date AS first_extract_date, true AS is_first_delivery, "
        f"extract_date AS key_extract_date, true AS key_in_first_delivery FROM (SELECT i, {person} AS person_id FROM range({count}) AS t(i)))"
    )


SOURCES: Sources = {feed: rows_sql(feed, count, columns) for feed, (count, columns) in ROWS.items()}


def conform(lake: Lake, con: duckdb.DuckDBPyConnection, sources: Sources, work: Path) -> dict[str, object]:
    return {
        **conform_people(lake, con, sources, RULES),
        **conform_registrations(lake, con, sources, RegistrationSettings()),
        **conform_spells(lake, con, sources, RULES, LAGS),
        **conform_events(lake, con, sources, EventRequest(RULES, LAGS, work, EventSettings(people_per_file=1_000))),
        **conform_coverage(lake, con, sources, CoverageSettings(), CUT, {}),
        **conform_linkage(lake, con, sources),
    }


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lake, duckdb.DuckDBPyConnection, dict[str, object]]]:
    home = tmp_path_factory.mktemp("board")
    lake = Lake(home / "lake")
    with connect() as con:
        yield lake, con, conform(lake, con, SOURCES, home / "work")


def value(con: duckdb.DuckDBPyConnection, query: str) -> object:
    return con.sql(query).fetchall()[0][0]


def test_every_row_of_a_feed_becomes_an_event(board):
    lake, con, summary = board
    events = f"{lake.scan('core__event')} JOIN {lake.scan('core__event_type')} USING (event_type)"
    named = dict(con.sql(f"SELECT name, count(*) FROM {events} GROUP BY name").fetchall())
    assert named["gp_observation"] == 30_000
    assert named["ae_attendance"] + named["same_day_emergency_care"] == 2_000
    assert named["out_of_hours_attendance"] == named["ae_attendance"]
    assert named["emergency_admission"] + named["elective_admission"] == summary["spells"]
    assert summary["stays"] <= summary["admission_rows"] == 1_500
    assert summary["events"] == lake.rows("core__event") == sum(named.values())


def test_each_file_of_events_holds_one_range_of_people_in_order(board):
    lake, _, _ = board
    ranges = []
    for file in lake.files("core__event"):
        table = pq.read_table(file, columns=["person_key", "event_date", "event_type", "code"]).to_pandas()
        assert table.equals(table.sort_values(list(table.columns), kind="stable").reset_index(drop=True))
        ranges.append({int(key) // 1_000 for key in table["person_key"]})
    assert sorted(ranges, key=min) == [{0}, {1}, {2}]


def test_codes_people_and_providers_can_be_decoded(board):
    lake, con, _ = board
    # Of a systolic pressure no value below 50 is plausible, so it is set aside.
    sent = f"CASE WHEN concept_code <> '{SYSTOLIC}' OR result_value >= 50 THEN CAST(result_value AS FLOAT) END"
    missing = f"""SELECT count(*) FROM (
        SELECT person_id, effective_date, concept_code, {sent}, practice_code FROM {SOURCES["gp_observations"]}
        EXCEPT ALL
        SELECT person_id, event_date, coded.source_code, value, sent.source_code
        FROM {lake.scan("core__event")} AS event JOIN {lake.scan("core__person")} USING (person_key)
        JOIN {lake.scan("core__code")} AS coded ON coded.code = event.code JOIN {lake.scan("core__code")} AS sent ON sent.code = provider
        WHERE event_type = 40)"""
    assert value(con, missing) == 0
    numbers = con.sql(
        f"SELECT code, code_system, source_code FROM {lake.scan('core__code')} ORDER BY code_system, source_code"
    ).fetchall()
    assert [number for number, *_ in numbers] == list(range(1, len(numbers) + 1))
    assert {"icd10", "ods", "snomed", "department_type", "treatment_function"} == {system for _, system, _ in numbers}


def test_nothing_is_known_before_it_happened_and_its_lag_is_over(board):
    lake, con, _ = board
    events = lake.scan("core__event")
    assert value(con, f"SELECT count(*) FROM {events} WHERE available_date < event_date") == 0
    late = f"SELECT count(*) FROM {events} WHERE event_type IN (5, 6, 7, 8, 9) AND available_date <> event_date + 45"
    assert value(con, late) == 0


def test_every_month_of_every_practice_and_provider_has_a_coverage_status(board):
    lake, con, _ = board
    judged = con.sql(
        f"SELECT feed, organisation_role, count(*), count(DISTINCT organisation_code), count(DISTINCT month) FROM {lake.scan('core__coverage')} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    assert judged == [
        ("admissions", "practice", 96, 4, 24),
        ("admissions", "provider", 72, 3, 24),
        ("emergency_attendances", "practice", 96, 4, 24),
        ("emergency_attendances", "provider", 72, 3, 24),
        ("gp_observations", "practice", 96, 4, 24),
    ]
    assert value(con, f"SELECT count(*) FROM {lake.scan('core__coverage')} WHERE status <> 'covered'") == 0


def test_a_second_run_makes_the_same_tables_and_a_new_person_changes_no_key(board, tmp_path):
    lake, con, _ = board
    names = [
        "core__person",
        "core__registration",
        "core__residence",
        "core__spell",
        "core__event",
        "core__code",
        "core__coverage",
        "core__linkage",
    ]
    before = {name: con.sql(f"SELECT * FROM {lake.scan(name)} ORDER BY ALL").to_arrow_table() for name in names}
    conform(lake, con, SOURCES, tmp_path / "work")
    for name in names:
        assert con.sql(f"SELECT * FROM {lake.scan(name)} ORDER BY ALL").to_arrow_table().equals(before[name]), name
    keys = dict(con.sql(f"SELECT person_id, person_key FROM {lake.scan('core__person')}").fetchall())
    newcomer = rows_sql(
        "gp_medication_orders",
        1,
        {"person_id": "'a'", "practice_code": "'Y00001'", "issue_date": DAY, "medicine_code": "'319775004'"},
    )
    conform_people(lake, con, {**SOURCES, "gp_medication_orders": newcomer}, RULES)
    assert dict(con.sql(f"SELECT person_id, person_key FROM {lake.scan('core__person')}").fetchall()) == {**keys, "a": len(keys)}


def test_a_run_killed_between_dictionary_and_events_leaves_every_event_its_codes(tmp_path, monkeypatch):
    lake, cut_off = (
        Lake(tmp_path / "lake"),
        {**SOURCES, "gp_observations": SOURCES["gp_observations"].replace("271649000", "190000000")},
    )
    meaning = """SELECT event_date, event_type, coded.source_code, sent.source_code FROM {event} AS event
        LEFT JOIN {code} AS coded ON coded.code = event.code LEFT JOIN {code} AS sent ON sent.code = provider ORDER BY ALL"""
    with connect() as con:
        conform(lake, con, SOURCES, tmp_path / "work")

        def read() -> list[tuple]:
            return con.sql(meaning.format(event=lake.scan("core__event"), code=lake.scan("core__code"))).fetchall()

        before = read()

        def killed(*_: object) -> int:
            raise KeyboardInterrupt

        monkeypatch.setattr(board_steps, "write_events", killed)
        with pytest.raises(KeyboardInterrupt):
            conform(lake, con, cut_off, tmp_path / "work")
        assert lake.version("core__code") == 1
        assert read() == before
        monkeypatch.undo()
        conform(lake, con, cut_off, tmp_path / "work")
        again = read()
    assert again != before
    assert all(code for _, kind, code, _ in again if kind == 40)


def test_events_of_unknown_people_stop_the_stage(tmp_path):
    lake = Lake(tmp_path / "lake")
    strangers = {**SOURCES, "gp_observations": SOURCES["gp_observations"].replace("'p' ||", "'q' ||")}
    with connect() as con:
        summary = conform(lake, con, strangers, tmp_path / "work")
    assert summary["on_list_gp_observations"] == 0
    assert summary["unregistered_people_with_hospital_activity"] == 0
    with pytest.raises(ValidationStop, match="gp_observations, ALL: 0 of"):
        check_linkage(lake.read("core__linkage").to_pandas(), LinkageSettings())


@pytest.mark.parametrize(
    "absent",
    [
        ("patients", "registrations"),
        ("registrations",),
        ("admissions",),
        ("gp_observations", "emergency_attendances", "admissions"),
    ],
)
def test_feeds_may_be_absent(tmp_path, absent):
    lake = Lake(tmp_path / "lake")
    with connect() as con:
        summary = conform(lake, con, {feed: source for feed, source in SOURCES.items() if feed not in absent}, tmp_path / "work")
        if "registrations" in absent:
            assert "registrations" in str(summary["absent_feeds"])
            assert summary["registrations"] == (0 if "patients" in absent else PEOPLE)
            assert value(con, f"SELECT bool_and(start_is_load_date) FROM {lake.scan('core__registration')}") in (True, None)
        if "admissions" in absent:
            assert summary["spells"] == 0
    if set(absent) == {"patients", "registrations"}:
        assert summary["on_list"] == 0
        assert summary["unregistered_people_with_hospital_activity"] > 0
        check_linkage(lake.read("core__linkage").to_pandas(), LinkageSettings())
    empty = {feed: source if feed not in absent else f"(SELECT * FROM {source} WHERE false)" for feed, source in SOURCES.items()}
    again = Lake(tmp_path / "again")
    with connect() as con:
        assert conform(again, con, empty, tmp_path / "work") | {"absent_feeds": ""} == summary | {"absent_feeds": ""}

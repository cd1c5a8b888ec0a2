from datetime import date
from pathlib import Path

import pytest

from expectations.suppression import LOST_MARKS
from expectations.tables.raw_gp import OPT_OUTS, PATIENTS
from expectations.tables.raw_hospital import OUTPATIENT_APPOINTMENTS
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.objection_inputs import read_objection_inputs
from pipelines.conform.objections import ObjectionSettings, conform_objections
from pipelines.conform.person import StatedFacts, person_sql
from pipelines.errors import ExtractError
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings, NhsSettings, ReplacesMonths
from pipelines.validation.valid_extracts import first_restated_day
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

HEADER = "Der_Pseudo_NHS_Number,OPA_Ident,Provider_Code,Appointment_Date,Attendance_Status\n"
LENIENT = ValidationSettings(limits={"share_set_aside": 1, "unknown_codes": 1, "feed_collapsed": 0})


def row(number: int, day: str, status: str = "5") -> str:
    return f"p{number},{number},RX1,{day},{status}\n"


def deliver(folder: Path, load: object, deliveries: dict[str, str]) -> tuple[Lake, NhsSettings]:
    """Write deliveries, take them in and validate them."""
    lake, nhs = Lake(folder / "lake"), NhsSettings(feeds={"outpatient_appointments": FeedSettings(load=load)})
    landing = folder / "outpatient_appointments"
    landing.mkdir()
    for day, rows in deliveries.items():
        (landing / f"op_{day}.csv").write_text(HEADER + rows)
    with connect() as con:
        ingest_feed(lake, con, OUTPATIENT_APPOINTMENTS, nhs, folder)
        validate_feed(lake, con, OUTPATIENT_APPOINTMENTS, nhs, LENIENT)
    return lake, nhs


def read(lake: Lake, nhs: NhsSettings, columns: str) -> list[tuple]:
    with connect() as con:
        rows = validated_rows_sql(lake, nhs, "outpatient_appointments")
        return con.execute(f"SELECT {columns} FROM {rows} ORDER BY CAST(record_id AS INTEGER)").fetchall()


JANUARY, FEBRUARY = date(2025, 1, 10), date(2025, 2, 10)


def test_one_delivery_is_read_as_it_is(tmp_path: Path) -> None:
    lake, nhs = deliver(tmp_path, "append", {"2025-01-10": row(1, "2024-12-01") + row(2, "soon") + row(3, "2024-12-03", "x")})
    assert read(
        lake, nhs, "record_id, appointment_date, attendance_status, first_extract_date, is_first_delivery, row_number"
    ) == [
        ("1", date(2024, 12, 1), "5", JANUARY, True, 1),
        ("3", date(2024, 12, 3), None, JANUARY, True, 3),
    ]


def test_the_latest_snapshot_replaces_all(tmp_path: Path) -> None:
    first, second = row(1, "2024-12-01") + row(2, "2024-12-02"), row(2, "2024-12-02") + row(3, "2024-12-03")
    lake, nhs = deliver(tmp_path, "snapshot", {"2025-01-10": first, "2025-02-10": second})
    assert read(lake, nhs, "record_id, extract_date, first_extract_date, is_first_delivery") == [
        ("2", FEBRUARY, JANUARY, True),
        ("3", FEBRUARY, FEBRUARY, False),
    ]


def test_what_a_restated_month_lacks_is_gone(tmp_path: Path) -> None:
    first = row(1, "2024-10-31") + row(2, "2024-11-01") + row(3, "2024-12-24")
    second = row(3, "2024-12-24") + row(4, "2025-01-05")
    lake, nhs = deliver(tmp_path, ReplacesMonths(replaces_months=3), {"2025-01-10": first, "2025-02-10": second})
    assert read(lake, nhs, "record_id, extract_date, first_extract_date") == [
        ("1", JANUARY, JANUARY),
        ("3", FEBRUARY, JANUARY),
        ("4", FEBRUARY, FEBRUARY),
    ]


def test_additions_win_by_key_and_changed_content_is_new(tmp_path: Path) -> None:
    first, second = row(1, "2024-12-01") + row(2, "2024-12-02"), row(2, "2024-12-02", "3")
    lake, nhs = deliver(tmp_path, "append", {"2025-01-10": first, "2025-02-10": second})
    columns = "record_id, attendance_status, first_extract_date, is_first_delivery, key_extract_date, key_in_first_delivery"
    assert read(lake, nhs, columns) == [("1", "5", JANUARY, True, JANUARY, True), ("2", "3", FEBRUARY, False, JANUARY, True)]


def test_a_column_that_no_event_is_made_of_makes_no_row_new(tmp_path: Path) -> None:
    lake, nhs = deliver(tmp_path, "append", {"2025-01-10": row(1, "2024-12-01")})
    later = HEADER.strip() + ",Outcome_of_Attendance\n" + row(1, "2024-12-01").strip() + ",1\n"
    (tmp_path / "outpatient_appointments" / "op_2025-02-10.csv").write_text(later)
    with connect() as con:
        ingest_feed(lake, con, OUTPATIENT_APPOINTMENTS, nhs, tmp_path)
        validate_feed(lake, con, OUTPATIENT_APPOINTMENTS, nhs, LENIENT)
    assert read(lake, nhs, "outcome, extract_date, first_extract_date") == [("1", FEBRUARY, JANUARY)]


def test_a_person_who_moved_or_died_was_on_the_list_since_the_delivery_that_first_named_them(tmp_path: Path) -> None:
    lake, nhs = Lake(tmp_path / "lake"), NhsSettings(feeds={"patients": FeedSettings(not_delivered=tuple(LOST_MARKS))})
    (tmp_path / "patients").mkdir()
    header = "PERSON_ID,REGISTERED_PRACTICE_ORGANISATION_ID,BIRTH_YEAR,DEATH_DATE,LSOA_CODE\n"
    first = "ann,Y00001,1950,,E01000001\nbob,Y00001,1950,,E01000001\n"
    second = "ann,Y00001,1950,2025-02-01,E01000001\nbob,Y00001,1950,,E01000002\ncat,Y00001,1950,,E01000001\n"
    for day, rows in {"2025-01-10": first, "2025-02-10": second}.items():
        (tmp_path / "patients" / f"patients_{day}.csv").write_text(header + rows)
    with connect() as con:
        ingest_feed(lake, con, PATIENTS, nhs, tmp_path)
        validate_feed(lake, con, PATIENTS, nhs, LENIENT)
        found = con.execute(
            f"SELECT person_id, lsoa_code, first_extract_date FROM {validated_rows_sql(lake, nhs, 'patients')} ORDER BY person_id"
        ).fetchall()
    assert found == [("ann", "E01000001", JANUARY), ("bob", "E01000002", JANUARY), ("cat", "E01000001", FEBRUARY)]


def test_an_opt_out_with_a_strange_date_stays_in_the_flow(tmp_path: Path) -> None:
    lake, nhs = Lake(tmp_path / "lake"), NhsSettings(feeds={"opt_outs": FeedSettings()})
    (tmp_path / "opt_outs").mkdir()
    rows = "ann,type_1,1,1900-01-01\nbob,type_1,1,2025-06-01\ncat,type_1,0,2020-01-01\n"
    (tmp_path / "opt_outs" / "opt_outs_2025-01-10.csv").write_text("PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\n" + rows)
    with connect() as con:
        ingest_feed(lake, con, OPT_OUTS, nhs, tmp_path)
        summary = validate_feed(lake, con, OPT_OUTS, nhs, LENIENT)
        found = con.execute(f"SELECT person_id FROM {validated_rows_sql(lake, nhs, 'opt_outs')} ORDER BY 1").fetchall()
    assert [name for (name,) in found] == ["ann", "bob", "cat"]
    assert (summary.broken["placeholder_date"], summary.broken["date_after_extract"]) == (1, 1)


def test_a_wish_to_opt_out_is_kept_whatever_its_row_lacks_and_its_row_is_named(tmp_path: Path) -> None:
    lake, nhs = Lake(tmp_path / "lake"), NhsSettings(feeds={"opt_outs": FeedSettings()})
    (tmp_path / "opt_outs").mkdir()
    header = "PERSON_ID,OPT_OUT_TYPE,STATUS,EFFECTIVE_DATE\n"
    first = "ann,type_1,1,soon\nbob,type_1,Yes,2020-01-01\ncat,,1,2020-01-01\ndan,national,,\neve,type_1,1,2020-01-01\neve,type_1,0,\n"
    for day, rows in {"2025-01-10": first, "2025-02-10": "fay,type_1,1,2025-01-20\n"}.items():
        (tmp_path / "opt_outs" / f"opt_outs_{day}.csv").write_text(header + rows)
    with connect() as con:
        ingest_feed(lake, con, OPT_OUTS, nhs, tmp_path)
        summary = validate_feed(lake, con, OPT_OUTS, nhs, LENIENT)
        source = validated_rows_sql(lake, nhs, "opt_outs")
        found = con.execute(f"SELECT person_id, opt_out_type, status, effective_date FROM {source} ORDER BY ALL").fetchall()
        conform_objections(lake, con, {}, read_objection_inputs(lake, [OPT_OUTS], nhs), ObjectionSettings())
        ids, objections = f"(SELECT person_id FROM {source})", lake.scan("core__objection")
        query = person_sql(ids, {"opt_outs": source}, ClinicalRules(), stated=StatedFacts(objections=objections))
        people = con.execute(f"SELECT person_id, type_1_opt_out, national_data_opt_out FROM ({query}) ORDER BY 1").fetchall()
    new_year = date(2020, 1, 1)
    assert found == [
        ("ann", "TYPE_1", "1", JANUARY),
        ("bob", "TYPE_1", "1", new_year),
        ("cat", "TYPE_1", "1", new_year),
        ("dan", "NATIONAL", "1", JANUARY),
        ("eve", "TYPE_1", "0", date(1900, 1, 1)),
        ("eve", "TYPE_1", "1", new_year),
        ("fay", "TYPE_1", "1", date(2025, 1, 20)),
    ]
    assert people == [(name, name != "dan", name == "dan") for name in ("ann", "bob", "cat", "dan", "eve", "fay")]
    counts = {
        name: summary.broken[name] for name in ("opt_out_without_date", "opt_out_of_unknown_status", "opt_out_of_unknown_type")
    }
    assert counts == {"opt_out_without_date": 3, "opt_out_of_unknown_status": 2, "opt_out_of_unknown_type": 1}
    assert summary.rows_set_aside == 0


def test_the_same_content_in_two_deliveries_belongs_to_both_once_it_is_accepted(tmp_path: Path) -> None:
    rows = row(1, "2024-12-01")
    lake, nhs = deliver(tmp_path, "snapshot", {"2025-01-10": rows, "2025-02-10": rows})
    assert read(lake, nhs, "record_id, extract_date, first_extract_date") == [("1", JANUARY, JANUARY)]
    with connect() as con:
        ingest_feed(lake, con, OUTPATIENT_APPOINTMENTS, nhs, tmp_path, late={FEBRUARY: FEBRUARY})
        validate_feed(lake, con, OUTPATIENT_APPOINTMENTS, nhs, LENIENT)
    assert read(lake, nhs, "record_id, extract_date, first_extract_date") == [("1", FEBRUARY, JANUARY)]


def test_only_keys_that_several_deliveries_tell_are_compared_and_only_once(tmp_path: Path) -> None:
    first, second = row(1, "2024-12-01") + row(2, "2024-12-02"), row(2, "2024-12-02", "3") + row(3, "2024-12-03")
    lake, nhs = deliver(tmp_path, "append", {"2025-01-10": first, "2025-02-10": second})
    rows = read(lake, nhs, "record_id, attendance_status, first_extract_date")
    columns = "extract_date, row_number, holds, first_extract_date, key_extract_date, superseded_date"
    assert [tuple(one.values()) for one in lake.read("core__restated_rows", columns, order="extract_date").to_pylist()] == [
        (JANUARY, 2, False, JANUARY, JANUARY, FEBRUARY),
        (FEBRUARY, 1, True, FEBRUARY, JANUARY, None),
    ]
    assert read(lake, nhs, "record_id, attendance_status, first_extract_date") == rows
    assert lake.version("core__restated_rows") == 0
    (tmp_path / "outpatient_appointments" / "op_2025-03-10.csv").write_text(HEADER + row(3, "2024-12-03", "7"))
    with connect() as con:
        ingest_feed(lake, con, OUTPATIENT_APPOINTMENTS, nhs, tmp_path)
        validate_feed(lake, con, OUTPATIENT_APPOINTMENTS, nhs, LENIENT)
    assert read(lake, nhs, "record_id, attendance_status") == [("1", "5"), ("2", "3"), ("3", "7")]
    assert lake.rows("core__restated_rows") == 4


def test_a_restated_period_begins_with_a_month() -> None:
    assert first_restated_day(date(2026, 1, 1), 12) == date(2025, 1, 1)
    assert first_restated_day(date(2026, 3, 15), 3) == date(2025, 12, 1)


def test_an_extract_that_is_not_validated_is_refused(tmp_path: Path) -> None:
    lake, nhs = deliver(tmp_path, "append", {"2025-01-10": row(1, "2024-12-01")})
    (tmp_path / "outpatient_appointments" / "op_2025-02-10.csv").write_text(HEADER + row(2, "2025-01-20"))
    with connect() as con:
        ingest_feed(lake, con, OUTPATIENT_APPOINTMENTS, nhs, tmp_path)
    with pytest.raises(ExtractError, match=r"op_2025-02-10\.csv.*not validated"):
        read(lake, nhs, "record_id")


def test_a_feed_without_extracts_reads_as_no_rows(tmp_path: Path) -> None:
    with connect() as con:
        rows = con.sql(f"SELECT * FROM {validated_rows_sql(Lake(tmp_path), NhsSettings(), 'opt_outs')}")
        assert {column.name for column in OPT_OUTS.columns} - {"file_name"} <= set(rows.columns)
        assert rows.fetchall() == []

from __future__ import annotations

from datetime import date

import pytest

from expectations.feeds import EVENT_FEEDS, FEEDS
from expectations.tables import core
from features.events import NUMBER_OF
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.codes import code_sql
from pipelines.conform.event import EventRequest, EventSettings, Numbers, write_events
from pipelines.conform.event_rows import EventRows, feed_event_rows, spell_event_rows
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

RULES = ClinicalRules()
LAGS = AvailabilitySettings(lag_days={"emergency_attendances": 7})
SENSITIVE = "CASE primary_diagnosis WHEN 'R074' THEN 'R07' END"
NAME_OF = {number: name for name, number in NUMBER_OF.items()}


def events_of(table, part: EventRows) -> list[tuple]:
    rows = table(f"SELECT * FROM ({part.sql}) ORDER BY ALL")
    return [(NAME_OF[row["event_type"]], row["code"], row["value"], row["available_date"]) for row in rows]


@pytest.fixture
def attendance(feed_rows, table):
    def run(**row: object) -> list[str]:
        base = {
            "person_id": "ann",
            "arrival_date": date(2024, 3, 6),
            "provider_code": "RX1",
            "department_type": "01",
        }  # a Wednesday
        (part,) = feed_event_rows({"emergency_attendances": feed_rows("emergency_attendances", base | row)}, RULES, LAGS)
        return sorted(name for name, *_ in events_of(table, part))

    return run


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"arrival_time": "12:00"}, ["ae_attendance"]),
        ({"department_type": "3", "attendance_category": "2"}, ["ae_attendance"]),
        ({"department_type": "05"}, ["same_day_emergency_care"]),
        ({"department_type": "5", "arrival_mode": "1048031000000100"}, ["same_day_emergency_care"]),
        ({"attendance_category": "4"}, ["other_emergency_care_record"]),
        ({"department_type": None}, ["other_emergency_care_record"]),
        ({"discharge_status": "63238001"}, ["other_emergency_care_record"]),
        ({"arrival_mode": "1048051000000107"}, ["ae_attendance", "ambulance_arrival"]),
        ({"arrival_time": "1830"}, ["ae_attendance", "out_of_hours_attendance"]),
        ({"arrival_time": "07:59"}, ["ae_attendance", "out_of_hours_attendance"]),
        ({"arrival_time": "08:00:00"}, ["ae_attendance"]),
        ({"arrival_date": date(2024, 3, 9)}, ["ae_attendance", "out_of_hours_attendance"]),
        ({"discharge_status": "1066301000000103", "arrival_mode": "1", "arrival_time": "2300"},
         ["ae_attendance", "ambulance_arrival", "left_before_seen", "out_of_hours_attendance"]),
    ],
)  # fmt: skip
def test_what_an_emergency_care_record_is(attendance, row, expected):
    assert attendance(**row) == expected


def test_appointments_and_the_gp_record(feed_rows, table):
    appointment = {"person_id": "ann", "appointment_date": date(2024, 1, 1), "treatment_function": "300"}
    sources = {
        "outpatient_appointments": feed_rows("outpatient_appointments", *(appointment | {"attendance_status": status} for status in "56372")),
        "gp_observations": feed_rows("gp_observations", {"concept_code": "60621009", "effective_date": date(2024, 1, 1),
                                                         "recorded_date": date(2024, 1, 5), "result_value": 27.5}),
        "gp_medication_orders": feed_rows("gp_medication_orders", {"medicine_code": "319775004", "issue_date": date(2024, 2, 1), "quantity": 28.0,
                                          "is_first_delivery": False, "first_extract_date": date(2024, 3, 1)}),
    }  # fmt: skip
    outpatients, observations, medicines = feed_event_rows(sources, RULES, LAGS)
    assert [name for name, *_ in events_of(table, outpatients)] == ["outpatient_attended"] * 2 + ["outpatient_missed"] * 2 + [
        "outpatient_other"
    ]
    assert events_of(table, observations) == [("gp_observation", "60621009", 27.5, date(2024, 1, 5))]
    assert events_of(table, medicines) == [("gp_medication", "319775004", 28.0, date(2024, 2, 29))]


SPELLS = """(SELECT * FROM (VALUES
    (0, 'emergency', DATE '2024-01-01', DATE '2024-01-04', 3, 'I210', 'E119,I210', 1200.0),
    (0, 'emergency', DATE '2024-02-01', DATE '2024-02-01', 0, 'R074', 'R074', NULL),
    (1, 'elective', DATE '2024-03-01', DATE '2024-03-02', 1, NULL, NULL, NULL),
    (1, 'emergency', DATE '2024-04-01', NULL, NULL, 'J189', 'J189', 10.0),
    (2, 'birth', DATE '2024-05-01', DATE '2024-05-03', 2, 'Z380', 'Z380', NULL)
  ) AS t(person_key, spell_class, admission_date, discharge_date, nights, primary_diagnosis, diagnoses, cost)
  CROSS JOIN (SELECT '300' AS treatment_function, 'RX1' AS provider_code, DATE '2024-06-01' AS admission_available_date,
                     DATE '2024-06-15' AS discharge_available_date))"""


def test_a_spell_is_an_admission_and_what_is_known_at_its_discharge(table):
    admissions, discharges, costs = spell_event_rows(SPELLS, SENSITIVE)
    assert [name for name, *_ in events_of(table, admissions)] == ["emergency_admission"] * 2 + [
        "elective_admission",
        "emergency_admission",
        "other_admission",
    ]
    assert {available for *_, available in events_of(table, admissions)} == {date(2024, 6, 1)}
    assert sorted((name, code or "", value) for name, code, value, _ in events_of(table, discharges) if value is not None) == [
        ("ambulatory_care_sensitive_discharge", "R07", 0.0),
        ("elective_discharge", "", 1.0),
        ("emergency_discharge_overnight", "I210", 3.0),
        ("emergency_discharge_zero_day", "R074", 0.0),
    ]
    assert sorted(code for name, code, *_ in events_of(table, discharges) if name == "hospital_diagnosis") == [
        "E119",
        "I210",
        "R074",
        "Z380",
    ]
    assert events_of(table, costs) == [("spell_cost", None, 1200.0, date(2024, 6, 15))]


ROWS = """SELECT person_id, event_date, event_date AS available_date, 40 AS event_type, code, value, 'Y00001' AS provider FROM (VALUES
    ('p2500', DATE '2024-01-02', '22', 1.5), ('p0001', DATE '2024-01-03', '11', 'NaN'::DOUBLE), ('p0001', DATE '2024-01-02', NULL, NULL),
    ('p1200', DATE '2024-01-01', '22', 2.0), ('p1200', DATE '2024-01-01', '11', 2.0)) AS t(person_id, event_date, code, value)"""
PEOPLE = "(SELECT i AS person_key, 'p' || lpad(i::VARCHAR, 4, '0') AS person_id FROM range(3000) AS t(i))"


def test_a_code_keeps_its_number_and_new_ones_follow(table):
    known = "(VALUES (1, 'ods', 'RX1'), (2, 'snomed', '22')) AS t(code, code_system, source_code)"
    sent = "(VALUES ('snomed', '11'), ('snomed', '22'), ('icd10', 'I10')) AS t(code_system, source_code)"
    found = table(code_sql(sent, known=known) + " ORDER BY code")
    assert [tuple(row.values()) for row in found] == [
        (1, "ods", "RX1"),
        (2, "snomed", "22"),
        (3, "icd10", "I10"),
        (4, "snomed", "11"),
    ]


def test_events_are_stored_sorted_in_one_file_per_range_of_people(tmp_path):
    lake = Lake(tmp_path / "lake")
    with connect() as con:
        codes = (
            "("
            + code_sql(
                "(VALUES ('snomed', '22'), ('snomed', '11'), ('ods', 'Y00001'), ('ods', NULL)) AS t(code_system, source_code)"
            )
            + ")"
        )
        parts = [EventRows("gp_observations", "snomed", ROWS)]
        request = EventRequest(RULES, LAGS, tmp_path / "work", EventSettings(people_per_file=1000))
        written = write_events(lake, con, parts, Numbers(PEOPLE, codes), request)
        files = [
            con.sql(f"SELECT person_key, event_date, code, value, provider FROM '{file}'").fetchall()
            for file in lake.files("core__event")
        ]
    assert written == 5
    assert not (tmp_path / "work").exists()
    new_year = date(2024, 1, 1)
    assert sorted(files) == [
        [(1, date(2024, 1, 2), 0, None, 1), (1, date(2024, 1, 3), 2, None, 1)],
        [(1200, new_year, 2, 2.0, 1), (1200, new_year, 3, 2.0, 1)],
        [(2500, date(2024, 1, 2), 3, 1.5, 1)],
    ]


def test_a_board_without_events_has_an_empty_table(tmp_path):
    lake = Lake(tmp_path / "lake")
    with connect() as con:
        assert write_events(lake, con, [], Numbers(PEOPLE, "nothing"), EventRequest(RULES, LAGS, tmp_path / "work")) == 0
    assert lake.read("core__event").num_rows == 0
    assert lake.schema("core__event").names == [column.name for column in core.EVENT.columns]


def test_each_event_of_a_spell_is_on_the_day_that_its_type_declares(table):
    first, last = date(2024, 3, 1), date(2024, 3, 5)
    spells = " UNION ALL ".join(
        f"SELECT 1 AS person_key, DATE '{first}' AS admission_date, DATE '{last}' AS discharge_date, '{name}' AS spell_class, {nights} AS nights, "
        f"'300' AS treatment_function, 'I214' AS primary_diagnosis, 'I214' AS diagnoses, 10.0 AS cost, 'RX1' AS provider_code, "
        f"DATE '{first}' AS admission_available_date, DATE '{last}' AS discharge_available_date"
        for name, nights in (
            ("emergency", 4),
            ("emergency", 0),
            ("elective", 4),
            ("maternity", 4),
            ("regular_attender", 0),
            ("birth", 4),
        )
    )
    found = {
        (NAME_OF[row["event_type"]], row["event_date"])
        for part in spell_event_rows(f"({spells})", "primary_diagnosis")
        for row in table(f"SELECT event_type, event_date FROM ({part.sql})")
    }
    days = {"admission_date": first, "discharge_date": last}
    assert found == {(kind.name, days[kind.day]) for kind in FEEDS["admissions"].event_types}


def test_every_event_of_extracts_declares_its_day():
    assert [kind.name for feed in EVENT_FEEDS for kind in FEEDS[feed].event_types if not kind.day] == []

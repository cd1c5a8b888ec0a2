"""The people whom a run excludes, suppresses or flags, person by person."""

from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from expectations.table import Table
from expectations.tables import core, risk
from expectations.tables.caseload import ACTIONS
from features.code_lists import load_code_lists
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.scoring.left_out import MARKS, opted_out, suppression, with_marks

DAY = date(2026, 1, 1)
OUTCOME = "emergency_admission_overnight"


@pytest.fixture
def people() -> pd.DataFrame:
    """Return five people; the GP record does not cover the last one."""
    return pd.DataFrame(
        {
            "person_key": [0, 1, 2, 3, 4],
            "person_id": ["a", "b", "c", "d", "e"],
            "index_event_id": DAY.isoformat(),
            "practice_code": ["Y00001", "Y00001", "Y00001", "Y00002", "Y00001"],
            "coverage": ["full", "full", "full", "full", "gp_observations"],
        }
    )


def put(lake: Lake, table: Table, rows: list[dict[str, object]]) -> None:
    schema = arrow_schema(table)
    lake.write(table, pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema))


def flags_of(lake: Lake, people: pd.DataFrame, admissions: str = "") -> dict[str, list[object]]:
    frame = with_marks(lake, people, DAY, load_code_lists(), admissions)
    return {name: [None if value is pd.NA else value for value in frame[name].tolist()] for name in MARKS}


def test_without_feeds_no_flag_is_known(people: pd.DataFrame, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert flags_of(lake, people) == dict.fromkeys(MARKS, [None] * 5)
    assert suppression(lake, OUTCOME, people, DAY).tolist() == [""] * 5
    assert not opted_out(lake, people["person_key"].to_numpy(), "planning").any()


def test_opt_outs_follow_the_use(people: pd.DataFrame, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    put(lake, core.PERSON, [
        {"person_key": key, "person_id": name, "type_1_opt_out": key == 1, "national_data_opt_out": key == 2, "on_list": True}
        for key, name in enumerate("abcde")
    ])  # fmt: skip
    keys = people["person_key"].to_numpy()
    assert opted_out(lake, keys, "finding_people_for_care").tolist() == [False, True, False, False, False]
    assert opted_out(lake, keys, "planning").tolist() == [False, True, True, False, False]


def test_people_who_died_left_or_cannot_have_the_outcome_are_suppressed(people: pd.DataFrame, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    put(lake, core.PERSON, [
        {"person_key": 0, "person_id": "a", "death_date": date(2026, 1, 9), "type_1_opt_out": False, "national_data_opt_out": False}
    ])  # fmt: skip
    periods = [(0, None), (1, date(2026, 1, 10)), (2, date(2026, 1, 10)), (2, None), (3, date(2026, 3, 1))]
    put(lake, core.REGISTRATION, [
        {"person_key": key, "practice_code": "Y00001", "start_date": date(2020 + place, 1, 1), "end_date": end, "start_is_load_date": False}
        for place, (key, end) in enumerate(periods)
    ])  # fmt: skip
    labels = [
        {
            "person_key": 4,
            "person_id": "e",
            "index_event_id": DAY.isoformat(),
            "outcome": OUTCOME,
            "not_at_risk_reason": "had it before",
        }
    ]
    stored = pa.Table.from_pylist(
        [{name: row.get(name) for name in arrow_schema(risk.LABELS).names} for row in labels], arrow_schema(risk.LABELS)
    )
    lake.write(risk.LABELS, stored, {name: str(row) for name, row in (("outcome", OUTCOME), ("index_date", DAY))})
    reasons = suppression(lake, OUTCOME, people, date(2026, 2, 1)).tolist()
    assert reasons == ["died since", "left the list since", "", "", "had it before"]
    assert suppression(lake, OUTCOME, people, None).tolist() == ["", "", "", "", "had it before"]


def test_a_date_that_cannot_be_read_suppresses_and_a_known_death_goes_first(people: pd.DataFrame, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    put(lake, core.PERSON, [
        {"person_key": key, "person_id": name, "death_date": DAY if key == 1 else None, "death_not_readable": key in (0, 1)}
        for key, name in enumerate("abcde")
    ])  # fmt: skip
    periods = [(0, 2015, True), (2, 2015, True), (3, 2015, True), (3, 2020, False), (4, 2015, False)]
    put(lake, core.REGISTRATION, [
        {"person_key": key, "practice_code": "Y00001", "start_date": date(year, 1, 1), "end_not_readable": unreadable}
        for key, year, unreadable in periods
    ])  # fmt: skip
    reasons = suppression(lake, OUTCOME, people, date(2026, 2, 1)).tolist()
    assert reasons == ["date of death not readable", "died since", "end of registration not readable", "", ""]
    assert suppression(lake, OUTCOME, people, None).tolist() == [""] * 5


def test_people_in_hospital_on_the_day_are_flagged(people: pd.DataFrame, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    stays = [
        (0, date(2025, 12, 20), None),  # in hospital now
        (1, date(2025, 12, 20), date(2025, 12, 31)),  # discharged the day before
        (2, date(2026, 1, 1), None),  # admitted on the day itself, so not known yet
        (3, date(2025, 12, 20), date(2026, 1, 5)),  # discharged since
        (4, date(2021, 1, 1), None),  # never closed by its sender
    ]
    put(lake, core.SPELL, [
        {"person_key": key, "spell_key": key, "admission_date": start, "discharge_date": end, "provider_code": "RX1", "spell_class": "emergency"}
        for key, start, end in stays
    ])  # fmt: skip
    covers(lake, "admissions")
    assert flags_of(lake, people)["in_hospital_now"] == [True, False, False, True, False]


def test_end_of_life_and_care_home_are_read_from_codes_and_stays(people: pd.DataFrame, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    codes = [(1, "icd10", "Z515"), (2, "snomed", "160734000"), (3, "snomed", "103735009")]
    put(lake, core.CODE, [dict(zip(("code", "code_system", "source_code"), row, strict=True)) for row in codes])
    put(lake, core.EVENT, [
        {"person_key": key, "event_date": day, "available_date": day, "event_type": 8, "code": code, "provider": 0, "feed": 5}
        for key, code, day in ((0, 1, date(2025, 5, 1)), (1, 2, date(2024, 5, 1)), (2, 3, date(2019, 5, 1)), (4, 3, date(2025, 5, 1)))
    ])  # fmt: skip
    put(lake, core.PERSON, [{"person_key": key, "person_id": name} for key, name in enumerate("abcde")])
    covers(lake, "gp_observations")
    stays = """(SELECT * FROM (VALUES ('c', DATE '2025-11-01', DATE '2025-11-09', '19', '54', 'S1'), ('d', DATE '2025-10-01', DATE '2025-10-09', '85', '85', 'S2'),
        ('d', DATE '2025-11-01', DATE '2025-11-09', '19', '19', 'S3')) AS stays
        (person_id, admission_date, discharge_date, admission_source, discharge_destination, spell_number))"""
    flags = flags_of(lake, people, stays)
    assert flags["end_of_life"] == [True, False, False, False, True]  # e is not covered, but has a code
    assert flags["care_home"] == [False, True, True, False, None]


def test_a_caseload_is_known_for_practices_that_send_actions(people: pd.DataFrame, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    rows = [
        ("a", "accepted", date(2025, 9, 1), None),
        ("b", "accepted", date(2025, 9, 1), date(2025, 11, 1)),  # ended
        ("c", "declined", date(2025, 9, 1), None),
        ("e", "accepted", date(2024, 9, 1), None),  # never ended by its sender
    ]
    put(lake, ACTIONS, [
        {"run_id": "0" * 16, "person_id": person, "practice_code": "Y00001", "record_id": person, "decision": decision, "action_date": day, "end_date": end}
        for person, decision, day, end in rows
    ])  # fmt: skip
    assert flags_of(lake, people)["on_caseload"] == [True, False, False, None, False]


def covers(lake: Lake, feed: str) -> None:
    month = {
        "organisation_role": "practice",
        "organisation_code": "Y00001",
        "month": date(2025, 12, 1),
        "rows": 1,
        "status": "covered",
    }
    put(lake, core.COVERAGE, [{"feed": feed, **month}])

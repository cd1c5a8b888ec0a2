"""Five people and every kind of outcome: the records searched, who is at risk, and the error if no one has the outcome."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from expectations.table import Table
from expectations.tables import core
from expectations.tables.features import PERSON_FEATURES
from features.events import NUMBER_OF
from features.labels import HAD_IT
from features.outcomes import OutcomeSettings
from pipelines.building.build_labels import build_labels, build_reasons
from pipelines.building.outcome_events import OutcomeSearch
from pipelines.errors import RefusalError
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

INDEX, CUT = date(2024, 3, 1), date(2025, 7, 1)
CODES = [(1, "icd10", "E110"), (2, "snomed", "44054006"), (3, "department_type", "01")]
PRACTICES = ["Y1", "Y1", "Y1", "Y2", "Y1"]  # Y2 sends no GP record


def store(lake: Lake, table: Table, rows: list[dict[str, Any]], partition: dict[str, str] | None = None) -> None:
    schema = arrow_schema(table)
    lake.write(table, [dict.fromkeys(schema.names) | row for row in rows], partition)


def on(days: int) -> date:
    return INDEX + timedelta(days=days)


def event(person: int, days: int, kind: str, code: int) -> dict[str, Any]:
    return {"person_key": person, "event_date": on(days), "available_date": on(days), "event_type": NUMBER_OF[kind], "code": code,
            "provider": 0, "feed": 1}  # fmt: skip


def spell(person: int, days: int, primary: str, diagnoses: str, spell_class: str = "emergency") -> dict[str, Any]:
    return {"person_key": person, "spell_key": person * 100 + days, "admission_date": on(days), "discharge_date": on(days + 2),
            "provider_code": "RX1", "spell_class": spell_class, "nights": 2, "died": False, "primary_diagnosis": primary,
            "diagnoses": diagnoses, "stays_joined": 1, "admission_available_date": on(days)}  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake, people = Lake(tmp_path), range(1, 6)
    store(lake, core.PERSON, [
        {"person_key": key, "person_id": f"P{key}", "birth_date": date(1960, 1, 1), "type_1_opt_out": False, "on_list": True,
         "national_data_opt_out": False, "death_date": on(100) if key == 5 else None}
        for key in people
    ])  # fmt: skip
    store(lake, core.REGISTRATION, [
        {"person_key": key, "practice_code": PRACTICES[key - 1], "start_date": on(-364 if key == 3 else -2000), "start_is_load_date": False}
        for key in people
    ])  # fmt: skip
    months = [date(2022 + number // 12, number % 12 + 1, 1) for number in range(42)]
    store(lake, core.COVERAGE, [
        {"feed": "gp_observations", "organisation_role": "practice", "organisation_code": "Y1", "month": month, "rows": 9, "status": "covered"}
        for month in months
    ])  # fmt: skip
    store(lake, core.CODE, [{"code": code, "code_system": system, "source_code": text} for code, system, text in CODES])
    store(lake, core.EVENT, [
        event(1, 40, "gp_observation", 2), event(2, -900, "hospital_diagnosis", 1), event(2, 50, "gp_observation", 2),
        event(3, 60, "gp_observation", 2), event(4, 60, "hospital_diagnosis", 1),
        *(event(1, days, "ae_attendance", 3) for days in (0, 1, 2, 3, 4)), *(event(2, days, "ae_attendance", 3) for days in (1, 1, 9, 20, 30)),
    ])  # fmt: skip
    store(lake, core.SPELL, [
        spell(1, 10, "J440", "J440"), spell(2, 11, "J209", "I10,J209"), spell(3, 12, "J209", "J209,J440"),
        spell(4, 13, "J440", "J440", "elective"),
    ])  # fmt: skip
    rows = [
        {
            "person_key": key,
            "person_id": f"P{key}",
            "index_event_id": "i",
            "index_date": INDEX,
            "practice_code": PRACTICES[key - 1],
        }
        for key in people
    ]
    store(lake, PERSON_FEATURES, rows, {"index_date": INDEX.isoformat()})
    return lake


def labels_of(lake: Lake, name: str, **rules: Any) -> list[tuple]:
    build_labels(lake, OutcomeSettings(name=name, **rules), INDEX, CUT)
    rows = lake.read("risk__labels", "label, outcome_date, not_at_risk_reason", order="person_key").to_pylist()
    return [(row["label"], row["outcome_date"] and (row["outcome_date"] - INDEX).days, row["not_at_risk_reason"]) for row in rows]


def test_ambulatory_care_sensitive_is_the_primary_diagnosis_of_an_emergency_spell_and_bronchitis_needs_an_airways_disease(
    lake: Lake,
) -> None:
    labels = labels_of(lake, "ambulatory_care_sensitive_admission")
    assert [row[:2] for row in labels] == [(1, 10), (0, None), (1, 12), (0, None), (0, None)]


def test_five_attendances_count_from_the_day_after_the_index_date_and_are_dated_by_the_fifth(lake: Lake) -> None:
    assert [row[:2] for row in labels_of(lake, "ae_attendances_5")] == [(0, None), (1, 30), (0, None), (0, None), (0, None)]
    assert labels_of(lake, "ae_attendances_5", events=4)[0][:2] == (1, 4)


def test_a_first_diagnosis_excludes_people_who_have_it_are_new_on_the_list_or_have_no_gp_coverage(lake: Lake) -> None:
    assert labels_of(lake, "first_type_2_diabetes") == [
        (1, 40, None),
        (None, None, HAD_IT),
        (None, None, "on the list for fewer than 365 days"),
        (None, None, "gp_observations does not cover the year before the index date and the horizon"),
        (0, None, None),
    ]
    assert labels_of(lake, "first_type_2_diabetes", minimum_days_on_list=0, washout_days=730)[1:3] == [
        (1, 50, None),
        (1, 60, None),
    ]


def test_people_not_at_risk_are_recorded_before_the_outcomes_of_a_date_are_known(lake: Lake) -> None:
    summary = build_reasons(lake, OutcomeSettings(name="first_type_2_diabetes"), INDEX, INDEX)
    found = lake.read("risk__labels", "label, follow_up_days, not_at_risk_reason", order="person_key").to_pylist()
    assert summary.not_at_risk == 3
    assert {row["label"] for row in found} == {row["follow_up_days"] for row in found} == {None}
    assert [bool(row["not_at_risk_reason"]) for row in found] == [False, True, True, True, False]


def test_death_is_an_outcome(lake: Lake) -> None:
    assert labels_of(lake, "death")[4][:2] == (1, 100)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("first_copd", r"feeds 'admissions' and 'gp_observations'\) for events of type hospital_diagnosis, gp_observation, with a code of the "
         r"list copd \(icd10 J40, .*snomed .*found 0 in all the data"),
        ("first_heart_failure", "heart_failure"),
        ("any_emergency_admission", r"core__spell \(feed 'admissions'\) for emergency spells, with the admission methods 21, 22"),
    ],
)  # fmt: skip
def test_the_error_of_an_outcome_without_events_names_the_feed_and_codes_that_were_searched(
    lake: Lake, name: str, message: str
) -> None:
    store(lake, core.SPELL, [spell(1, -10, "J440", "J440")])
    with pytest.raises(RefusalError, match=f"no one at risk on 2024-03-01 has the outcome '{name}' within 365 days, .*{message}"):
        build_labels(lake, OutcomeSettings(name=name), INDEX, CUT)


def test_an_outcome_is_refused_if_its_feed_is_not_allowed_or_absent_or_its_discharges_are_missing(lake: Lake) -> None:
    with pytest.raises(RefusalError, match=r"uses the feeds gp_observations, which purpose\.allowed_feeds does not name"):
        build_labels(lake, OutcomeSettings(name="first_copd"), INDEX, CUT, search=OutcomeSearch(allowed_feeds=("admissions",)))
    with pytest.raises(RefusalError, match=r"set study\.cohort\.kind to discharges"):
        build_labels(lake, OutcomeSettings(name="unplanned_readmission"), INDEX, CUT)
    lake.write(core.COVERAGE, lake.read("core__coverage", where="false"))
    with pytest.raises(RefusalError, match=r"needs the feeds gp_observations, which are absent"):
        build_labels(lake, OutcomeSettings(name="first_copd"), INDEX, CUT)


def test_an_outcome_that_the_source_defines_replaces_the_named_one(lake: Lake) -> None:
    given = pa.table({"person_key": pa.array([4], pa.int32()), "event_date": pa.array([on(3)], pa.date32())})
    build_labels(lake, OutcomeSettings(), INDEX, CUT, search=OutcomeSearch(given))
    assert lake.read("risk__labels", "label", order="person_key")["label"].to_pylist() == [0, 0, 0, 1, 0]

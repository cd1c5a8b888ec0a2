"""The kernel on tables of a few rows: one example for each kind of statistic."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from expectations.age import UNKNOWN_BIRTH
from features.anchoring import IndexRows
from features.catalogue import Catalogue
from features.code_lists import CodeEntry, CodeList
from features.declaration import Concept, Feature, Statistic
from features.events import NUMBER_OF
from features.plan import compile_plan
from features.window_counts import Events, window_counts
from features.window_items import last_of_each

INDEX = date(2024, 3, 1)
CODES = [
    (1, "icd10", "I500"),
    (2, "icd10", "J459"),
    (3, "dmd", "111"),
    (4, "dmd", "222"),
    (5, "snomed", "271649006"),
    (6, "ods", "RX1"),
]
LISTS = {
    "heart_failure": CodeList("heart_failure", (CodeEntry("icd10", "I50", "prefix", "Heart failure", "test", 13.0),)),
    "asthma": CodeList("asthma", (CodeEntry("icd10", "J45", "prefix", "Asthma", "test", 4.0),)),
    "one_substance": CodeList(
        "one_substance", tuple(CodeEntry("dmd", code, "exact", "Aspirin", "test") for code in ("111", "222"))
    ),
    "blood_pressure": CodeList("blood_pressure", (CodeEntry("snomed", "271649006", "exact", "Systolic", "test"),)),
}
CONCEPTS = (
    Concept("stay", ("emergency_discharge_overnight",)),
    Concept("zero_day", ("emergency_discharge_zero_day", "same_day_emergency_care")),
    Concept("heart_failure", ("hospital_diagnosis",), ("heart_failure",)),
    Concept("asthma", ("hospital_diagnosis",), ("asthma",)),
    Concept("admission", ("emergency_admission",)),
    Concept("medicine", ("gp_medication",)),
    Concept("pressure", ("gp_observation",), ("blood_pressure",), 50, 300),
)


def feature(name: str, statistic: Statistic, concept: str = "", window: int | None = None, **more: object) -> Feature:
    return Feature(name, name, "test", statistic, concept, window, **more)  # type: ignore[arg-type]


def count(features: list[Feature], events: list[tuple], rows: list[tuple] | None = None) -> dict[str, list[float]]:
    """Run the kernel; an event is (person, day, days until known, type, code, value)."""
    catalogue = Catalogue(tuple(features), {concept.name: concept for concept in CONCEPTS}, LISTS)
    table = pa.table(
        {
            "person_key": pa.array([event[0] for event in events], pa.int32()),
            "event_date": pa.array([event[1] for event in events], pa.date32()),
            "available_date": pa.array([event[1] + timedelta(days=event[2]) for event in events], pa.date32()),
            "event_type": pa.array([NUMBER_OF[event[3]] for event in events], pa.int16()),
            "code": pa.array([event[4] for event in events], pa.int32()),
            "value": pa.array([event[5] for event in events], pa.float32()),
            "provider": pa.array([6] * len(events), pa.int32()),
        }
    )
    rows = rows or [(1, INDEX, None)]
    index_rows = IndexRows(
        np.array([row[0] for row in rows], dtype=np.int32), np.array([_day(row[1]) for row in rows], dtype=np.int32),
        np.array([UNKNOWN_BIRTH if row[2] is None else _day(row[2]) for row in rows], dtype=np.int32),
    )  # fmt: skip
    found = window_counts(Events.from_arrow(table), index_rows, compile_plan(catalogue, CODES), chunk_rows=2)
    return {feature.name: found[place].tolist() for place, feature in enumerate(features)}


def _day(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def before(days: int) -> date:
    return INDEX - timedelta(days=days)


def test_a_window_ends_the_day_before_the_index_date_and_needs_what_was_known() -> None:
    events = [
        (1, before(31), 0, "emergency_admission", 0, None),
        (1, before(30), 0, "emergency_admission", 0, None),
        (1, before(1), 0, "emergency_admission", 0, None),
        (1, before(1), 1, "emergency_admission", 0, None),  # known on the index date only
        (1, before(0), 0, "emergency_admission", 0, None),
    ]
    found = count(
        [feature("n_30d", Statistic.COUNT, "admission", 30), feature("n_90d", Statistic.COUNT, "admission", 90)], events
    )
    assert found == {"n_30d": [2], "n_90d": [3]}


def test_zero_day_spells_and_same_day_emergency_care_count_as_one_concept() -> None:
    events = [(1, before(5), 0, "emergency_discharge_zero_day", 0, None), (1, before(4), 0, "same_day_emergency_care", 0, None)]
    assert count([feature("n", Statistic.COUNT, "zero_day", 30)], events) == {"n": [2]}


def test_bed_days_add_up_and_the_longest_stay_is_the_longest() -> None:
    events = [(1, before(400), 0, "emergency_discharge_overnight", 0, 9.0), (1, before(20), 0, "emergency_discharge_overnight", 0, 3.0),
              (1, before(10), 0, "emergency_discharge_overnight", 0, None), (1, before(9), 0, "emergency_discharge_overnight", 0, 4.0)]  # fmt: skip
    found = count(
        [feature("nights", Statistic.SUM, "stay", 365), feature("longest", Statistic.MAXIMUM, "stay", 365),
         feature("longest_ever", Statistic.MAXIMUM, "stay", 730), feature("trend", Statistic.TREND, "stay", 365)], events,
    )  # fmt: skip
    assert found == {"nights": [7], "longest": [4], "longest_ever": [9], "trend": [2]}


def test_a_condition_is_found_ever_new_and_since_when() -> None:
    events = [(1, before(731), 0, "hospital_diagnosis", 1, None), (1, before(3), 0, "hospital_diagnosis", 1, None),
              (1, before(2), 0, "hospital_diagnosis", 2, None)]  # fmt: skip
    found = count(
        [feature("ever", Statistic.FLAG, "heart_failure"), feature("new", Statistic.NEW, "heart_failure", 365),
         feature("years", Statistic.YEARS_SINCE_FIRST, "heart_failure"), feature("days", Statistic.DAYS_SINCE_LAST, "heart_failure"),
         feature("asthma_new", Statistic.NEW, "asthma", 365), feature("never", Statistic.DAYS_SINCE_LAST, "admission"),
         feature("too_long_ago", Statistic.DAYS_SINCE_LAST, "asthma", 1)], events,
    )  # fmt: skip
    assert found["years"] == [pytest.approx(731 / 365.25)]
    assert (found["ever"], found["new"], found["days"], found["asthma_new"]) == ([1], [0], [3], [1])
    assert np.isnan(found["never"]).all()
    assert np.isnan(found["too_long_ago"]).all()


def test_two_codes_of_a_substance_are_one_medicine_counted_by_its_last_issue() -> None:
    events = [(1, before(200), 0, "gp_medication", 3, None), (1, before(100), 0, "gp_medication", 4, None),
              (1, before(300), 0, "gp_medication", 5, None)]  # fmt: skip
    found = count([feature("n_365d", Statistic.DISTINCT_CODES, "medicine", 365), feature("n_90d", Statistic.DISTINCT_CODES, "medicine", 90),
                   feature("days", Statistic.DISTINCT_DAYS, "medicine", 365)], events)  # fmt: skip
    assert found == {"n_365d": [2], "n_90d": [0], "days": [3]}


def test_the_latest_value_is_the_mean_of_its_day_and_impossible_values_are_left_out() -> None:
    events = [(1, before(90), 0, "gp_observation", 5, 150.0), (1, before(9), 0, "gp_observation", 5, 120.0),
              (1, before(9), 0, "gp_observation", 5, 130.0), (1, before(2), 0, "gp_observation", 5, 900.0),
              (1, before(1), 0, "gp_observation", 5, None)]  # fmt: skip
    found = count(
        [feature("latest", Statistic.LATEST_VALUE, "pressure", 365), feature("change", Statistic.VALUE_CHANGE, "pressure", 365)],
        events,
    )
    assert found == {"latest": [125], "change": [-25]}


def test_a_readmission_follows_a_discharge_on_an_earlier_day() -> None:
    events = [(1, before(60), 0, "emergency_discharge_overnight", 0, 1.0), (1, before(50), 0, "emergency_admission", 0, None),
              (1, before(20), 0, "emergency_discharge_overnight", 0, 1.0), (1, before(20), 0, "emergency_admission", 0, None),
              (2, before(19), 0, "emergency_admission", 0, None)]  # fmt: skip
    returns = feature("returns", Statistic.RETURNS, "admission", 365, after="stay", within_days=30)
    assert count([returns], events, [(1, INDEX, None), (2, INDEX, None)]) == {"returns": [1, 0]}


def test_a_score_is_unknown_without_a_stay_and_a_graver_group_replaces_a_milder_one() -> None:
    score = feature("score", Statistic.SCORE, "", 730, after="stay", groups=("asthma", "heart_failure"), points=(4.0, 13.0),
                    replaced_by=(("asthma", "heart_failure"),))  # fmt: skip
    events = [(1, before(9), 0, "emergency_discharge_overnight", 0, 1.0), (1, before(9), 0, "hospital_diagnosis", 1, None),
              (1, before(9), 0, "hospital_diagnosis", 2, None), (2, before(9), 0, "hospital_diagnosis", 2, None)]  # fmt: skip
    one, two = count([score], events, [(1, INDEX, None), (2, INDEX, None)])["score"]
    assert one == 13
    assert np.isnan(two)


def test_a_person_may_have_several_index_dates_and_nothing_counts_before_birth() -> None:
    events = [(1, before(100), 0, "emergency_admission", 0, None), (1, before(10), 0, "emergency_admission", 0, None),
              (2, before(10), 0, "emergency_admission", 0, None)]  # fmt: skip
    rows = [(1, before(50), None), (1, INDEX, None), (1, INDEX, before(20)), (2, INDEX, before(9)), (3, INDEX, None)]
    assert count([feature("n", Statistic.COUNT, "admission", 365)], events, rows) == {"n": [1, 2, 1, 0, 0]}


def test_events_that_come_in_no_order_are_put_in_order() -> None:
    events = [(2, before(1), 0, "emergency_admission", 0, None), (1, before(1), 0, "emergency_admission", 0, None),
              (1, before(9), 0, "emergency_admission", 0, None)]  # fmt: skip
    found = count([feature("last", Statistic.DAYS_SINCE_LAST, "admission")], events, [(1, INDEX, None), (2, INDEX, None)])
    assert found == {"last": [1, 1]}


def test_a_code_that_core_code_does_not_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="not in core__code"):
        count([feature("n", Statistic.COUNT, "admission", 365)], [(1, before(1), 0, "emergency_admission", 77, None)])


def test_the_last_event_of_each_cell_is_found_with_room_for_every_cell_and_without() -> None:
    cell = np.array([3, 0, 3, 7, 0, 3])
    with_room, without = last_of_each(cell, 8), last_of_each(cell, 8, most=4)
    assert with_room.tolist() == [3, 4, 5]
    assert sorted(without.tolist()) == [3, 4, 5]

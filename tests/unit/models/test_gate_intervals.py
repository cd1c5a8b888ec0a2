import numpy as np
import pandas as pd

from models.gate_intervals import IntervalCheck, holm_failures, judged_groups
from models.gate_settings import GateSettings
from models.intervals import Estimate
from models.scored_rows import scored_rows

SETTINGS = GateSettings(minimum_events=10)


def _check(value, error, events=1000):
    estimate = Estimate(value, value - 1.96 * error, value + 1.96 * error, error)
    return IntervalCheck.of_value("group", "slope", estimate, (0.9, 1.1), events, 200)


def test_only_intervals_wholly_outside_fail_and_only_those_wholly_inside_pass():
    inside, across, outside = _check(1.0, 0.02), _check(1.1, 0.05), _check(1.5, 0.05)
    assert [check.inside for check in (inside, across, outside)] == [True, False, False]
    assert holm_failures([inside, across, outside]) == {id(outside)}


def test_many_checks_need_a_clearer_failure():
    borderline = _check(1.21, 0.05)  # 2.2 standard errors outside: p = .014
    assert holm_failures([borderline]) == {id(borderline)}
    assert holm_failures([borderline, *[_check(1.0, 0.05) for _ in range(9)]]) == set()


def test_too_few_events_neither_pass_nor_fail():
    few = _check(3.0, 0.01, events=199)
    assert not few.inside and holm_failures([few]) == set()
    assert few.text("lies outside") == "group: slope cannot be compared, 199 events where 200 are needed"


def _groups(kind, events_by_group):
    names = [name for name, events in events_by_group.items() for _ in range(max(events, 1))]
    labels = [int(events > 0) for events in events_by_group.values() for _ in range(max(events, 1))]
    rows = scored_rows(np.full(len(names), 0.5), np.array(labels), np.arange(len(names)))
    return [
        (name, int(rows.labels[mask].sum())) for name, mask in judged_groups(rows, pd.DataFrame({kind: names}), kind, SETTINGS)
    ]


def test_neighbouring_quintiles_are_pooled():
    assert _groups("imd_quintile", {"1": 20, "2": 4, "3": 7, "4": 15, "5": 30}) == [
        ("imd_quintile 1", 20), ("imd_quintile 2 + 3", 11), ("imd_quintile 4", 15), ("imd_quintile 5", 30),
    ]  # fmt: skip


def test_people_without_a_quintile_are_judged_where_there_are_enough():
    assert ("imd_quintile not_known", 12) in _groups("imd_quintile", {"1": 20, "2": 20, "not_known": 12})
    assert len(_groups("imd_quintile", {"1": 20, "2": 20, "not_known": 2})) == 2


def test_small_ethnic_groups_are_pooled_together():
    assert _groups("ethnic_group", {"asian": 4, "black": 7, "white": 50, "mixed": 3}) == [
        ("ethnic_group white", 50), ("ethnic_group asian + black + mixed", 14),
    ]  # fmt: skip


def test_a_kind_that_is_not_there_has_no_groups():
    rows = scored_rows(np.array([0.1, 0.2]), np.array([0, 1]), np.arange(2))
    assert judged_groups(rows, pd.DataFrame(index=range(2)), "imd_quintile", SETTINGS) == []

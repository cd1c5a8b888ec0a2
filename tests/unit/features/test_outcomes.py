from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from features.outcomes import (
    OUTCOMES,
    ImmatureOutcomeError,
    OutcomeSettings,
    Spells,
    check_matured,
    first_after,
    label_rows,
    matured_rows,
    without_immature,
)
from features.periods import OPEN


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def test_a_night_or_a_death_the_same_day_makes_the_primary_outcome() -> None:
    spells = Spells(
        person=ints(1, 2, 3, 4), admission_day=ints(5, 5, 5, 5), nights=ints(1, 0, 0, 9),
        died=np.array([False, False, True, False]), emergency=np.array([True, True, True, False]),
    )  # fmt: skip
    chosen = OUTCOMES["emergency_admission_overnight"].spells
    assert chosen is not None
    assert chosen(spells).tolist() == [True, False, True, False]


def test_the_index_day_belongs_to_neither_side() -> None:
    found = first_after(ints(1, 1, 2), ints(100, 105, 100), ints(1, 2), ints(100, 100))
    assert found.tolist() == [105, OPEN]


def test_the_fifth_event_is_found_by_its_turn() -> None:
    days = ints(101, 102, 103, 104, 105)
    assert first_after(ints(*[1] * 5), days, ints(1), ints(100), turn=5).tolist() == [105]
    assert first_after(ints(*[1] * 5), days, ints(1), ints(101), turn=5).tolist() == [OPEN]


def test_labels_follow_the_rules_of_death_and_leaving() -> None:
    labels = label_rows(
        outcome_day=ints(150, OPEN, OPEN, 500, OPEN, OPEN), death_day=ints(200, 200, OPEN, OPEN, OPEN, 210),
        list_end=ints(OPEN, OPEN, 180, OPEN, 466, 200), index_day=ints(*[100] * 6), horizon_days=365,
    )  # fmt: skip
    #                              outcome, died, left, after the horizon, left after it, died soon after the list ended
    assert labels.label.tolist() == [1, 0, -1, 0, 0, 0]
    assert labels.composite.tolist() == [1, 1, -1, 0, 0, 1]
    assert labels.follow_up_days.tolist() == [50, 100, 80, 365, 365, 110]
    assert labels.left_list.tolist() == [False, False, True, False, False, False]


def test_labels_wait_for_their_maturity() -> None:
    settings = OutcomeSettings(horizon_days=365, maturity_days=90)
    check_matured(settings, date(2024, 10, 1), date(2025, 12, 30))
    with pytest.raises(ImmatureOutcomeError, match="end on 2025-12-30, after the data cut 2025-12-29"):
        check_matured(settings, date(2024, 10, 1), date(2025, 12, 29))


def test_of_rows_with_dates_of_their_own_the_latest_wait_and_the_others_have_labels() -> None:
    settings, cut = OutcomeSettings(name="unplanned_readmission", horizon_days=30, maturity_days=10), date(1970, 4, 11)  # day 100
    index_day = ints(60, 61)
    matured = matured_rows(settings, index_day, cut)
    labels = without_immature(label_rows(ints(70, 70), ints(OPEN, OPEN), ints(OPEN, 65), index_day, 30), matured)

    assert matured.tolist() == [True, False]
    assert (labels.label.tolist(), labels.composite.tolist()) == ([1, -1], [1, -1])
    assert (labels.outcome_day.tolist(), labels.follow_up_days.tolist()) == ([70, OPEN], [10, -1])
    assert labels.left_list.tolist() == [False, False]
    with pytest.raises(ImmatureOutcomeError, match="after the data cut 1970-03-31"):
        matured_rows(settings, index_day, date(1970, 3, 31))


def test_an_unknown_outcome_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValidationError, match="known are"):
        OutcomeSettings(name="admission")

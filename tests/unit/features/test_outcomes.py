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
    matured_rows,
)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def test_a_night_or_a_death_the_same_day_makes_the_primary_outcome() -> None:
    spells = Spells(
        nights=ints(1, 0, 0, 9),
        died=np.array([False, False, True, False]), emergency=np.array([True, True, True, False]), listed=np.zeros(4, dtype=bool),
    )  # fmt: skip
    chosen = OUTCOMES["emergency_admission_overnight"].spells
    assert chosen is not None
    assert chosen(spells).tolist() == [True, False, True, False]


def test_what_a_study_leaves_out_is_the_outcome_s_own() -> None:
    readmission, attendances = OutcomeSettings(name="unplanned_readmission"), OutcomeSettings(name="ae_attendances_5")
    assert (readmission.horizon_days, readmission.events, readmission.washout_days) == (30, 1, 0)
    assert (attendances.horizon_days, attendances.events) == (365, 5)
    first = OutcomeSettings(name="first_copd", washout_days=730)
    assert (first.washout_days, first.minimum_days_on_list, first.not_all_at_risk) == (730, 365, True)
    assert OutcomeSettings(name="first_heart_failure").washout_days == "ever"
    with pytest.raises(ValidationError, match="from 0 to 36,525, or ever"):
        OutcomeSettings(washout_days=-1)


def test_labels_wait_for_their_maturity() -> None:
    settings = OutcomeSettings(horizon_days=365, maturity_days=90)
    check_matured(settings, date(2024, 10, 1), date(2025, 12, 31))
    # A delivery holds what was known before its day: an event of the last day, coded after the full lag, comes with the next one.
    with pytest.raises(
        ImmatureOutcomeError, match=r"end on 2025-12-30, which is not before the data cut 2025-12-30\. .* of 2024-09-30 or"
    ):
        check_matured(settings, date(2024, 10, 1), date(2025, 12, 30))


def test_of_rows_with_dates_of_their_own_the_latest_wait() -> None:
    settings, cut = OutcomeSettings(name="unplanned_readmission", maturity_days=10), date(1970, 4, 12)  # day 101
    assert matured_rows(settings, ints(60, 61), cut).tolist() == [True, False]
    with pytest.raises(ImmatureOutcomeError, match="not before the data cut 1970-03-31"):
        matured_rows(settings, ints(60, 61), date(1970, 3, 31))


def test_an_unknown_definition_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValidationError, match="choose one of"):
        OutcomeSettings(name="admission", defined_as="admissions")


def test_an_outcome_that_the_source_brings_has_a_name_of_its_own() -> None:
    brought = OutcomeSettings(name="moved_out")
    assert not brought.is_known
    assert (brought.definition.label, brought.definition.auroc_alarm) == ("Moved out", 0.98)
    assert OutcomeSettings().is_known

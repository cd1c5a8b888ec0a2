"""When a fact became known: after its lag, not before its delivery, and on the same day however many deliveries there are."""

from datetime import date, timedelta

import duckdb
import pytest
from pydantic import ValidationError

from pipelines.conform.availability import AvailabilitySettings, admission_available_sql, known_on, lag_by_event_type
from pipelines.sources.nhs import NhsSettings

FIRST, LATER = date(2025, 1, 1), date(2025, 2, 1)
CUT = date(2026, 1, 1)
MONTHLY = (*tuple(date(2025, month, 1) for month in range(1, 13)), CUT)


def known(day: date | None, lag: int, delivered: date, *, is_first: bool) -> date:
    """Return the day on which a fact became known."""
    literal = f"DATE '{day}'" if day else "CAST(NULL AS DATE)"
    row = f"SELECT {literal} AS day, DATE '{delivered}' AS first_extract_date, {is_first} AS is_first_delivery"
    (found,) = duckdb.sql(f"SELECT {known_on('day', lag)} FROM ({row})").fetchall()
    return found[0]


@pytest.mark.parametrize(
    ("day", "lag", "delivered", "expected"),
    [
        (date(2024, 3, 1), 30, FIRST, date(2024, 3, 31)),  # history that came with the first delivery
        (
            date(2024, 12, 20),
            30,
            FIRST,
            date(2025, 1, 19),
        ),  # recent facts of the first delivery are not known earlier than others
        (date(2025, 1, 10), 0, LATER, date(2025, 1, 31)),  # a later delivery has what was known before its day
        (date(2025, 1, 25), 30, LATER, date(2025, 2, 24)),  # the lag holds for a later delivery too
        (date(2024, 3, 1), 30, LATER, date(2025, 1, 31)),  # a late row or a correction changes no date before its delivery
        (None, 30, FIRST, FIRST),
        (None, 30, LATER, date(2025, 1, 31)),
    ],
)
def test_a_fact_is_known_after_its_lag_and_not_before_its_delivery(
    day: date | None, lag: int, delivered: date, expected: date
) -> None:
    assert known(day, lag, delivered, is_first=delivered == FIRST) == expected


@pytest.mark.parametrize("lag", [0, 14, 30, 45])
@pytest.mark.parametrize("late", [0, 10, 30])
def test_one_delivery_and_twelve_make_a_fact_known_for_the_same_index_dates(lag: int, late: int) -> None:
    """Compare for every day of two years. `late` is the number of days after which the warehouse really has a fact."""
    for number in range(0, 730, 7):
        day = date(2024, 1, 1) + timedelta(days=number)
        if day + timedelta(days=late) >= CUT:
            continue
        delivered = next(one for one in MONTHLY if day + timedelta(days=late) < one)
        several = known(day, lag, delivered, is_first=delivered == MONTHLY[0])
        at_once = known(day, lag, CUT, is_first=True)
        assert several >= delivered - timedelta(days=1) or delivered == MONTHLY[0]
        differing = [index for index in MONTHLY if (several < index) != (at_once < index)]
        assert not differing or late > lag, (day, differing)  # a fact that comes later than its lag says is known later


def test_training_dates_and_the_scoring_date_are_equally_fresh() -> None:
    """Of the days before an index date, the same are known on a training date and on the day of any delivery."""
    for lag in (0, 14, 30, 45):
        training, ages = date(2024, 6, 1), range(1, 91)
        before = [age for age in ages if known(training - timedelta(days=age), lag, FIRST, is_first=True) < training]
        for scoring in MONTHLY[3:]:
            days = [scoring - timedelta(days=age) for age in ages]
            delivered = [next(one for one in MONTHLY if day < one) for day in days]
            after = [
                age
                for age, day, of in zip(ages, days, delivered, strict=True)
                if known(day, lag, of, is_first=of == MONTHLY[0]) < scoring
            ]
            assert after == before == [age for age in ages if age > lag]


def admission_known(admission_lag: int | str) -> date:
    settings = AvailabilitySettings.model_validate({"lag_days": {"admissions": 45}, "admission_lag_days": admission_lag})
    row = f"""SELECT DATE '2024-03-01' AS admission_date, DATE '2024-03-11' AS discharge_date,
        DATE '{FIRST}' AS key_extract_date, true AS key_in_first_delivery"""
    (found,) = duckdb.sql(f"SELECT {admission_available_sql(settings)} FROM ({row})").fetchall()
    return found[0]


def test_an_admission_is_known_after_its_own_lag_or_with_its_discharge() -> None:
    assert admission_known(0) == date(2024, 3, 1)
    assert admission_known(7) == date(2024, 3, 8)
    assert admission_known("with_discharge") == date(2024, 4, 25)  # 45 days after the discharge


def test_each_type_of_event_has_the_lag_of_its_feed_but_an_admission_has_its_own() -> None:
    lags = lag_by_event_type(AvailabilitySettings(lag_days={"admissions": 45, "gp_observations": 0}, admission_lag_days=3))
    assert (lags["emergency_admission"], lags["emergency_discharge_overnight"]) == (3, 45)
    assert "gp_observation" not in lags
    ended = lag_by_event_type(AvailabilitySettings(lag_days={"admissions": 45}, admission_lag_days="with_discharge"))
    assert ended["emergency_admission"] == 45


def test_only_admissions_have_a_lag_of_their_own_for_the_beginning() -> None:
    feeds = {"admissions": {"admission_lag_days": "with_discharge"}}
    assert NhsSettings.model_validate({"feeds": feeds}).admission_lag_days == "with_discharge"
    assert NhsSettings().admission_lag_days == 0
    with pytest.raises(ValidationError, match="only admissions have it; set lag_days"):
        NhsSettings.model_validate({"feeds": {"gp_observations": {"admission_lag_days": 7}}})

"""The index dates of a study: those of its settings, or those that follow from the data cut."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING

from expectations.maturity import latest_matured

if TYPE_CHECKING:
    from pipelines.study.settings import StudySettings


def months_before(day: date, months: int) -> date:
    """Return the first day of the month that is a number of months before a day."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def latest_on_day_of_month(upto: date, day_of_month: int, months: int = 0) -> date:
    """Return the latest date up to a day that has a day of the month, a number of months earlier; a shorter month has its last day."""
    back = months + (min(day_of_month, monthrange(upto.year, upto.month)[1]) > upto.day)
    first = months_before(upto, back)
    return first.replace(day=min(day_of_month, monthrange(first.year, first.month)[1]))


def planned_index_dates(study: StudySettings, data_cut: date) -> dict[str, tuple[date, ...]]:
    """Return the training, test and scoring dates of a study for a data cut.

    Dates that are not set are derived. The test date is the latest date whose outcomes have matured. Training dates are at least the same number
    of days earlier, so that no labels overlap. All have the day of the month of the data cut: with monthly deliveries they are as long after a
    delivery as the scoring date, and see data as fresh.
    """
    horizon, maturity = study.outcome.horizon_days, study.outcome.maturity_days
    dates = study.index_dates
    test = dates.test or latest_on_day_of_month(latest_matured(data_cut, horizon, maturity), data_cut.day)
    latest = test - timedelta(days=horizon + maturity)
    train = dates.train or tuple(
        sorted(
            latest_on_day_of_month(latest, data_cut.day, number * dates.months_between) for number in range(dates.training_dates)
        )
    )
    return {"train": train, "test": (test,), "score": (dates.score or data_cut,)}

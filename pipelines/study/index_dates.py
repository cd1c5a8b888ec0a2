"""The index dates of a study: those of its settings, or those that follow from the data cut."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from expectations.maturity import latest_matured

if TYPE_CHECKING:
    from pipelines.study.settings import StudySettings


def months_before(day: date, months: int) -> date:
    """Return the first day of the month that is a number of months before a day."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def planned_index_dates(study: StudySettings, data_cut: date) -> dict[str, tuple[date, ...]]:
    """Return the training, test and scoring dates of a study for a data cut.

    Dates that are not set are derived. The test date is the latest first day of a month whose outcomes have matured.
    Training dates are at least the same number of days earlier, so that no labels overlap.
    """
    horizon, maturity = study.outcome.horizon_days, study.outcome.maturity_days
    dates = study.index_dates
    test = dates.test or latest_matured(data_cut, horizon, maturity).replace(day=1)
    latest = (test - timedelta(days=horizon + maturity)).replace(day=1)
    train = dates.train or tuple(
        sorted(months_before(latest, number * dates.months_between) for number in range(dates.training_dates))
    )
    return {"train": train, "test": (test,), "score": (dates.score or data_cut,)}

"""When the outcomes of an index date have matured: its horizon and the days of maturity after it end before the data cut.

A delivery has only what was known before its day, so an outcome whose last day is the day of the data cut has not matured.
Every step that asks this question uses this module.
"""

from __future__ import annotations

from datetime import date, timedelta


def last_day_awaited(index_date: date, horizon_days: int, maturity_days: int) -> date:
    """Return the day on which the horizon and the maturity of an index date end."""
    return index_date + timedelta(days=horizon_days + maturity_days)


def latest_matured(data_cut: date, horizon_days: int, maturity_days: int) -> date:
    """Return the latest index date whose outcomes have matured."""
    return data_cut - timedelta(days=horizon_days + maturity_days + 1)


def has_matured(index_date: date, data_cut: date, horizon_days: int, maturity_days: int) -> bool:
    """Return whether the outcomes of an index date have matured."""
    return index_date <= latest_matured(data_cut, horizon_days, maturity_days)

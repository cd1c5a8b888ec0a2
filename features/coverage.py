"""Which feeds were looked at: how far back from an index date a practice's months are covered without a break."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

COVERED = "covered"


@dataclass(frozen=True)
class CoverageCalendar:
    """For each feed, by practice (in order of `practices`) and month: the first day of the unbroken run that ends with it."""

    practices: Mapping[str, int]
    first_month: int  # months since 1970
    run_start: Mapping[str, NDArray[np.int32]]  # practice x month: days since 1970; -1 where the month is not covered

    @property
    def feeds(self) -> tuple[str, ...]:
        """List the feeds that hold at least one covered month anywhere."""
        return tuple(self.run_start)


def coverage_calendar(rows: Iterable[tuple[str, str, date, str]]) -> CoverageCalendar:
    """Build the calendar from (feed, practice, month, status) rows of core__coverage with the role 'practice'."""
    judged = [(feed, practice, _month(month), status) for feed, practice, month, status in rows]
    covered = [(feed, practice, month) for feed, practice, month, status in judged if status == COVERED]
    if not covered:
        return CoverageCalendar({}, 0, {})
    practices = {code: place for place, code in enumerate(sorted({practice for _, practice, _ in covered}))}
    first = min(month for _, _, month in covered)
    months = max(month for _, _, month, _ in judged) - first + 1
    grids = {feed: np.zeros((len(practices), months), dtype=bool) for feed in sorted({feed for feed, _, _ in covered})}
    for feed, practice, month in covered:
        grids[feed][practices[practice], month - first] = True
    starts = np.array([_first_day(first + place) for place in range(months)], dtype=np.int32)
    return CoverageCalendar(practices, first, {feed: _runs(grid, starts) for feed, grid in grids.items()})


def covered_days(
    calendar: CoverageCalendar, feed: str, practice: NDArray[np.int32], index_day: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Give the days before each index date that a feed covers without a break, whole months at a time.

    `practice` is a place in the calendar, -1 for none. The month that holds the day before the index date must be covered,
    and every month a window touches, for the window to be covered. The month after the last that was judged had not ended
    by the data cut: it counts as the month before it did, so that a cut within a month does not empty every window.
    """
    days = np.zeros(len(practice), dtype=np.int32)
    if feed not in calendar.run_start:
        return days
    runs = calendar.run_start[feed]
    unique, which = distinct(index_day)
    month = np.array([_month(_date(day - 1)) for day in unique.tolist()], dtype=np.int64)[which] - calendar.first_month
    month = np.where(month == runs.shape[1], month - 1, month)
    inside = np.flatnonzero((practice >= 0) & (month >= 0) & (month < runs.shape[1]))
    start = runs[practice[inside], month[inside]]
    days[inside] = np.where(start == -1, 0, index_day[inside] - start)
    return days


def distinct(values: NDArray) -> tuple[NDArray, NDArray[np.int64]]:
    """Give the distinct values and the place of each line's among them, without sorting where there is only one."""
    if len(values) and (values == values[0]).all():
        return values[:1], np.zeros(len(values), dtype=np.int64)
    unique, which = np.unique(values, return_inverse=True)
    return unique, which


def _runs(grid: NDArray[np.bool_], starts: NDArray[np.int32]) -> NDArray[np.int32]:
    runs = np.full(grid.shape, -1, dtype=np.int32)
    for month in range(grid.shape[1]):
        before = runs[:, month - 1] if month else np.full(len(grid), -1, dtype=np.int32)
        runs[:, month] = np.where(grid[:, month], np.where(before == -1, starts[month], before), -1)
    return runs


def _month(day: date) -> int:
    return (day.year - 1970) * 12 + day.month - 1


def _first_day(month: int) -> int:
    return (date(1970 + month // 12, month % 12 + 1, 1) - date(1970, 1, 1)).days


def _date(day: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + day)

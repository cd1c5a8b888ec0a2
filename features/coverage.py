"""Coverage of feeds: how many days before an index date a practice's months are covered without a gap.

A window that is not covered makes a feature null: without data, 0 would mean no event where no one could see one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

COVERED = "covered"
NEVER = int(np.iinfo(np.int32).min)  # before every index date


@dataclass(frozen=True)
class CoverageCalendar:
    """For each feed, practice (in order of `practices`) and month: the first day of the covered months that end with it, without a gap."""

    practices: Mapping[str, int]
    first_month: int  # months since 1970
    run_start: Mapping[str, NDArray[np.int32]]  # practice x month: days since 1970; -1 where the month is not covered
    known_since: Mapping[str, NDArray[np.int32]]  # practice: days since 1970; index dates before that day have no covered month

    @property
    def feeds(self) -> tuple[str, ...]:
        """Return the feeds with at least one covered month of any practice."""
        return tuple(self.run_start)


def coverage_calendar(coverage: pa.Table) -> CoverageCalendar:
    """Build the calendar from the rows of practices in core__coverage: feed, organisation_code, month and status.

    With the column known_since it is the calendar of index dates. Without it it is that of outcomes, which are read with all data.
    """
    month = _months(coverage["month"])
    covered = np.flatnonzero(pc.equal(coverage["status"], COVERED).to_numpy())
    if not len(covered):
        return CoverageCalendar({}, 0, {}, {})
    first = int(month[covered].min())
    months = int(month.max()) - first + 1
    chosen = pa.array(covered)
    feeds, feed = _numbered(coverage["feed"].take(chosen))
    practices, practice = _numbered(coverage["organisation_code"].take(chosen))
    grids = np.zeros((len(feeds), len(practices), months), dtype=bool)
    grids[feed, practice, month[covered] - first] = True
    starts = np.array([_first_day(first + place) for place in range(months)], dtype=np.int32)
    known = np.full((len(feeds), len(practices)), NEVER, dtype=np.int32)
    if "known_since" in coverage.column_names:
        since = coverage["known_since"].cast(pa.date32()).cast(pa.int32()).fill_null(NEVER)
        known[feed, practice] = since.take(chosen).to_numpy()
    places = {code: place for place, code in enumerate(practices)}
    runs = {name: _runs(grid, starts) for name, grid in zip(feeds, grids, strict=True)}
    return CoverageCalendar(places, first, runs, dict(zip(feeds, known, strict=True)))


def covered_days(
    calendar: CoverageCalendar, feed: str, practice: NDArray[np.int32], index_day: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return the days before each index date that a feed covers without a gap, in complete months.

    `practice` is a position in the calendar, -1 for none. A window is covered if every month that it touches is covered, including
    the month of the day before the index date. The month after the last one in the calendar had not ended by the data cut. It has
    the status of the month before it, so that a data cut within a month does not make every feature null. No month is covered on an
    index date before most of the sender's records were known.
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
    silent = index_day[inside] < calendar.known_since[feed][practice[inside]]
    days[inside] = np.where((start == -1) | silent, 0, index_day[inside] - start)
    return days


def distinct(values: NDArray) -> tuple[NDArray, NDArray[np.int64]]:
    """Return the distinct values in ascending order and the position of each element among them.

    Values that are close together are counted instead of sorted, which is faster.
    """
    if not len(values):
        return values, np.zeros(0, dtype=np.int64)
    low, high = int(values.min()), int(values.max())
    if high - low > len(values):
        unique, which = np.unique(values, return_inverse=True)
        return unique, which
    present = np.zeros(high - low + 1, dtype=bool)
    present[values - low] = True
    return (np.flatnonzero(present) + low).astype(values.dtype), (np.cumsum(present) - 1).take(values - low)


def _runs(grid: NDArray[np.bool_], starts: NDArray[np.int32]) -> NDArray[np.int32]:
    runs = np.full(grid.shape, -1, dtype=np.int32)
    for month in range(grid.shape[1]):
        before = runs[:, month - 1] if month else np.full(len(grid), -1, dtype=np.int32)
        runs[:, month] = np.where(grid[:, month], np.where(before == -1, starts[month], before), -1)
    return runs


def _numbered(codes: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int64]]:
    """Return the distinct codes in order and the position of each element among them."""
    names = sorted(pc.unique(codes).to_pylist())
    return names, pc.index_in(codes, pa.array(names, pa.string())).to_numpy().astype(np.int64)


def _months(dates: pa.ChunkedArray) -> NDArray[np.int64]:
    return dates.cast(pa.date32()).to_numpy().astype("datetime64[M]").astype(np.int64)


def _month(day: date) -> int:
    return (day.year - 1970) * 12 + day.month - 1


def _first_day(month: int) -> int:
    return (date(1970 + month // 12, month % 12 + 1, 1) - date(1970, 1, 1)).days


def _date(day: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + day)

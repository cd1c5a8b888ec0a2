"""The statistics of the kernel over one chunk of rows: cells, last writes and sorts, never a loop over people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature, Statistic
from features.plan import Plan, Space

NOT_SEEN = np.uint16(65535)  # in `last`; longer ago than any life
DAY_BITS = 11
YEAR = 365.25
Column = NDArray[np.float32]


@dataclass(frozen=True)
class Selected:
    """Events that may count, in order of row and date: the row's place, days before its index date, what they are."""

    rows: int
    row: NDArray[np.int64]
    days: NDArray[np.int32]
    signature: NDArray[np.uint16]
    code: NDArray[np.int32]
    value: NDArray[np.float32]
    provider: NDArray[np.int32]


@dataclass(frozen=True)
class Cells:
    """What the cheap statistics of a chunk are read from; the first axis is a column of the space named alike."""

    counted: NDArray[np.intp]  # column x window x row, windows nested
    summed: NDArray[np.float64]
    highest: NDArray[np.float64]
    last: NDArray[np.uint16]  # column x row: days since the last event
    first: NDArray[np.uint16]  # column x row: days since the first event, 0 if there is none


def compute(events: Selected, plan: Plan) -> NDArray[np.float32]:
    """Compute the plan's features for one chunk: one line per feature, one column per row."""
    out = np.empty((len(plan.features), events.rows), dtype=np.float32)
    cells = Cells(
        counted=_counted(events, plan), summed=_summed(events, plan), highest=_highest(events, plan),
        last=_last(events, plan.last), first=_first(events, plan.first),
    )  # fmt: skip
    distinct: dict[tuple[str, str], tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
    values = _values(events, plan)
    for place, feature in enumerate(plan.features):
        if feature.statistic in _FROM_CELLS:
            out[place] = _FROM_CELLS[feature.statistic](feature, cells, plan)
        elif feature.statistic in (Statistic.LATEST_VALUE, Statistic.VALUE_CHANGE):
            out[place] = values[feature.concept, feature.window_days or 0, feature.statistic]
        elif feature.statistic is Statistic.RETURNS:
            out[place] = _returns(feature, events, plan)
        else:
            key = (feature.concept, feature.statistic.value)
            if key not in distinct:
                distinct[key] = _distinct(feature, events, plan)
            row, days = distinct[key]
            out[place] = np.bincount(row[days <= (feature.window_days or 0)], minlength=events.rows)
    return out


# --- cells ---------------------------------------------------------------------------------------------------------


def _places(events: Selected, space: Space, plan: Plan) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the events of a space within the longest window, and the cell of each."""
    column = space.column[events.signature]
    chosen = np.flatnonzero((column >= 0) & (events.days <= max(plan.edges, default=0)))
    bucket = plan.bucket[events.days[chosen]]
    return chosen, (column[chosen].astype(np.int64) * len(plan.edges) + bucket) * events.rows + events.row[chosen]


def _counted(events: Selected, plan: Plan) -> NDArray[np.intp]:
    shape = (plan.counted.size, len(plan.edges), events.rows)
    _, cell = _places(events, plan.counted, plan)
    cells: NDArray[np.intp] = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
    return np.add.accumulate(cells, axis=1, out=cells)


def _summed(events: Selected, plan: Plan) -> NDArray[np.float64]:
    shape = (plan.summed.size, len(plan.edges), events.rows)
    chosen, cell = _places(events, plan.summed, plan)
    cells: NDArray = np.bincount(cell, np.nan_to_num(events.value[chosen]), int(np.prod(shape))).reshape(shape)
    return np.add.accumulate(cells, axis=1, out=cells)


def _highest(events: Selected, plan: Plan) -> NDArray[np.float64]:
    shape = (plan.highest.size, len(plan.edges), events.rows)
    cells = np.zeros(int(np.prod(shape)))
    chosen, cell = _places(events, plan.highest, plan)
    np.maximum.at(cells, cell, np.nan_to_num(events.value[chosen]))
    return np.maximum.accumulate(cells.reshape(shape), axis=1)


def _last(events: Selected, space: Space) -> NDArray[np.uint16]:
    """Write each event's days over those of the one before it: events ascend in date, so the last write is the latest."""
    column = space.column[events.signature]
    chosen = np.flatnonzero(column >= 0)
    cells = np.full(space.size * events.rows, NOT_SEEN)
    cells[column[chosen].astype(np.int64) * events.rows + events.row[chosen]] = np.minimum(events.days[chosen], NOT_SEEN - 1)
    return cells.reshape(space.size, events.rows)


def _first(events: Selected, space: Space) -> NDArray[np.uint16]:
    column = space.column[events.signature]
    chosen = np.flatnonzero(column >= 0)[::-1]
    cells = np.zeros(space.size * events.rows, dtype=np.uint16)
    cells[column[chosen].astype(np.int64) * events.rows + events.row[chosen]] = np.minimum(events.days[chosen], NOT_SEEN - 1)
    return cells.reshape(space.size, events.rows)


# --- features from cells -------------------------------------------------------------------------------------------


def _sum_columns(cells: NDArray, columns: tuple[int, ...], edge: int) -> NDArray:
    total = np.zeros(cells.shape[2], dtype=cells.dtype)
    for column in columns:
        total += cells[column, edge]
    return total


def _count(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    return _sum_columns(cells.counted, plan.counted.columns_of[feature.concept], plan.edges.index(feature.window_days or 0))


def _trend(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    both = _sum_columns(cells.counted, plan.counted.columns_of[feature.concept], plan.edges.index(feature.covered_days))
    return 2 * _count(feature, cells, plan) - both


def _sum(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    return _sum_columns(cells.summed, plan.summed.columns_of[feature.concept], plan.edges.index(feature.window_days or 0))


def _maximum(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    edge = plan.edges.index(feature.window_days or 0)
    highest = np.zeros(cells.highest.shape[2])
    for column in plan.highest.columns_of[feature.concept]:
        np.maximum(highest, cells.highest[column, edge], out=highest)
    return highest


def _days_since(concept: str, cells: Cells, plan: Plan) -> NDArray[np.uint16]:
    columns = plan.last.columns_of[concept]
    if len(columns) == 1:
        return cells.last[columns[0]]
    days = np.full(cells.last.shape[1], NOT_SEEN)
    for column in columns:
        np.minimum(days, cells.last[column], out=days)
    return days


def _flag(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    return _days_since(feature.concept, cells, plan) <= (feature.window_days or NOT_SEEN - 1)


def _days_since_last(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    days = _days_since(feature.concept, cells, plan)
    return np.where(days > (feature.window_days or NOT_SEEN - 1), np.float32(np.nan), days.astype(np.float32))


def _days_since_first(feature: Feature, cells: Cells, plan: Plan) -> NDArray[np.uint16]:
    days = np.zeros(cells.first.shape[1], dtype=np.uint16)
    for column in plan.first.columns_of[feature.concept]:
        np.maximum(days, cells.first[column], out=days)
    return days


def _new(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    days = _days_since_first(feature, cells, plan)
    return (days > 0) & (days <= (feature.window_days or 0))


def _years_since_first(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    days = _days_since_first(feature, cells, plan)
    return np.where(days == 0, np.nan, days / YEAR)


def _latest_of(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    latest = np.minimum.reduce([_days_since(name, cells, plan) for name in feature.among])
    mine = _days_since(feature.concept, cells, plan) == latest
    return np.where(latest == NOT_SEEN, np.nan, mine)


def _score(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    window = feature.window_days or NOT_SEEN - 1
    instead = dict(feature.replaced_by)
    total = np.zeros(cells.last.shape[1])
    for group, points in zip(feature.groups, feature.points, strict=True):
        present = _days_since(group, cells, plan) <= window
        if group in instead:
            present &= _days_since(instead[group], cells, plan) > window
        total += points * present
    return np.where(_days_since(feature.after, cells, plan) <= window, np.maximum(total, 0), np.nan)


_FROM_CELLS: dict[Statistic, Callable[[Feature, Cells, Plan], NDArray]] = {
    Statistic.COUNT: _count, Statistic.TREND: _trend, Statistic.SUM: _sum, Statistic.MAXIMUM: _maximum, Statistic.FLAG: _flag,
    Statistic.DAYS_SINCE_LAST: _days_since_last, Statistic.NEW: _new, Statistic.YEARS_SINCE_FIRST: _years_since_first,
    Statistic.LATEST_OF: _latest_of, Statistic.SCORE: _score,
}  # fmt: skip


# --- values, distinct items, returns -------------------------------------------------------------------------------


def _values(events: Selected, plan: Plan) -> dict[tuple[str, int, Statistic], Column]:
    """Read the latest value and the change since the earliest one, for each concept and window with values."""
    found: dict[tuple[str, int, Statistic], Column] = {}
    for slot in plan.values:
        chosen = np.flatnonzero(plan.members[slot.concept][events.signature])
        value = events.value[chosen]
        chosen = chosen[(value >= slot.minimum) & (value <= slot.maximum) & (events.days[chosen] <= slot.window)]
        row, days, value = events.row[chosen], events.days[chosen], events.value[chosen]
        latest, earliest = np.zeros(events.rows, dtype=np.int32), np.zeros(events.rows, dtype=np.int32)
        latest[row] = days
        earliest[row[::-1]] = days[::-1]
        now = _mean_on(row, days, value, latest)
        then = np.where(latest == earliest, np.nan, _mean_on(row, days, value, earliest))
        found[slot.concept, slot.window, Statistic.LATEST_VALUE] = now.astype(np.float32)
        found[slot.concept, slot.window, Statistic.VALUE_CHANGE] = (now - then).astype(np.float32)
    return found


def _mean_on(
    row: NDArray[np.int64], days: NDArray[np.int32], value: NDArray[np.float32], day: NDArray[np.int32]
) -> NDArray[np.float64]:
    on_day = np.flatnonzero(days == day[row])
    number = np.bincount(row[on_day], minlength=len(day))
    total = np.bincount(row[on_day], value[on_day], minlength=len(day))
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _distinct(feature: Feature, events: Selected, plan: Plan) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give one (row, days) for each distinct item of a row: days since the item was last seen.

    The days take the low bits of the sort key, so the first of an item's keys is its latest event.
    """
    longest = max(
        other.window_days or 0
        for other in plan.features
        if (other.concept, other.statistic) == (feature.concept, feature.statistic)
    )
    chosen = np.flatnonzero(plan.members[feature.concept][events.signature] & (events.days <= longest))
    row, days = events.row[chosen], events.days[chosen].astype(np.int64)
    if feature.statistic is Statistic.DISTINCT_DAYS:
        new = np.diff(row * (1 << DAY_BITS) - days, prepend=-(1 << DAY_BITS) - 1) != 0
        return row[new], days[new]
    item = plan.substance[events.code[chosen]] if feature.statistic is Statistic.DISTINCT_CODES else events.provider[chosen]
    named = item > 0
    key = ((row[named] * plan.codes + item[named]) << DAY_BITS) | days[named]
    key.sort()
    key = key[np.diff(key >> DAY_BITS, prepend=-1) != 0]
    return (key >> DAY_BITS) // plan.codes, key & ((1 << DAY_BITS) - 1)


def _returns(feature: Feature, events: Selected, plan: Plan) -> NDArray[np.int64]:
    """Count events that follow within some days upon an event of another concept on an earlier day."""
    step = 1 << 20  # more than the days of any life and any `within_days`, so that rows do not meet
    here = np.flatnonzero(plan.members[feature.concept][events.signature] & (events.days <= (feature.window_days or 0)))
    before = np.flatnonzero(plan.members[feature.after][events.signature])
    moment = events.row[here] * step + (step >> 1) - events.days[here]
    earlier = events.row[before] * step + (step >> 1) - events.days[before]
    place = np.searchsorted(earlier, moment, side="left") - 1
    follows = (place >= 0) & (moment - np.append(earlier, 0)[place] <= feature.within_days)
    return np.bincount(events.row[here[follows]], minlength=events.rows)

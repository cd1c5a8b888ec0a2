"""Statistics that look at single events of a chunk: values of a day, distinct items, events that follow upon others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature, Statistic
from features.plan import Plan
from features.selected_events import Selected

MOST_CELLS = 1 << 24  # 64 MB at most are written to
Column = NDArray[np.float32]


def latest_values(events: Selected, plan: Plan) -> dict[tuple[str, int, Statistic], Column]:
    """Read the latest value and the change since the earliest one, for each concept and window with values."""
    found: dict[tuple[str, int, Statistic], Column] = {}
    for slot in plan.values:
        chosen = np.flatnonzero(plan.members[slot.concept].take(events.signature))
        value, days = events.value.take(events.place.take(chosen)), events.days.take(chosen)
        usable = np.flatnonzero((value >= slot.minimum) & (value <= slot.maximum) & (days <= slot.window))
        row, days, value = events.row.take(chosen.take(usable)), days.take(usable), value.take(usable)
        latest, earliest = np.zeros(events.rows, dtype=np.uint16), np.zeros(events.rows, dtype=np.uint16)
        latest[row] = days
        earliest[row[::-1]] = days[::-1]
        now = _mean_on(row, days, value, latest)
        then = np.where(latest == earliest, np.nan, _mean_on(row, days, value, earliest))
        found[slot.concept, slot.window, Statistic.LATEST_VALUE] = now.astype(np.float32)
        found[slot.concept, slot.window, Statistic.VALUE_CHANGE] = (now - then).astype(np.float32)
    return found


def _mean_on(
    row: NDArray[np.int64], days: NDArray[np.uint16], value: NDArray[np.float32], day: NDArray[np.uint16]
) -> NDArray[np.float64]:
    on_day = np.flatnonzero(days == day.take(row))
    where = row.take(on_day)
    number = np.bincount(where, minlength=len(day))
    total = np.bincount(where, value.take(on_day), minlength=len(day))
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def distinct_items(statistic: Statistic, events: Selected, plan: Plan) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Give one (row, days) for each distinct item of a row: days since the item was last seen."""
    row, days = events.row, events.days
    if statistic is Statistic.DISTINCT_DAYS:
        new = np.flatnonzero(_first_of_run(days) | _first_of_run(row))
        return row.take(new), days.take(new)
    codes = statistic is Statistic.DISTINCT_CODES
    item = plan.substance.take(events.code.take(events.place)) if codes else events.provider.take(events.place)
    known = np.flatnonzero(item > 0)
    row, days, item = row.take(known), days.take(known), item.take(known)
    seen = np.zeros(plan.codes, dtype=bool)
    seen[item] = True
    number = np.cumsum(seen)  # of each item among those that are there, from 1
    items = int(number[-1])
    last = last_of_each(row * items + number.take(item), (events.rows + 1) * items)
    return row.take(last), days.take(last)


def last_of_each(cell: NDArray[np.int64], cells: int, most: int = MOST_CELLS) -> NDArray[np.int64]:
    """Give the place of the last event in each cell that has any; cells are numbered below `cells`.

    Every event writes its place over that of the one before it and then looks whose is there: no cell is set up or searched.
    """
    if cells > most:
        return len(cell) - 1 - np.unique(cell[::-1], return_index=True)[1]
    place = np.arange(len(cell))
    written = np.empty(cells, dtype=np.int32)
    written[cell] = place
    return np.flatnonzero(written.take(cell) == place)


def _first_of_run(values: NDArray) -> NDArray[np.bool_]:
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return first


def returns(feature: Feature, events: Selected, plan: Plan) -> NDArray[np.int64]:
    """Count events that follow within some days upon an event of another concept on an earlier day."""
    step = 1 << 20  # more than the days of any life and any `within_days`, so that rows do not meet
    here = np.flatnonzero(plan.members[feature.concept].take(events.signature) & (events.days <= (feature.window_days or 0)))
    before = np.flatnonzero(plan.members[feature.after].take(events.signature))
    moment = events.row[here] * step + (step >> 1) - events.days[here]
    earlier = events.row[before] * step + (step >> 1) - events.days[before]
    place = np.searchsorted(earlier, moment, side="left") - 1
    follows = (place >= 0) & (moment - np.append(earlier, 0)[place] <= feature.within_days)
    return np.bincount(events.row[here[follows]], minlength=events.rows)

"""Statistics of single events: values of a day, distinct items, and events that follow other events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature, Statistic
from features.plan import Plan
from features.selected_events import Selected

MOST_CELLS = 1 << 24  # at most 64 MB
Column = NDArray[np.float32]


def latest_values(events: Selected, plan: Plan) -> dict[tuple[str, int, Statistic], Column]:
    """Return the latest value and its change since the earliest value, for each concept and window with values."""
    columns: dict[tuple[str, int, Statistic], Column] = {}
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
        columns[slot.concept, slot.window, Statistic.LATEST_VALUE] = now.astype(np.float32)
        columns[slot.concept, slot.window, Statistic.VALUE_CHANGE] = (now - then).astype(np.float32)
    return columns


def _mean_on(
    row: NDArray[np.int64], days: NDArray[np.uint16], value: NDArray[np.float32], day: NDArray[np.uint16]
) -> NDArray[np.float64]:
    on_day = np.flatnonzero(days == day.take(row))
    where = row.take(on_day)
    number = np.bincount(where, minlength=len(day))
    total = np.bincount(where, value.take(on_day), minlength=len(day))
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def distinct_items(statistic: Statistic, events: Selected, plan: Plan) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Return a row and the days since the last event for each distinct item of each row."""
    row, days = events.row, events.days
    if statistic is Statistic.DISTINCT_DAYS:
        new = np.flatnonzero(_first_of_run(days) | _first_of_run(row))
        return row.take(new), days.take(new)
    codes = statistic is Statistic.DISTINCT_CODES
    item = plan.substance.take(events.code.take(events.place)) if codes else events.provider.take(events.place)
    coded = np.flatnonzero(item > 0)
    row, days, item = row.take(coded), days.take(coded), item.take(coded)
    present = np.zeros(plan.codes, dtype=bool)
    present[item] = True
    number = np.cumsum(present)  # of each item among those present, from 1
    items = int(number[-1])
    last = last_of_each(row * items + number.take(item), (events.rows + 1) * items)
    return row.take(last), days.take(last)


def last_of_each(cell: NDArray[np.int64], cells: int, most: int = MOST_CELLS) -> NDArray[np.int64]:
    """Return the position of the last event in each cell that has any; cells are numbered below `cells`.

    Every event writes its position over that of the previous event of its cell. The events whose position remains are the last ones.
    """
    if cells > most:
        return len(cell) - 1 - np.unique(cell[::-1], return_index=True)[1]
    place = np.arange(len(cell))
    last = np.empty(cells, dtype=np.int32)
    last[cell] = place
    return np.flatnonzero(last.take(cell) == place)


def _first_of_run(values: NDArray) -> NDArray[np.bool_]:
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return first


def returns(feature: Feature, events: Selected, plan: Plan) -> NDArray[np.int64]:
    """Count events within `within_days` after an event of the concept `after` on an earlier day."""
    step = 1 << 20  # more days than any life and any `within_days`, so that rows do not overlap
    here = np.flatnonzero(plan.members[feature.concept].take(events.signature) & (events.days <= (feature.window_days or 0)))
    before = np.flatnonzero(plan.members[feature.after].take(events.signature))
    moment = events.row[here] * step + (step >> 1) - events.days[here]
    earlier = events.row[before] * step + (step >> 1) - events.days[before]
    place = np.searchsorted(earlier, moment, side="left") - 1
    follows = (place >= 0) & (moment - np.append(earlier, 0)[place] <= feature.within_days)
    return np.bincount(events.row[here[follows]], minlength=events.rows)

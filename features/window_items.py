"""Statistics that look at single events of a chunk: values of a day, distinct items, events that follow upon others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature, Statistic
from features.plan import Plan
from features.selected_events import Selected

DAY_BITS = 11
Column = NDArray[np.float32]


def latest_values(events: Selected, plan: Plan) -> dict[tuple[str, int, Statistic], Column]:
    """Read the latest value and the change since the earliest one, for each concept and window with values."""
    found: dict[tuple[str, int, Statistic], Column] = {}
    for slot in plan.values:
        chosen = np.flatnonzero(plan.members[slot.concept][events.signature])
        value = events.value[events.place[chosen]]
        chosen = chosen[(value >= slot.minimum) & (value <= slot.maximum) & (events.days[chosen] <= slot.window)]
        row, days, value = events.row[chosen], events.days[chosen], events.value[events.place[chosen]]
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
    on_day = np.flatnonzero(days == day[row])
    number = np.bincount(row[on_day], minlength=len(day))
    total = np.bincount(row[on_day], value[on_day], minlength=len(day))
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def distinct_items(
    statistic: Statistic, events: Selected, mine: NDArray[np.int64], plan: Plan
) -> tuple[NDArray[np.int64], NDArray]:
    """Give one (row, days) for each distinct item of a row among some of the events: days since the item was last seen.

    The days take the low bits of the sort key, so the first of an item's keys is its latest event.
    """
    row, days = events.row[mine], events.days[mine]
    if statistic is Statistic.DISTINCT_DAYS:
        new = np.flatnonzero(_first_of_run(days) | _first_of_run(row))
        return row[new], days[new]
    place, codes = events.place[mine], statistic is Statistic.DISTINCT_CODES
    item = (plan.substance[events.code[place]] if codes else events.provider[place]).astype(np.int64)
    code_bits = plan.codes.bit_length()
    key = (((row << code_bits | item) << DAY_BITS) | days)[item > 0]
    key.sort()
    found = key >> DAY_BITS
    new = np.flatnonzero(_first_of_run(found))
    return found[new] >> code_bits, key[new] & ((1 << DAY_BITS) - 1)


def _first_of_run(values: NDArray) -> NDArray[np.bool_]:
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return first


def returns(feature: Feature, events: Selected, plan: Plan) -> NDArray[np.int64]:
    """Count events that follow within some days upon an event of another concept on an earlier day."""
    step = 1 << 20  # more than the days of any life and any `within_days`, so that rows do not meet
    here = np.flatnonzero(plan.members[feature.concept][events.signature] & (events.days <= (feature.window_days or 0)))
    before = np.flatnonzero(plan.members[feature.after][events.signature])
    moment = events.row[here] * step + (step >> 1) - events.days[here]
    earlier = events.row[before] * step + (step >> 1) - events.days[before]
    place = np.searchsorted(earlier, moment, side="left") - 1
    follows = (place >= 0) & (moment - np.append(earlier, 0)[place] <= feature.within_days)
    return np.bincount(events.row[here[follows]], minlength=events.rows)

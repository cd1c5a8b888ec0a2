"""The statistics of the kernel over one chunk of rows: cells, last writes and sorts, never a loop over people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature, Statistic
from features.plan import Facet, Plan, Space, facet_of
from features.selected_events import Selected
from features.window_items import distinct_items, latest_values, returns

NOT_SEEN = np.uint16(65535)  # in `last`; longer ago than any life
YEAR = 365.25


@dataclass(frozen=True)
class Cells:
    """What the cheap statistics of a chunk are read from; the first axis is a column of the space named alike."""

    counted: NDArray[np.float32]  # column x window x row, windows nested
    summed: NDArray[np.float64]
    highest: NDArray[np.float64]
    last: NDArray[np.uint16]  # column x row: days since the last event
    first: NDArray[np.uint16]  # column x row: days since the first event, 0 if there is none


def compute(events: Selected, plan: Plan, out: NDArray[np.float32]) -> None:
    """Compute the plan's features for one chunk into `out`: one line per feature, one column per row."""
    bits = plan.facets_of[events.signature]
    of = {facet: events.only((bits & plan.facets[facet]) > 0) for facet in Facet}
    cells = Cells(
        counted=_counted(events, plan), summed=_summed(of[Facet.AMOUNT], plan), highest=_highest(of[Facet.AMOUNT], plan),
        last=_last(events, plan.last), first=_first(of[Facet.FIRST], plan.first),
    )  # fmt: skip
    distinct: dict[str, tuple[NDArray[np.int64], NDArray]] = {}
    values = latest_values(of[Facet.VALUE], plan)
    for place, feature in enumerate(plan.features):
        if feature.statistic in _FROM_CELLS:
            out[place] = _FROM_CELLS[feature.statistic](feature, cells, plan)
        elif feature.statistic in (Statistic.LATEST_VALUE, Statistic.VALUE_CHANGE):
            out[place] = values[feature.concept, feature.window_days or 0, feature.statistic]
        elif feature.statistic is Statistic.RETURNS:
            out[place] = returns(feature, of[Facet.RETURN], plan)
        else:
            facet = str(facet_of(feature))
            if facet not in distinct:
                mine = np.flatnonzero(((bits & plan.facets[facet]) > 0) & (events.days <= plan.longest[facet]))
                distinct[facet] = distinct_items(feature.statistic, events, mine, plan)
            row, days = distinct[facet]
            out[place] = np.bincount(row[days <= (feature.window_days or 0)], minlength=events.rows)


# --- cells ---------------------------------------------------------------------------------------------------------


def _counted(events: Selected, plan: Plan) -> NDArray[np.float32]:
    """Count every event in its cell; what is in no column or window falls in a last one, which is left out."""
    shape = (plan.counted.size + 1, len(plan.edges) + 1, events.rows)
    cell = plan.counted.column[events.signature]
    cell *= shape[1]
    cell += plan.bucket[events.days]
    cell *= events.rows
    cell += events.row
    cells = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
    nested = cells[:-1, :-1].astype(np.float32)  # exact: nobody has 2**24 events
    for edge in range(1, len(plan.edges)):
        nested[:, edge] += nested[:, edge - 1]
    return nested


def _amounts(events: Selected, space: Space, plan: Plan) -> tuple[tuple[int, int, int], NDArray[np.int64], NDArray[np.float32]]:
    """Give the shape of a space, and the cell and value of each event within the longest window."""
    column = space.column[events.signature]
    chosen = np.flatnonzero((column < space.size) & (events.days <= max(plan.edges, default=0)))
    bucket = plan.bucket[events.days[chosen]]
    cell = (column[chosen] * len(plan.edges) + bucket) * events.rows + events.row[chosen]
    return (space.size, len(plan.edges), events.rows), cell, np.nan_to_num(events.value[events.place[chosen]])


def _summed(events: Selected, plan: Plan) -> NDArray[np.float64]:
    shape, cell, value = _amounts(events, plan.summed, plan)
    cells: NDArray = np.bincount(cell, value, int(np.prod(shape))).reshape(shape)
    for edge in range(1, shape[1]):
        cells[:, edge] += cells[:, edge - 1]
    return cells


def _highest(events: Selected, plan: Plan) -> NDArray[np.float64]:
    shape, cell, value = _amounts(events, plan.highest, plan)
    cells = np.zeros(int(np.prod(shape)))
    np.maximum.at(cells, cell, value)
    cells = cells.reshape(shape)
    for edge in range(1, shape[1]):
        np.maximum(cells[:, edge], cells[:, edge - 1], out=cells[:, edge])
    return cells


def _last(events: Selected, space: Space) -> NDArray[np.uint16]:
    """Write each event's days over those of the one before it: events ascend in date, so the last write is the latest."""
    return _written(events.row, events.days, space.column[events.signature], (space.size + 1, events.rows), NOT_SEEN)


def _first(events: Selected, space: Space) -> NDArray[np.uint16]:
    column = space.column[events.signature]
    return _written(events.row[::-1], events.days[::-1], column[::-1], (space.size + 1, events.rows), np.uint16(0))


def _written(
    row: NDArray[np.int64], days: NDArray[np.uint16], column: NDArray[np.int64], shape: tuple[int, int], empty: np.uint16
) -> NDArray[np.uint16]:
    cells = np.full(shape[0] * shape[1], empty)
    cells[column * shape[1] + row] = days
    return cells.reshape(shape)[:-1]


# --- features from cells -------------------------------------------------------------------------------------------


def _sum_columns(cells: NDArray, columns: tuple[int, ...], edge: int) -> NDArray:
    if len(columns) == 1:
        return cells[columns[0], edge]
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
    days = np.minimum(cells.last[columns[0]], cells.last[columns[1]]) if columns else np.full(cells.last.shape[1], NOT_SEEN)
    for column in columns[2:]:
        np.minimum(days, cells.last[column], out=days)
    return days


def _flag(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    return _days_since(feature.concept, cells, plan) <= (feature.window_days or NOT_SEEN - 1)


def _days_since_last(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    days = _days_since(feature.concept, cells, plan)
    return np.where(days > (feature.window_days or NOT_SEEN - 1), np.float32(np.nan), days.astype(np.float32))


def _days_since_first(feature: Feature, cells: Cells, plan: Plan) -> NDArray[np.uint16]:
    columns = plan.first.columns_of[feature.concept]
    if len(columns) == 1:
        return cells.first[columns[0]]
    days = np.zeros(cells.first.shape[1], dtype=np.uint16)
    for column in columns:
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
    """Add up points for the rows that have a score at all: few people are in hospital, and there are many groups."""
    window = feature.window_days or NOT_SEEN - 1
    instead = dict(feature.replaced_by)
    known = np.flatnonzero(_days_since(feature.after, cells, plan) <= window)
    few = replace(cells, last=np.take(cells.last, known, axis=1))
    total = np.zeros(len(known))
    for group, points in zip(feature.groups, feature.points, strict=True):
        present = _days_since(group, few, plan) <= window
        if group in instead:
            present &= _days_since(instead[group], few, plan) > window
        total += points * present
    scores = np.full(cells.last.shape[1], np.nan)
    scores[known] = np.maximum(total, 0)
    return scores


_FROM_CELLS: dict[Statistic, Callable[[Feature, Cells, Plan], NDArray]] = {
    Statistic.COUNT: _count, Statistic.TREND: _trend, Statistic.SUM: _sum, Statistic.MAXIMUM: _maximum, Statistic.FLAG: _flag,
    Statistic.DAYS_SINCE_LAST: _days_since_last, Statistic.NEW: _new, Statistic.YEARS_SINCE_FIRST: _years_since_first,
    Statistic.LATEST_OF: _latest_of, Statistic.SCORE: _score,
}  # fmt: skip

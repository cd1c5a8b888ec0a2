"""The statistics of the kernel for one chunk of rows, computed with arrays and without a loop over people."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expectations.age import DAYS_PER_YEAR
from features.declaration import Feature, Statistic
from features.plan import Facet, Plan, Space, facet_of
from features.selected_events import Selected
from features.window_items import distinct_items, latest_values, returns

NOT_SEEN = np.uint16(65535)  # in `last`: no event; more days than any life


@dataclass(frozen=True)
class Cells:
    """Arrays that most statistics are read from; the first axis is a column of the space of the same name."""

    counted: NDArray[np.uint32]  # column x window x row, windows nested
    summed: NDArray[np.float64]
    highest: NDArray[np.float64]
    last: NDArray[np.uint16]  # column x row: days since the last event
    first: NDArray[np.uint16]  # column x row: days since the first event, 0 if there is none


def compute(events: Selected, plan: Plan, out: NDArray[np.float32]) -> None:
    """Compute the features of the plan for one chunk and write them to `out`: one line for each feature, one column for each row."""
    rare = _events_of(events, plan, Facet)
    of = {facet: _events_of(rare, plan, (facet,)) for facet in Facet}
    cells = Cells(
        counted=_counted(events, plan), summed=_summed(of[Facet.AMOUNT], plan), highest=_highest(of[Facet.AMOUNT], plan),
        last=_last(events, plan.last), first=_first(of[Facet.FIRST], plan.first),
    )  # fmt: skip
    distinct = _distinct(events, plan)
    values = latest_values(of[Facet.VALUE], plan)
    for place, feature in enumerate(plan.features):
        if feature.statistic in _FROM_CELLS:
            out[place] = _FROM_CELLS[feature.statistic](feature, cells, plan)
        elif feature.statistic in (Statistic.LATEST_VALUE, Statistic.VALUE_CHANGE):
            out[place] = values[feature.concept, feature.window_days or 0, feature.statistic]
        elif feature.statistic is Statistic.RETURNS:
            out[place] = returns(feature, of[Facet.RETURN], plan)
        else:
            row, days = distinct[str(facet_of(feature))]
            recent = np.flatnonzero(days <= (feature.window_days or 0))
            out[place] = np.bincount(row.take(recent), minlength=events.rows)


def _events_of(events: Selected, plan: Plan, facets: Iterable[str]) -> Selected:
    """Return the events that any of some facets needs."""
    bits = np.bitwise_or.reduce([plan.facets[facet] for facet in facets])
    return events.only((plan.facets_of.take(events.signature) & bits) > 0)


def _distinct(events: Selected, plan: Plan) -> dict[str, tuple[NDArray[np.int64], NDArray[np.uint16]]]:
    """Return the distinct items of each facet that counts them."""
    if not plan.longest:
        return {}
    some = _events_of(events, plan, plan.longest)
    bits = plan.facets_of.take(some.signature)
    items = {}
    for facet, longest in plan.longest.items():
        mine = some.only(((bits & plan.facets[facet]) > 0) & (some.days <= longest))
        items[facet] = distinct_items(plan.statistic_of[facet], mine, plan)
    return items


# --- cells ---------------------------------------------------------------------------------------------------------


def _counted(events: Selected, plan: Plan) -> NDArray[np.uint32]:
    """Count events by column, window and row. Events outside every column or window fall in a last cell, which is dropped."""
    shape = (plan.counted.size + 1, len(plan.edges) + 1, events.rows)
    cell = plan.counted.column.take(events.signature)
    cell *= shape[1]
    cell += plan.bucket.take(events.days)
    cell *= events.rows
    cell += events.row
    cells = np.zeros(int(np.prod(shape)), dtype=np.uint32)
    np.add.at(cells, cell, np.uint32(1))
    nested = cells.reshape(shape)[:-1, :-1]
    for edge in range(1, len(plan.edges)):
        nested[:, edge] += nested[:, edge - 1]
    return nested


def _amounts(events: Selected, space: Space, plan: Plan) -> tuple[tuple[int, int, int], NDArray[np.int64], NDArray[np.float32]]:
    """Return the shape of a space, and the cell and value of each event in the longest window."""
    column = space.column.take(events.signature)
    chosen = np.flatnonzero((column < space.size) & (events.days <= max(plan.edges, default=0)))
    bucket = plan.bucket.take(events.days.take(chosen))
    cell = (column.take(chosen) * len(plan.edges) + bucket) * events.rows + events.row.take(chosen)
    return (space.size, len(plan.edges), events.rows), cell, np.nan_to_num(events.value.take(events.place.take(chosen)))


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
    """Return the days since the last event: events are in order of date, so the last write to a cell is the latest event."""
    return _last_write(events.row, events.days, space.column.take(events.signature), (space.size + 1, events.rows), NOT_SEEN)


def _first(events: Selected, space: Space) -> NDArray[np.uint16]:
    column = space.column.take(events.signature)
    return _last_write(events.row[::-1], events.days[::-1], column[::-1], (space.size + 1, events.rows), np.uint16(0))


def _last_write(
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
    return 2.0 * _count(feature, cells, plan) - both


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
    """Return the days since the first event; 0 without an event, or where a later event ended the condition."""
    days = np.zeros(cells.first.shape[1], dtype=np.uint16)
    for column in plan.first.columns_of[feature.concept]:
        np.maximum(days, cells.first[column], out=days)
    return days * _current(feature, cells, plan) if feature.ended_by else days


def _new(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    days = _days_since_first(feature, cells, plan)
    return (days > 0) & (days <= (feature.window_days or 0))


def _years_since_first(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    days = _days_since_first(feature, cells, plan)
    return np.where(days == 0, np.nan, days / DAYS_PER_YEAR)


def _latest_of(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    latest = np.minimum.reduce([_days_since(name, cells, plan) for name in feature.among])
    mine = _days_since(feature.concept, cells, plan) == latest
    return np.where(latest == NOT_SEEN, np.nan, mine)


def _current(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    return _days_since(feature.concept, cells, plan) < _days_since(feature.ended_by, cells, plan)


def _score(feature: Feature, cells: Cells, plan: Plan) -> NDArray:
    """Compute scores for the rows with an event of `after` only: there are many groups, and few people were in hospital."""
    window = feature.window_days or NOT_SEEN - 1
    scored = np.flatnonzero(_days_since(feature.after, cells, plan) <= window)
    columns_of = plan.last.columns_of
    groups = {group: points for group, points in zip(feature.groups, feature.points, strict=True) if columns_of[group]}
    scores = np.full(cells.last.shape[1], np.nan)
    scores[scored] = 0
    if not groups:
        return scores
    columns = [columns_of[group] for group in groups]
    starts = np.cumsum([0, *map(len, columns)])[:-1]
    present = np.minimum.reduceat(cells.last[np.ix_(np.concatenate(columns), scored)], starts, axis=0) <= window
    place = {group: number for number, group in enumerate(groups)}
    pairs = [(place[group], place[by]) for group, by in feature.replaced_by if group in groups and by in groups]
    replaced, by = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    present[replaced] &= ~present[by]
    points = np.fromiter(groups.values(), dtype=np.float64)
    scores[scored] = np.maximum((points[:, None] * present).sum(axis=0), 0)
    return scores


_FROM_CELLS: dict[Statistic, Callable[[Feature, Cells, Plan], NDArray]] = {
    Statistic.COUNT: _count, Statistic.TREND: _trend, Statistic.SUM: _sum, Statistic.MAXIMUM: _maximum, Statistic.FLAG: _flag,
    Statistic.DAYS_SINCE_LAST: _days_since_last, Statistic.NEW: _new, Statistic.YEARS_SINCE_FIRST: _years_since_first,
    Statistic.LATEST_OF: _latest_of, Statistic.CURRENT: _current, Statistic.SCORE: _score,
}  # fmt: skip

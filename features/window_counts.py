"""The kernel: counts events before each index date into the features of a plan, by range of people.

An event counts for a row if it happened and was available before the row's index date and is not dated before birth. A window of w days
includes the days index_date - w to index_date - 1. People with several rows are processed in passes with one row for each person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features import window_statistics
from features.anchoring import IndexRows, available_before, not_before_birth
from features.plan import Plan
from features.selected_events import Selected

CHUNK_ROWS = 4096  # rows counted at a time, so that their cells fit in the processor's cache
LONG_AGO = np.int32(window_statistics.NOT_SEEN - 1)  # days: an earlier event counts as if it happened on that day


@dataclass(frozen=True)
class Events:
    """Events in order of person and date, as arrays; a missing value is NaN and dates are days since 1970."""

    person: NDArray[np.int32]
    event_day: NDArray[np.int32]
    available_day: NDArray[np.int32]
    event_type: NDArray[np.int16]
    code: NDArray[np.int32]
    value: NDArray[np.float32]
    provider: NDArray[np.int32]

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Events:
        """Build from the columns of core__event, sorted by person and date where they are not."""
        events = cls(
            person=_numbers(table, "person_key"), event_day=_numbers(table, "event_date"),
            available_day=_numbers(table, "available_date"), event_type=_numbers(table, "event_type"), code=_numbers(table, "code"),
            value=_numbers(table, "value"), provider=_numbers(table, "provider"),
        )  # fmt: skip
        return events.in_order()

    def in_order(self) -> Events:
        """Return the events in order of person and date."""
        person, day = self.person, self.event_day
        if ((person[1:] > person[:-1]) | ((person[1:] == person[:-1]) & (day[1:] >= day[:-1]))).all():
            return self
        order = np.lexsort((self.event_day, self.person))
        return Events(*(getattr(self, field.name)[order] for field in fields(self)))


def window_counts(events: Events, rows: IndexRows, plan: Plan, chunk_rows: int = CHUNK_ROWS) -> NDArray[np.float32]:
    """Compute the features of the plan: one line for each feature, one column for each row, NaN where a value is not known."""
    if len(rows.person) and (np.diff(rows.person) < 0).any():
        raise ValueError("window_counts: the rows are not in order of person; sort them first")
    if len(events.code) and not 0 <= events.code.min() <= events.code.max() < plan.codes:
        raise ValueError(
            "window_counts: an event has a code number that is not in core__code; compile the plan again from the current codes"
        )
    out = np.empty((len(plan.features), len(rows.person)), dtype=np.float32)
    for places in _passes(rows.person):
        for start in range(0, len(places), chunk_rows):
            chunk = places[start : start + chunk_rows]
            if chunk[-1] - chunk[0] == len(chunk) - 1:
                where = slice(chunk[0], chunk[-1] + 1)
                window_statistics.compute(select(events, _take(rows, where), plan), plan, out[:, where])
            else:
                values = np.empty((len(plan.features), len(chunk)), dtype=np.float32)
                window_statistics.compute(select(events, _take(rows, chunk), plan), plan, values)
                out[:, chunk] = values
    return out


def select(events: Events, rows: IndexRows, plan: Plan) -> Selected:
    """Return the events that may count for rows of different people, with the position of their row and their signature."""
    first, last = rows.person[0], rows.person[-1]
    here = slice(*np.searchsorted(events.person, [first, last + 1]).tolist())
    row_of = np.full(int(last) - int(first) + 1, -1, dtype=np.int64)
    row_of[rows.person - first] = np.arange(len(rows.person))
    row = row_of.take(events.person[here] - first)
    one_day = bool((rows.index_day == rows.index_day[0]).all())
    index_day = rows.index_day[0] if one_day else rows.index_day.take(row)
    before = available_before(events.event_day[here], events.available_day[here], index_day) & (row >= 0)
    place = np.flatnonzero(before)
    row, event_day = row.take(place), events.event_day[here].take(place)
    slot = plan.slot_of_type.take(events.event_type[here].take(place))
    slot += events.code[here].take(place)
    signature = plan.signature.take(slot)
    days = (index_day if one_day else rows.index_day.take(row)) - event_day
    near = np.flatnonzero((days <= plan.reach.take(signature)) & not_before_birth(event_day, rows.birth_day.take(row)))
    return Selected(
        rows=len(rows.person), row=row.take(near), days=np.minimum(days.take(near), LONG_AGO).astype(np.uint16),
        signature=signature.take(near), place=place.take(near), code=events.code[here], value=events.value[here],
        provider=events.provider[here],
    )  # fmt: skip


def _passes(person: NDArray[np.int32]) -> Iterator[NDArray[np.int64]]:
    """Yield the positions of rows in passes that contain each person at most once."""
    if not len(person):
        return
    starts = np.flatnonzero(np.diff(person, prepend=person[0] - 1))
    turn = np.arange(len(person)) - np.repeat(starts, np.diff(starts, append=len(person)))
    if not turn.any():
        yield np.arange(len(person))
        return
    order = np.argsort(turn, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(turn[order])) + 1)


def _take(rows: IndexRows, places: NDArray[np.int64] | slice) -> IndexRows:
    return IndexRows(rows.person[places], rows.index_day[places], rows.birth_day[places])


def _numbers(table: pa.Table, name: str) -> NDArray:
    column = table.column(name).combine_chunks()
    if pa.types.is_date32(column.type):
        column = column.view(pa.int32())
    return column.to_numpy(zero_copy_only=False)

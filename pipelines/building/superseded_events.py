"""Features with what was told at the time: events that a later delivery changed or took back count for earlier index dates."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from expectations.tables.core import EVENT_SUPERSEDED
from features.area_context import context_days
from features.attributes import PeopleTables, days, numbers
from features.cohort import add_flows
from features.periods import OPEN
from features.person_features import IndexEvents, Recipe, person_features
from features.window_counts import Events
from pipelines.building.event_reader import SCHEMA
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

_SPAN = 1 << 32  # more than any two dates lie apart


def superseded_scan(lake: Lake) -> str:
    """Give the SQL of core__event_superseded; '' where the lake has no such events."""
    return lake.scan(EVENT_SUPERSEDED.name) if lake.rows(EVENT_SUPERSEDED.name) else ""


@dataclass(frozen=True)
class Superseded:
    """Events of a range of people that held until `superseded_date`, in order of person and date."""

    table: pa.Table

    @classmethod
    def read(cls, scan: str, first: int, last: int) -> Superseded:
        """Read those of the people from `first` up to, not including, `last`."""
        if not scan:
            return cls(SCHEMA.append(pa.field("superseded_date", pa.date32())).empty_table())
        where = f"person_key >= {first} AND person_key < {last} ORDER BY person_key, event_date"
        with connect(memory_limit_gb=1.0, threads=1) as con:
            return cls(con.sql(f"SELECT {', '.join(SCHEMA.names)}, superseded_date FROM {scan} WHERE {where}").to_arrow_table())

    def as_at(self, day: int) -> pa.Table:
        """Give the events that were known before a day (since 1970) and superseded only after it."""
        told, over = days(self.table["available_date"], OPEN), days(self.table["superseded_date"], OPEN)
        return self.table.filter(pa.array((told < day) & (day < over))).drop_columns("superseded_date").cast(SCHEMA)


def features_as_told(
    tables: PeopleTables, events: Events, superseded: Superseded, index_events: IndexEvents, recipe: Recipe
) -> tuple[pa.Table, list[tuple[str, int]]]:
    """Give the rows of `person_features`, each with the events that held on its index date.

    Where people have index dates of their own, those with superseded events are taken date by date.
    """
    dates = np.unique(index_events.index_day)
    if not superseded.table.num_rows or not len(dates):
        return person_features(tables, events, index_events, recipe)
    if len(dates) == 1:
        return _on_one_day(tables, events, superseded, index_events, recipe)
    touched = np.isin(index_events.person, numbers(superseded.table["person_key"]))
    theirs = _chosen(events, np.isin(events.person, index_events.person[touched]))
    parts = [person_features(tables, events, _rows(index_events, ~touched), recipe)] if not touched.all() else []
    for day in np.unique(index_events.index_day[touched]).tolist():
        here = _rows(index_events, touched & (index_events.index_day == day))
        parts.append(_on_one_day(tables, theirs, superseded, here, recipe))
    table = pa.concat_tables([table for table, _ in parts])
    order = [(name, "ascending") for name in ("person_key", "index_date", "index_event_id")]
    return table.sort_by(order), add_flows([flow for _, flow in parts])


def _on_one_day(
    tables: PeopleTables, events: Events, superseded: Superseded, index_events: IndexEvents, recipe: Recipe
) -> tuple[pa.Table, list[tuple[str, int]]]:
    """Give the rows of one index date; the board's rates, and what people add to them, are of the month's first day."""
    day, context_day = int(index_events.index_day[0]), int(context_days(index_events.index_day[:1])[0])
    before = None if context_day == day else _merged(events, superseded.as_at(context_day))
    return person_features(tables, _merged(events, superseded.as_at(day)), index_events, recipe, before)


def _merged(events: Events, more: pa.Table) -> Events:
    """Put a few events among many, in order of person and date; sorting all anew would cost more than counting them."""
    added = Events.from_arrow(more)
    place = np.searchsorted(_moment(events), _moment(added), side="right")
    return Events(*(np.insert(getattr(events, each.name), place, getattr(added, each.name)) for each in fields(events)))


def _moment(events: Events) -> NDArray[np.int64]:
    return events.person.astype(np.int64) * _SPAN + events.event_day


def _chosen(events: Events, mask: NDArray[np.bool_]) -> Events:
    return Events(*(getattr(events, each.name)[mask] for each in fields(events)))


def _rows(index_events: IndexEvents, mask: NDArray[np.bool_]) -> IndexEvents:
    return IndexEvents(
        index_events.person[mask], index_events.index_day[mask], pc.filter(index_events.index_event_id, pa.array(mask))
    )

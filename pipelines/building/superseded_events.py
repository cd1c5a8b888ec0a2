"""Features from the events that were reported by each index date.

An event that a later delivery changed or withdrew still counts for earlier index dates.
"""

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

_SPAN = 1 << 32  # more than the days between any two dates


def superseded_scan(lake: Lake) -> str:
    """Return the SQL of core__event_superseded, or '' if the lake has no such events."""
    return lake.scan(EVENT_SUPERSEDED.name) if lake.rows(EVENT_SUPERSEDED.name) else ""


@dataclass(frozen=True)
class Superseded:
    """Events of a range of people that were current until `superseded_date`, in order of person and date."""

    table: pa.Table

    @classmethod
    def read(cls, scan: str, first: int, last: int) -> Superseded:
        """Read the superseded events of the people from `first` up to, not including, `last`."""
        if not scan:
            return cls(SCHEMA.append(pa.field("superseded_date", pa.date32())).empty_table())
        where = f"person_key >= {first} AND person_key < {last} ORDER BY person_key, event_date"
        with connect(memory_limit_gb=1.0, threads=1) as con:
            return cls(con.sql(f"SELECT {', '.join(SCHEMA.names)}, superseded_date FROM {scan} WHERE {where}").to_arrow_table())

    def as_at(self, day: int) -> pa.Table:
        """Return the events that were known before a day (days since 1970) and superseded after it."""
        available, superseded = days(self.table["available_date"], OPEN), days(self.table["superseded_date"], OPEN)
        return self.table.filter(pa.array((available < day) & (day < superseded))).drop_columns("superseded_date").cast(SCHEMA)


def features_as_reported(
    tables: PeopleTables, events: Events, superseded: Superseded, index_events: IndexEvents, recipe: Recipe
) -> tuple[pa.Table, list[tuple[str, int]]]:
    """Return the rows of `person_features`, each from the events that were current on its index date.

    If people have individual index dates, those with superseded events are computed date by date.
    """
    dates = np.unique(index_events.index_day)
    if not superseded.table.num_rows or not len(dates):
        return person_features(tables, events, index_events, recipe)
    if len(dates) == 1:
        return _on_one_day(tables, events, superseded, index_events, recipe)
    affected = np.isin(index_events.person, numbers(superseded.table["person_key"]))
    affected_events = _events_where(events, np.isin(events.person, index_events.person[affected]))
    parts = [person_features(tables, events, _rows(index_events, ~affected), recipe)] if not affected.all() else []
    for day in np.unique(index_events.index_day[affected]).tolist():
        on_day = _rows(index_events, affected & (index_events.index_day == day))
        parts.append(_on_one_day(tables, affected_events, superseded, on_day, recipe))
    table = pa.concat_tables([table for table, _ in parts])
    order = [(name, "ascending") for name in ("person_key", "index_date", "index_event_id")]
    return table.sort_by(order), add_flows([flow for _, flow in parts])


def _on_one_day(
    tables: PeopleTables, events: Events, superseded: Superseded, index_events: IndexEvents, recipe: Recipe
) -> tuple[pa.Table, list[tuple[str, int]]]:
    """Return the rows of one index date.

    The rates of the ICB, and what each person adds to them, are of the first day of the month.
    """
    day, context_day = int(index_events.index_day[0]), int(context_days(index_events.index_day[:1])[0])
    before = None if context_day == day else _merged(events, superseded.as_at(context_day))
    return person_features(tables, _merged(events, superseded.as_at(day)), index_events, recipe, before)


def _merged(events: Events, more: pa.Table) -> Events:
    """Insert a few events into many, in order of person and date; sorting them all again would cost more than counting them."""
    added = Events.from_arrow(more)
    place = np.searchsorted(_moment(events), _moment(added), side="right")
    return Events(*(np.insert(getattr(events, each.name), place, getattr(added, each.name)) for each in fields(events)))


def _moment(events: Events) -> NDArray[np.int64]:
    return events.person.astype(np.int64) * _SPAN + events.event_day


def _events_where(events: Events, mask: NDArray[np.bool_]) -> Events:
    return Events(*(getattr(events, each.name)[mask] for each in fields(events)))


def _rows(index_events: IndexEvents, mask: NDArray[np.bool_]) -> IndexEvents:
    return IndexEvents(
        index_events.person[mask], index_events.index_day[mask], pc.filter(index_events.index_event_id, pa.array(mask))
    )

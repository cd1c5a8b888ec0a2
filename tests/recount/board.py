"""Core tables of a made-up board, written out as columns, and how they are stored."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from recount.code_pool import code_table

from expectations.table import Table
from expectations.tables import core, core_places
from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from features.cohort import CohortSettings
from features.events import EVENT_TYPES
from pipelines.building.build_features import FeatureRequest
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

EDITION = 2025
PRACTICES = ("Y00001", "Y00002", "Y00003", "Y00004")
AREAS = tuple(f"E0100000{number}" for number in range(5))  # a sixth, E01000005, is in no table of areas
FEEDS = tuple(dict.fromkeys(kind.feed for kind in EVENT_TYPES if kind.feed != "omop"))
REGISTERED = FeatureRequest(CohortSettings(), "planning", EDITION)
GIVEN = FeatureRequest(CohortSettings(kind="given"), "planning", EDITION)
CATALOGUE = build_catalogue(load_code_lists(), EDITION)
Row = dict[str, Any]


class Board:
    """The rows of the core tables that differ from board to board; other columns are null."""

    def __init__(self, index_date: date, first_month: date = date(2012, 1, 1), last_month: date = date(2026, 12, 1)) -> None:
        self.index_date = index_date
        self.people: list[Row] = []
        self.registrations: list[Row] = []
        self.residences: list[Row] = []
        self.events: list[Row] = []
        self.superseded: list[Row] = []
        self.spells: list[Row] = []
        self.given: list[tuple[int, date, str]] = []
        self.gaps: set[tuple[str, str, date]] = set()  # feed, practice, month
        self.first_month, self.last_month = first_month, last_month

    def __repr__(self) -> str:
        return f"Board({self.index_date}, {len(self.people)} people, {len(self.events)} events, {len(self.given)} rows given)"

    def given_table(self) -> pa.Table:
        """Return the cohort's rows as a source delivers them."""
        keys, days, names = (list(column) for column in zip(*self.given, strict=True))
        return pa.table({"person_key": pa.array(keys, pa.int32()), "index_date": pa.array(days), "index_event_id": names})

    def store(self, root: Path) -> Lake:
        """Write the core tables."""
        lake = Lake(root)
        spells = [
            {"spell_key": number, "provider_code": "RX1", "stays_joined": 1, **row} for number, row in enumerate(self.spells)
        ]
        for table, rows in (
            (core.PERSON, self.people), (core.REGISTRATION, self.registrations), (core.RESIDENCE, self.residences),
            (core.EVENT, sorted(self.events, key=by_day)), (core.EVENT_SUPERSEDED, sorted(self.superseded, key=by_day)), (core.SPELL, spells),
            (core.CODE, [dict(zip(("code", "code_system", "source_code"), row, strict=True)) for row in code_table()]),
            (core.COVERAGE, self._coverage()), (core_places.AREA, areas()), (core_places.ORGANISATION_RELATION, relations()),
        ):  # fmt: skip
            lake.write(table, as_table(table, rows))
        return lake

    def _coverage(self) -> list[Row]:
        months, month = [], self.first_month
        while month <= self.last_month:
            months.append(month)
            month = (month + timedelta(days=32)).replace(day=1)
        return [
            {"feed": feed, "organisation_role": "practice", "organisation_code": practice, "month": month, "rows": 10,
             "expected_rows": 10.0, "status": "absent" if (feed, practice, month) in self.gaps else "covered"}
            for feed in FEEDS for practice in PRACTICES for month in months
        ]  # fmt: skip


def by_day(event: Row) -> tuple[int, date]:
    """Return the order of events."""
    return event["person_key"], event["event_date"]


def as_table(table: Table, rows: list[Row]) -> pa.Table:
    """Return rows as a table with the schema of a declaration."""
    schema = arrow_schema(table)
    return pa.table({name: pa.array([row.get(name) for row in rows], schema.field(name).type) for name in schema.names})


def areas() -> list[Row]:
    """Return five areas of two ICBs with tied ranks, one of them without deprivation."""
    ranks, rows = (500, 30_000, 12_000, 500, None), []
    for number, code in enumerate(AREAS):
        row: Row = {"lsoa_code": code, "lsoa_vintage": 2021, "rural_urban": "x", "is_rural": number in (0, 3),
                    "icb_code": "QSB" if number < 3 else "QXX"}  # fmt: skip
        for place, column in enumerate(core_places.AREA.columns):
            if str(EDITION) in column.name and number != 4:
                row[column.name] = (number * 4 + place * 3) % 10 + 1
        rows.append({**row, f"imd_{EDITION}_rank": ranks[number], f"imd_{EDITION}_decile": (1, 2, 3, 10, None)[number]})
    return rows


def relations() -> list[Row]:
    """Return the relations from a practice to its ICB, with a change of network."""
    begun, moved = date(2010, 1, 1), date(2024, 1, 1)
    return [
        {"child_code": child, "relation": relation, "parent_code": parent, "valid_from": start, "valid_to": end}
        for child, relation, parent, start, end in (
            ("Y00001", "practice_pcn", "U00001", begun, moved - timedelta(days=1)), ("Y00001", "practice_pcn", "U00002", moved, None),
            ("U00001", "pcn_sub_icb", "Q0A", begun, None), ("U00002", "pcn_sub_icb", "Q0B", begun, None),
            ("Q0A", "sub_icb_icb", "QSB", begun, None), ("Q0B", "sub_icb_icb", "QSB", begun, None),
        )
    ]  # fmt: skip

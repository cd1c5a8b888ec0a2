"""Build a small clean extract of every feed, and the lines of files that are made from it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from expectations.catalogue import RAW_TABLES
from expectations.row_checks import sender_columns
from expectations.table import Column, Kind, Table
from pipelines.sources.synthetic.landing_files import FEEDS, write_board
from pipelines.sources.synthetic.settings import DefectSettings, SyntheticSettings

DELIVERED = "2026-01-01"
ROWS = 60


@dataclass(frozen=True)
class CleanExtract:
    """The rows of a feed's file as text, cell by cell; every row has a different key."""

    feed: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def table(self) -> Table:
        return RAW_TABLES[self.feed]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Return the declared column of each header field."""
        declared = {column.source_name.casefold(): column for column in sender_columns(self.table)}
        return tuple(declared[name.casefold()] for name in self.header)

    def place(self, column: str) -> int:
        return next(place for place, declared in enumerate(self.columns) if declared.name == column)

    def places(self, *kinds: Kind) -> list[int]:
        """Return the positions of columns of these kinds that have a value in the first rows."""
        filled = [place for place in range(len(self.header)) if any(row[place] for row in self.rows[:20])]
        return [place for place in filled if self.columns[place].kind in kinds]

    @property
    def identifiers(self) -> set[str]:
        """Return every value that identifies a person or a record."""
        places = [place for place, column in enumerate(self.columns) if column.kind is Kind.IDENTIFIER]
        return {row[place] for row in self.rows for place in places if row[place]}

    @property
    def heading(self) -> bytes:
        return csv_line(self.header)

    def lines(self) -> list[Line]:
        return [Line(csv_line(row), number) for number, row in enumerate(self.rows)]


@dataclass(frozen=True)
class Line:
    """A line of a file after its header: its bytes, the number of its clean row, and the cells that changed.

    `clean_row` is None for a line that is not a row of the clean extract. Such a line must be set aside or reported unless it is `plausible`.
    """

    text: bytes
    clean_row: int | None
    changes: dict[str, str] = field(default_factory=dict)
    plausible: bool = False

    @property
    def is_unchanged(self) -> bool:
        return self.clean_row is not None and not self.changes


def csv_line(cells: tuple[str, ...] | list[str], delimiter: str = ",") -> bytes:
    """Return a row as CSV without a line end."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(
        cells
    )  # with another line end, a line break in a cell would not be quoted
    return text.getvalue().removesuffix("\n").encode()


def clean_extracts(folder: Path) -> dict[str, CleanExtract]:
    """Write a synthetic board without defects, and return up to 60 rows of every feed."""
    write_board(SyntheticSettings(people=500, start_date=date(2024, 1, 1), defects=DefectSettings(enabled=False)), folder)
    return {feed: _extract(feed, next((folder / feed).glob("*.csv"))) for feed in FEEDS}


def _extract(feed: str, file: Path) -> CleanExtract:
    with file.open(encoding="utf-8", newline="") as source:
        header, *rows = list(csv.reader(source))
    key = [header.index(RAW_TABLES[feed].column(name).source_name) for name in RAW_TABLES[feed].key]
    row_by_key = {tuple(row[place] for place in key): tuple(row) for row in rows}
    return CleanExtract(feed, tuple(header), tuple(list(row_by_key.values())[:ROWS]))

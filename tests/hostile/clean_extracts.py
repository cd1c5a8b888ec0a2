"""A small clean extract of every feed, and the lines of a file that is made of one."""

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
    """The rows of a feed's file as text, cell by cell; every row has a key of its own."""

    feed: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def table(self) -> Table:
        return RAW_TABLES[self.feed]

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Give the declared column of each header field."""
        declared = {column.source_name.casefold(): column for column in sender_columns(self.table)}
        return tuple(declared[name.casefold()] for name in self.header)

    def place(self, column: str) -> int:
        return next(place for place, declared in enumerate(self.columns) if declared.name == column)

    def places(self, *kinds: Kind) -> list[int]:
        """List the places of the columns of these kinds that hold something in the first rows."""
        filled = [place for place in range(len(self.header)) if any(row[place] for row in self.rows[:20])]
        return [place for place in filled if self.columns[place].kind in kinds]

    @property
    def identifiers(self) -> set[str]:
        """Give every value by which a person or a record could be told."""
        places = [place for place, column in enumerate(self.columns) if column.kind is Kind.IDENTIFIER]
        return {row[place] for row in self.rows for place in places if row[place]}

    @property
    def heading(self) -> bytes:
        return written(self.header)

    def lines(self) -> list[Line]:
        return [Line(written(row), number) for number, row in enumerate(self.rows)]


@dataclass(frozen=True)
class Line:
    """A line of a file after its header: its bytes, the clean row it was, and the cells that are no longer what they were.

    `clean` is None for a line that is no row of the clean extract: it must be set aside or told, unless it is `plausible`.
    """

    text: bytes
    clean: int | None
    touched: dict[str, str] = field(default_factory=dict)
    plausible: bool = False

    @property
    def untouched(self) -> bool:
        return self.clean is not None and not self.touched


def written(cells: tuple[str, ...] | list[str], delimiter: str = ",") -> bytes:
    """Write a row as CSV without a line end."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(cells)
    return text.getvalue().encode()


def clean_extracts(folder: Path) -> dict[str, CleanExtract]:
    """Write a synthetic board without defects and take a few dozen rows of every feed."""
    write_board(SyntheticSettings(people=500, start_date=date(2024, 1, 1), defects=DefectSettings(enabled=False)), folder)
    return {feed: _extract(feed, next((folder / feed).glob("*.csv"))) for feed in FEEDS}


def _extract(feed: str, file: Path) -> CleanExtract:
    with file.open(encoding="utf-8", newline="") as source:
        header, *rows = list(csv.reader(source))
    key = [header.index(RAW_TABLES[feed].column(name).source_name) for name in RAW_TABLES[feed].key]
    once = {tuple(row[place] for place in key): tuple(row) for row in rows}
    return CleanExtract(feed, tuple(header), tuple(list(once.values())[:ROWS]))

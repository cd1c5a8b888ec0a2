"""The records of ingested extracts: which files were stored, and which of them are valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from expectations.tables.records import EXTRACTS
from pipelines.lake.storage import Lake
from pipelines.sources.extract_files import ExtractFile


@dataclass(frozen=True)
class Extract:
    """A row of `raw__extracts`."""

    feed: str
    path: str
    sequence: int
    extract_id: str
    file_name: str
    extract_date: Any
    rows: int
    rows_unreadable: int
    bytes: int
    columns_missing: str
    columns_ignored: str
    reading: str
    arrived_date: date | None = None

    @property
    def known_date(self) -> date:
        """Return the day from which the facts of the extract count as known."""
        return self.arrived_date or self.extract_date  # type: ignore[no-any-return]

    def again(self, file: ExtractFile, sequence: int) -> Extract:
        """Return the record that the stored content came again under another name or date."""
        return replace(self, path=file.path, file_name=file.file.name, extract_date=file.extract_date, sequence=sequence)


def read_extracts(lake: Lake, feed: str) -> list[Extract]:
    """List every stored extract of a feed, in the order of ingest."""
    rows = [row for row in lake.records(EXTRACTS).to_pylist() if row["feed"] == feed]
    return [Extract(**row) for row in sorted(rows, key=lambda row: row["sequence"])]


def current_extracts(lake: Lake, feed: str) -> list[Extract]:
    """List the valid extracts of a feed by delivery date and path: for each path and date, the last one stored."""
    last = {(row.path, row.extract_date): row for row in read_extracts(lake, feed)}
    once = {(row.extract_id, row.extract_date): row for row in reversed(list(last.values()))}
    return sorted(once.values(), key=lambda row: (row.extract_date, row.path))


def replaced_extracts(lake: Lake, feed: str) -> list[Extract]:
    """List the extracts of a feed that were replaced by a file with other content, the same path and the same date."""
    current = {(row.extract_id, row.extract_date) for row in current_extracts(lake, feed)}
    once = {(row.extract_id, row.extract_date): row for row in read_extracts(lake, feed)}
    return [row for place, row in once.items() if place not in current]


def with_content(known: Sequence[Extract], extract_id: str, reading: str) -> Extract | None:
    """Return the last extract with some content and reading."""
    return {(row.extract_id, row.reading): row for row in known}.get((extract_id, reading))

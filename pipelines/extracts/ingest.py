"""Ingest: store each extract with its values as delivered, under Strata's column names, with identifiers pseudonymised.

An extract counts once its row is in `raw__extracts`, which is written last. An ingest that was killed therefore leaves nothing
visible.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import duckdb
import numpy as np
import pyarrow as pa

from expectations.feeds import OBJECTION_FEEDS
from expectations.row_checks import ERASED_PERSON, IDENTIFIER_REPAIRED, LINE_REPAIRS, PROVENANCE_COLUMNS
from expectations.sql_values import quote, quote_path
from expectations.table import Table
from expectations.tables.records import EXTRACTS
from pipelines.errors import ExtractError
from pipelines.extracts.clear_identifiers import WITHHELD
from pipelines.extracts.clear_people import ClearColumn, repaired_rows
from pipelines.extracts.erased_people import erased_digests, erased_rows
from pipelines.extracts.extract_digest import extract_digest
from pipelines.extracts.extract_reader import OpenedExtract, open_extract, unbroken_headers
from pipelines.extracts.extract_records import Extract, read_extracts, with_content
from pipelines.extracts.file_blocks import HeldFile, hold
from pipelines.extracts.held_files import Held, ids_of_size, why_held
from pipelines.extracts.identifier_kind import ListKind, kind_of_list
from pipelines.extracts.postcodes import load_postcode_areas
from pipelines.extracts.pseudonym_keys import check_chain
from pipelines.extracts.pseudonyms import keyed, read_keys
from pipelines.extracts.raw_columns import RawRows, guarded_rows_sql, hashed_columns, holds_suspects, raw_rows_sql
from pipelines.extracts.retained import kept_days
from pipelines.extracts.unread_lines import named_people, store_named
from pipelines.extracts.unreadable_rows import quarantine_unreadable, refuse_mostly_unreadable
from pipelines.extracts.watched_lines import WATCHED
from pipelines.lake.data_files import DataFile
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.sources.extract_files import ExtractFile, find_extracts
from pipelines.sources.nhs import FeedSettings, NhsSettings

NONE_LATE: Mapping[date, date] = MappingProxyType({})
IDENTIFIER_CHECKS = 2  # a higher number has all clear identifiers read and checked again
SAMPLE_ROWS = 20_000  # rows that are checked before a file is written in one pass


@dataclass
class IngestSummary:
    """The result of ingesting one feed: files, new extracts and their rows."""

    feed: str
    files: int = 0
    new: list[Extract] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(extract.rows for extract in self.new)

    @property
    def rows_unreadable(self) -> int:
        return sum(extract.rows_unreadable for extract in self.new)


def raw_schema(table: Table) -> pa.Schema:
    """Return the stored schema of a raw table: all columns as text, except the delivery date and the row number."""
    typed = arrow_schema(table)
    return pa.schema([field if field.name in PROVENANCE_COLUMNS else pa.field(field.name, pa.string()) for field in typed])


def ingest_feed(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    table: Table,
    nhs: NhsSettings,
    landing: Path,
    folder: Path | None = None,
    first: date | None = None,
    late: Mapping[date, date] = NONE_LATE,
) -> IngestSummary:
    """Store the new and changed files of a feed. Paths of a key or lookup file start at `folder`, or at `landing` without it.

    Files of deliveries before `first` are not read (see `kept_days`). Late files and repeated content are held (`held_files.py`), unless `late`
    has their day, with the day since which their facts count as known. A file whose content is stored under another name or date
    is recorded and not stored again. An ExtractError names a file that cannot be used; files stored before it stay.
    """
    settings, feed = nhs.feeds[table.feed], _Feed(lake, con, table, nhs, kind_of_list(nhs, landing))
    files = _files_to_read(table.feed, settings, landing, first)
    summary, known = IngestSummary(table.feed, len(files)), read_extracts(lake, table.feed)
    reading, before = reading_digest(table, nhs), tuple(known)
    arrived = {(row.path, row.extract_date): row.arrived_date for row in known}
    for file in files:
        with hold(file.file) as opened:
            extract_id = extract_digest(table.feed, opened, settings.encoding, ids_of_size(known, opened.size))
            latest = {(row.path, row.extract_date): (row.extract_id, row.reading) for row in known}
            if latest.get((file.path, file.extract_date)) == (extract_id, reading):
                continue
            held, since = why_held(table, file, extract_id, before, known), late.get(file.extract_date)
            if held and not since:
                summary.held.append(held)
                continue
            same = with_content(known, extract_id, reading)
            with feed.ready(folder or landing):
                row = same.again(file, len(known)) if same else feed.store(file, opened, extract_id, reading, len(known))
        row = replace(row, arrived_date=since if held else arrived.get((file.path, file.extract_date)))
        lake.append(EXTRACTS, [row.__dict__])
        known.append(row)
        summary.new.append(row)
    return summary


def _files_to_read(feed: str, settings: FeedSettings, landing: Path, first: date | None) -> list[ExtractFile]:
    landed = find_extracts(feed, settings, landing)
    kept = kept_days(feed, (file.extract_date for file in landed), first)
    return [file for file in landed if file.extract_date in kept]


def reading_digest(table: Table, nhs: NhsSettings) -> str:
    """Return a digest of everything that affects what is stored, except the file and the key."""
    settings = nhs.feeds[table.feed].model_dump(
        mode="json", include={"columns", "constants", "pseudonymised", "delimiter", "quote", "encoding"}
    )
    columns = [(column.name, column.source_name, column.kind) for column in table.columns]
    parts: list[object] = [settings, columns, str(nhs.postcode_lookup or "")]
    if table.feed in {feed.name for feed in OBJECTION_FEEDS}:
        parts.append(["lines repaired", LINE_REPAIRS])
    if table.feed in WATCHED:
        parts.append(["lines watched", WATCHED[table.feed]])
    if not nhs.feeds[table.feed].pseudonymised:
        parts.append([IDENTIFIER_CHECKS, nhs.feeds[table.feed].identifiers, nhs.pseudonyms.test_nhs_numbers])
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Feed:
    """One feed in the lake, and what is needed to store a file of it."""

    lake: Lake
    con: duckdb.DuckDBPyConnection
    table: Table
    nhs: NhsSettings
    of_list: ListKind

    @property
    def settings(self) -> FeedSettings:
        return self.nhs.feeds[self.table.feed]

    @contextmanager
    def ready(self, folder: Path) -> Iterator[None]:
        """Load the postcode lookup and, for clear identifiers, the keys."""
        load_postcode_areas(self.con, folder / self.nhs.postcode_lookup if self.nhs.postcode_lookup else None)
        if self.settings.pseudonymised:
            yield
            return
        keys = read_keys(self.nhs.pseudonyms, folder)
        check_chain(self.lake, keys)
        with keyed(self.con, keys, erased_digests(self.lake)):
            yield

    def store(self, file: ExtractFile, held: HeldFile, extract_id: str, reading: str, sequence: int) -> Extract:
        """Store a file, set aside the rows that cannot be read, and return its record."""
        partition = {"extract_id": extract_id}
        data, rows, opened, named = self._written(file, held, partition)
        data, erased = self._without_erased(data)
        left_out = {**opened.unreadable, **({ERASED_PERSON: erased} if erased.size else {})}
        if held.changed:
            raise ExtractError(f"{file.path}: the file changed while it was read; run again when it is complete")
        name, schema = self.table.name, raw_schema(self.table)
        self.lake.commit(name, [data], schema, partition_by=self.table.partitioned_by, replace=partition)
        repaired = {(reason, ""): numbers for reason, numbers in opened.repaired.items()}
        repaired |= {(IDENTIFIER_REPAIRED, column): numbers for column, numbers in rows.repaired.items()}
        quarantine_unreadable(self.lake, self.table, file, extract_id, left_out, repaired)
        store_named(self.lake, self.table, extract_id, named)
        return Extract(
            feed=self.table.feed, path=file.path, sequence=sequence, extract_id=extract_id, file_name=file.file.name,
            extract_date=file.extract_date, rows=data.rows, rows_unreadable=opened.rows_unreadable + erased.size, bytes=held.size,
            columns_missing=json.dumps(rows.missing), columns_ignored=json.dumps(rows.ignored), reading=reading,
        )  # fmt: skip

    def _without_erased(self, data: DataFile) -> tuple[DataFile, np.ndarray]:
        """Write a file again without erased people, if it has any; return the numbers of their rows."""
        written = self._path(data)
        scan = f"read_parquet({quote_path(written)}, hive_partitioning=false)"
        found = erased_rows(self.con, self.table, scan, erased_digests(self.lake))
        if not found.size:
            return data, found
        self.con.register("erased_numbers", pa.table({"row_number": found}))
        kept = f"SELECT * FROM {scan} WHERE row_number NOT IN (SELECT row_number FROM erased_numbers) ORDER BY row_number"
        again = self.lake.write_sql(self.table.name, self.con, kept, data.partition)
        self.con.unregister("erased_numbers")
        written.unlink()
        return again, found

    def _written(
        self, file: ExtractFile, held: HeldFile, partition: Mapping[str, str]
    ) -> tuple[DataFile, RawRows, OpenedExtract, list[dict[str, object]]]:
        """Write the rows of a file without a commit. A file with lines of different widths is surveyed by field and read again."""
        unbroken = unbroken_headers(self.table, self.settings)
        for count_fields in (False, True):
            with open_extract(self.con, file, held, self.settings, count_fields, unbroken) as opened:
                refuse_mostly_unreadable(file, opened)
                try:
                    data, rows, people = self._write_rows(file, opened, partition)
                except (duckdb.Error, OSError) as error:
                    if isinstance(error, OSError) and error.errno is not None:
                        raise
                    if opened.fields_counted:
                        raise opened.failure(error) from None
                    continue
                named = named_people(self.con, self.table, self.settings, self.nhs.pseudonyms, file, opened, people)
            if data.rows == opened.rows:
                break
        else:
            raise ExtractError(
                f"{file.path}: {opened.rows:,} rows were counted and {data.rows:,} read; nothing was kept. "
                "Check its quotes and line ends"
            )
        return data, rows, opened, named

    def _write_rows(
        self, file: ExtractFile, opened: OpenedExtract, partition: Mapping[str, str]
    ) -> tuple[DataFile, RawRows, list[ClearColumn]]:
        """Write the rows of a file in one pass with every suspect value withheld. If there is one, count them all and decide."""
        con, table, settings, pseudonyms = self.con, self.table, self.settings, self.nhs.pseudonyms
        people = hashed_columns(con, table, settings, pseudonyms, opened, self.of_list)
        if not holds_suspects(con, table, settings, opened, SAMPLE_ROWS, people):
            rows = guarded_rows_sql(table, settings, file, opened, people)
            data = self.lake.write_sql(table.name, con, rows.sql, partition)
            if not any(_withheld(con, self._path(data), column) for column in rows.guarded):
                return data, rows, people
            self._path(data).unlink()
        rows = raw_rows_sql(con, table, settings, pseudonyms.clear_share, file, opened, people)
        data = self.lake.write_sql(table.name, con, rows.sql, partition)
        repaired = {column.name: repaired_rows(con, column, opened.source) for column in rows.decided}
        return data, replace(rows, repaired=repaired), people

    def _path(self, data: DataFile) -> Path:
        return self.lake.folder(self.table.name) / data.path


def _withheld(con: duckdb.DuckDBPyConnection, written: Path, column: str) -> bool:
    """Return whether a value of a column was withheld; the statistics of the file are enough for most columns."""
    query = f"SELECT 1 FROM read_parquet({quote_path(written)}) WHERE {column} = {quote(WITHHELD)} LIMIT 1"
    return bool(con.execute(query).fetchall())

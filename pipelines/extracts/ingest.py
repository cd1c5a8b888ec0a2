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
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from expectations.feeds import OBJECTION_FEEDS
from expectations.row_checks import ERASED_PERSON, IDENTIFIER_KEPT, IDENTIFIER_REPAIRED, LINE_REPAIRS, PROVENANCE_COLUMNS
from expectations.sql_values import quote, quote_path
from expectations.table import Action, Table
from expectations.tables.core import QUARANTINE
from expectations.tables.records import EXTRACTS
from pipelines.errors import ExtractError
from pipelines.extracts.clear_identifiers import WITHHELD
from pipelines.extracts.clear_people import repaired_rows
from pipelines.extracts.erased_people import erased_digests, erased_rows
from pipelines.extracts.extract_digest import extract_digest
from pipelines.extracts.extract_reader import OpenedExtract, open_extract, unbroken_headers
from pipelines.extracts.file_blocks import HeldFile, hold
from pipelines.extracts.held_files import Held, ids_of_size, why_held
from pipelines.extracts.postcodes import load_postcode_areas
from pipelines.extracts.pseudonym_keys import check_chain
from pipelines.extracts.pseudonyms import keyed, read_keys
from pipelines.extracts.raw_columns import RawRows, guarded_rows_sql, hashed_columns, holds_suspects, raw_rows_sql
from pipelines.extracts.retained import kept_days
from pipelines.lake.data_files import DataFile
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import ExtractFile, FeedSettings, NhsSettings, find_extracts

MOST_UNREADABLE = 0.5
NONE_LATE: Mapping[date, date] = MappingProxyType({})
IDENTIFIER_CHECKS = 1  # a higher number has all clear identifiers read and checked again
SAMPLE_ROWS = 20_000  # rows that are checked before a file is written in one pass


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
    settings = nhs.feeds[table.feed]
    files = _files_to_read(table.feed, settings, landing, first)
    summary, known = IngestSummary(table.feed, len(files)), read_extracts(lake, table.feed)
    reading, before = reading_digest(table, nhs), tuple(known)
    arrived = {(row.path, row.extract_date): row.arrived_date for row in known}
    for file in files:
        with hold(file.file) as opened:
            state = opened.state
            content = (extract_digest(table.feed, opened, settings.encoding, ids_of_size(known, state[0])), reading)
            latest = {(row.path, row.extract_date): (row.extract_id, row.reading) for row in known}
            if latest.get((file.path, file.extract_date)) == content:
                continue
            held, since = why_held(table, file, content[0], before, known), late.get(file.extract_date)
            if held and not since:
                summary.held.append(held)
                continue
            same = _of_content(known, content)
            with _ready(lake, con, nhs, settings, folder or landing):
                row = (
                    _noted(file, same, len(known))
                    if same
                    else _store(lake, con, table, nhs, file, opened, state, *content, len(known))
                )
        row = replace(row, arrived_date=since if held else arrived.get((file.path, file.extract_date)))
        lake.append(EXTRACTS, [row.__dict__])
        known.append(row)
        summary.new.append(row)
    return summary


def _files_to_read(feed: str, settings: FeedSettings, landing: Path, first: date | None) -> list[ExtractFile]:
    landed = find_extracts(feed, settings, landing)
    kept = kept_days(feed, (file.extract_date for file in landed), first)
    return [file for file in landed if file.extract_date in kept]


def _of_content(known: list[Extract], content: tuple[str, str]) -> Extract | None:
    """Return the last extract with some content and reading."""
    return {(row.extract_id, row.reading): row for row in known}.get(content)


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


def reading_digest(table: Table, nhs: NhsSettings) -> str:
    """Return a digest of everything that affects what is stored, except the file and the key."""
    settings = nhs.feeds[table.feed].model_dump(
        mode="json", include={"columns", "constants", "pseudonymised", "delimiter", "quote", "encoding"}
    )
    columns = [(column.name, column.source_name, column.kind) for column in table.columns]
    parts: list[object] = [settings, columns, str(nhs.postcode_lookup or "")]
    if table.feed in {feed.name for feed in OBJECTION_FEEDS}:
        parts.append(["lines repaired", LINE_REPAIRS])
    if not nhs.feeds[table.feed].pseudonymised:
        parts.append([IDENTIFIER_CHECKS, nhs.feeds[table.feed].identifiers, nhs.pseudonyms.test_nhs_numbers])
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@contextmanager
def _ready(lake: Lake, con: duckdb.DuckDBPyConnection, nhs: NhsSettings, settings: FeedSettings, folder: Path) -> Iterator[None]:
    load_postcode_areas(con, folder / nhs.postcode_lookup if nhs.postcode_lookup else None)
    if settings.pseudonymised:
        yield
        return
    keys = read_keys(nhs.pseudonyms, folder)
    check_chain(lake, keys)
    with keyed(con, keys, erased_digests(lake)):
        yield


def _noted(file: ExtractFile, same: Extract, sequence: int) -> Extract:
    """Record that stored content came again under another name or date."""
    again = {"path": file.path, "file_name": file.file.name, "extract_date": file.extract_date, "sequence": sequence}
    return Extract(**{**same.__dict__, **again})


def _store(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    table: Table,
    nhs: NhsSettings,
    file: ExtractFile,
    held: HeldFile,
    state: tuple[int, int],
    extract_id: str,
    reading: str,
    sequence: int,
) -> Extract:
    partition = {"extract_id": extract_id}
    data, rows, opened = _written(lake, con, table, nhs, file, held, partition)
    data, erased = _without_erased(lake, con, table, data)
    left_out = {**opened.unreadable, **({ERASED_PERSON: erased} if erased.size else {})}
    if held.state != state:
        raise ExtractError(f"{file.path}: the file changed while it was read; run again when it is complete")
    lake.commit(table.name, [data], raw_schema(table), partition_by=table.partitioned_by, replace=partition)
    repaired = {(reason, ""): numbers for reason, numbers in opened.repaired.items()}
    repaired |= {(IDENTIFIER_REPAIRED, column): numbers for column, numbers in rows.repaired.items()}
    _quarantine_unreadable(lake, table, file, extract_id, left_out, repaired)
    return Extract(
        feed=table.feed, path=file.path, sequence=sequence, extract_id=extract_id, file_name=file.file.name,
        extract_date=file.extract_date, rows=data.rows, rows_unreadable=opened.rows_unreadable + erased.size, bytes=state[0],
        columns_missing=json.dumps(rows.missing), columns_ignored=json.dumps(rows.ignored), reading=reading,
    )  # fmt: skip


def _without_erased(lake: Lake, con: duckdb.DuckDBPyConnection, table: Table, data: DataFile) -> tuple[DataFile, np.ndarray]:
    """Write a file again without erased people, if it has any; return the numbers of their rows."""
    written = lake.folder(table.name) / data.path
    scan = f"read_parquet({quote_path(written)}, hive_partitioning=false)"
    found = erased_rows(con, table, scan, erased_digests(lake))
    if not found.size:
        return data, found
    con.register("erased_numbers", pa.table({"row_number": found}))
    kept = f"SELECT * FROM {scan} WHERE row_number NOT IN (SELECT row_number FROM erased_numbers) ORDER BY row_number"
    again = lake.write_sql(table.name, con, kept, data.partition)
    con.unregister("erased_numbers")
    written.unlink()
    return again, found


def _written(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    table: Table,
    nhs: NhsSettings,
    file: ExtractFile,
    held: HeldFile,
    partition: Mapping[str, str],
) -> tuple[DataFile, RawRows, OpenedExtract]:
    """Write the rows of a file without a commit. A file with lines of different widths is surveyed by field and read again."""
    settings = nhs.feeds[table.feed]
    unbroken = unbroken_headers(table, settings)
    for count_fields in (False, True):
        with open_extract(con, file, held, settings, count_fields, unbroken) as opened:
            _refuse_mostly_unreadable(file, opened)
            try:
                data, rows = _write_rows(lake, con, table, nhs, file, opened, partition)
            except (duckdb.Error, OSError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                if opened.fields_counted:
                    raise opened.failure(error) from None
                continue
        if data.rows == opened.rows:
            break
    else:
        raise ExtractError(
            f"{file.path}: {opened.rows:,} rows were counted and {data.rows:,} read; nothing was kept. Check its quotes and line ends"
        )
    return data, rows, opened


def _write_rows(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    table: Table,
    nhs: NhsSettings,
    file: ExtractFile,
    opened: OpenedExtract,
    partition: Mapping[str, str],
) -> tuple[DataFile, RawRows]:
    """Write the rows of a file in one pass with every suspect value withheld. If there is one, count them all and decide."""
    settings = nhs.feeds[table.feed]
    people = hashed_columns(con, table, settings, nhs.pseudonyms, opened)
    if not holds_suspects(con, table, settings, opened, SAMPLE_ROWS, people):
        rows = guarded_rows_sql(table, settings, file, opened, people)
        data = lake.write_sql(table.name, con, rows.sql, partition)
        written = lake.folder(table.name) / data.path
        if not any(_withheld(con, written, column) for column in rows.guarded):
            return data, rows
        written.unlink()
    rows = raw_rows_sql(con, table, settings, nhs.pseudonyms.clear_share, file, opened, people)
    data = lake.write_sql(table.name, con, rows.sql, partition)
    repaired = {column.name: repaired_rows(con, column, opened.source) for column in rows.decided}
    return data, replace(rows, repaired=repaired)


def _withheld(con: duckdb.DuckDBPyConnection, written: Path, column: str) -> bool:
    """Return whether a value of a column was withheld; the statistics of the file are enough for most columns."""
    query = f"SELECT 1 FROM read_parquet({quote_path(written)}) WHERE {column} = {quote(WITHHELD)} LIMIT 1"
    return bool(con.execute(query).fetchall())


def _refuse_mostly_unreadable(file: ExtractFile, opened: OpenedExtract) -> None:
    unread = {**opened.unreadable, IDENTIFIER_KEPT: opened.repaired.get(IDENTIFIER_KEPT, np.empty(0, np.int64))}
    share = (sum(numbers.size for numbers in unread.values()) + opened.hidden) / max(1, opened.rows + opened.rows_unreadable)
    if share > MOST_UNREADABLE:
        counts = ", ".join(f"{numbers.size:,} {reason}" for reason, numbers in unread.items() if numbers.size)
        counts += f", with up to {opened.hidden:,} more rows in these lines" if opened.hidden else ""
        raise ExtractError(
            f"{file.path}: {share:.0%} of its rows cannot be read ({counts}); the header has {len(opened.header)} fields. "
            "Check the feed's `delimiter`, `quote` and `encoding`"
        )


def _quarantine_unreadable(
    lake: Lake,
    table: Table,
    file: ExtractFile,
    extract_id: str,
    unreadable: Mapping[str, np.ndarray],
    repaired: Mapping[tuple[str, str], np.ndarray],
) -> None:
    """Record the rows of an extract that were unreadable or repaired, in place of those recorded before.

    `unreadable` has row numbers by reason, `repaired` by reason and column.
    """
    parts = [_quarantine_rows(file, numbers, reason, "", Action.SET_ASIDE) for reason, numbers in unreadable.items()]
    parts += [_quarantine_rows(file, numbers, reason, column, Action.REPAIRED) for (reason, column), numbers in repaired.items()]
    rows = pa.concat_tables([_quarantine_rows(file, np.empty(0, np.int64), "", "", Action.SET_ASIDE), *parts])
    lake.write(QUARANTINE, rows, {"table_name": table.name, "extract_id": extract_id})


def _quarantine_rows(file: ExtractFile, numbers: np.ndarray, reason: str, column: str, action: Action) -> pa.Table:
    texts = {"file_name": file.file.name, "column_name": column, "action": action.value, "reason": reason}
    columns = {name: pa.array([value] * numbers.size, pa.string()) for name, value in texts.items()}
    return pa.table({**columns, "row_number": pa.array(numbers, pa.int64())})

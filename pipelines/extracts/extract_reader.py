"""How the file of an extract is read: as rows of text with their true numbers, whatever its format."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from expectations.catalogue import TABLES
from expectations.feeds import FEEDS, OBJECTION_FEEDS
from expectations.identifier_text import normal_header
from expectations.row_checks import sender_columns
from expectations.sql_values import quote, quote_path
from expectations.table import Kind, Table
from pipelines.errors import ExtractError
from pipelines.extracts.csv_clean import write_clean
from pipelines.extracts.csv_survey import Layout, Survey, survey_csv
from pipelines.extracts.file_blocks import HeldFile
from pipelines.extracts.watched_lines import LineWatch, watched_columns
from pipelines.sources.extract_files import ExtractFile
from pipelines.sources.nhs import FeedSettings

TABLE_OF = {table.feed: table for table in TABLES.values() if table.feed}
NO_ROWS = "lines_without_row"
# From here on, neighbouring whole numbers share one value: the number that was meant is lost.
EXACT_BELOW = {"FLOAT16": 1 << 11, "FLOAT": 1 << 24, "DOUBLE": 1 << 53}
MOST_ROWS_A_BYTE = 4  # of a Parquet file; rows that identify people take more
FEW_ROWS = 1_000_000  # this many rows are allowed, however small the file
SIGNATURES = {
    b"PAR1": "a Parquet file", b"PK\x03\x04": "a zip archive or Excel workbook", b"\x1f\x8b": "a gzip file", b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook", b"\xff\xfe": "UTF-16 text", b"\xfe\xff": "UTF-16 text", b"<": "HTML or XML", b"{": "JSON",
}  # fmt: skip


@dataclass(frozen=True)
class OpenedExtract:
    """An extract that SQL can read: `source` is a subselect of `row_number` and one text column per header field."""

    path: str
    header: tuple[str, ...]
    values: tuple[str, ...]  # the SQL of each header field
    source: str
    rows: int
    unreadable: dict[str, np.ndarray]
    repaired: dict[str, np.ndarray] = field(default_factory=dict)  # rows that are read after a repair of their line, by reason
    hidden: int = 0  # further rows that unreadable lines may hold
    watch: LineWatch | None = None  # lines that are no rows and name a person
    fields_counted: bool = True  # false: a line with another number of fields is only found by the parser

    @property
    def rows_unreadable(self) -> int:
        """Count the rows that cannot be read, with all that a line may hold."""
        return sum(numbers.size for numbers in self.unreadable.values()) + self.hidden

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """Return the positions of each name in the header; upper and lower case are the same."""
        places: dict[str, list[int]] = {}
        for place, name in enumerate(self.header):
            places.setdefault(name.strip().casefold(), []).append(place)
        return places

    def failure(self, error: Exception) -> ExtractError:
        """Return the error that the file could not be read, without any of its content."""
        line = re.search(r"CSV Error on Line: (\d+)", str(error))
        where = f" near line {line.group(1)}" if line else ""
        return ExtractError(
            f"{self.path}: cannot be read{where} ({type(error).__name__}); have the file sent again, or check `quote` and `encoding`"
        )


@contextmanager
def open_extract(
    con: duckdb.DuckDBPyConnection,
    file: ExtractFile,
    held: HeldFile,
    settings: FeedSettings,
    count_fields: bool = True,
    unbroken: frozenset[str] = frozenset(),
) -> Iterator[OpenedExtract]:
    """Open a file that is held for SQL during the block; an ExtractError names a file whose content does not fit its name.

    Without `count_fields` the parser fails at a line with a field too many or too few, instead of skipping it. `unbroken` are the headers of
    columns whose fields have no line breaks.
    """
    if file.path.lower().endswith(".parquet"):
        yield _open_parquet(con, file, held)
        return
    _refuse_other_formats(file, held, settings.encoding)
    watched = watched_columns(TABLE_OF[file.feed], settings.columns) if file.feed in TABLE_OF else None
    layout = Layout(
        settings.delimiter, settings.quote, settings.encoding, unbroken, _identifier_names(file.feed, settings), watched
    )
    survey = survey_csv(held, layout, count_fields)
    con.register(NO_ROWS, pa.table({"row_number": pa.array(survey.no_rows, pa.int64())}))
    try:
        if survey.as_it_stands and settings.encoding == "utf-8":
            yield replace(_csv(file, survey, settings.quote, held), fields_counted=count_fields)
            return
        # A file without a name: its content is gone when the process ends, however it ends.
        with tempfile.TemporaryFile(dir=file.file.parent if _writable(file.file.parent) else None) as clean:
            write_clean(held, layout, survey, clean)
            cleaned = _csv(file, survey, settings.quote, HeldFile("clean.csv", clean.fileno(), os.fstat(clean.fileno())))
            yield replace(cleaned, fields_counted=count_fields)
    finally:
        con.unregister(NO_ROWS)


def unbroken_headers(table: Table, settings: FeedSettings) -> frozenset[str]:
    """Return the headers, in plain form, of declared columns that are no free text: their values have no line breaks."""
    coded = [column for column in sender_columns(table) if column.kind is not Kind.TEXT or column.pattern or column.allowed]
    names = [(settings.columns.get(column.name), column.source_name, column.name) for column in coded]
    wanted = [wish for given, *usual in names for wish in ((given,) if given else usual)]
    return frozenset(normal_header(wish) for wish in wanted)


def _identifier_names(feed: str, settings: FeedSettings) -> tuple[str, ...]:
    """Return the names that the person's column of a feed of objections may have; none for other feeds, whose lines are not repaired."""
    table = FEEDS[feed].table if feed in {one.name for one in OBJECTION_FEEDS} else None
    if table is None:
        return ()
    named = settings.columns.get(table.person)
    return (named,) if named else (table.column(table.person).source_name, table.person)


def _writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _refuse_other_formats(file: ExtractFile, held: HeldFile, encoding: str) -> None:
    with held.open("rb") as source:
        head = source.read(8)
    packed = file.path.lower().endswith(".gz")
    for signature, what in SIGNATURES.items():
        expected = (packed and what == "a gzip file") or (encoding == "utf-16" and what == "UTF-16 text")
        if head.startswith(signature) and not expected:
            hint = (
                "set the feed's `encoding` to utf-16" if what == "UTF-16 text" else "rename it, or have it sent as CSV or Parquet"
            )
            raise ExtractError(f"{file.path}: this is {what} and not what its name says; {hint}")
    if packed and not head.startswith(b"\x1f\x8b"):
        raise ExtractError(f"{file.path}: this is not a gzip file although its name ends in .gz; rename it or have it sent again")


def _csv(file: ExtractFile, survey: Survey, quote_character: str, held: HeldFile) -> OpenedExtract:
    columns = ", ".join(f"{quote(f'c{place}')}: 'VARCHAR'" for place in range(len(survey.header)))
    packed = ", compression='gzip'" if held.name.lower().endswith(".gz") else ""
    # Several threads would each look for the beginning of a row, and a line of a quoted text can look like one.
    in_order = ", parallel=false" if survey.has_breaks else ""
    read = (
        f"read_csv({quote_path(held.path)}, auto_detect=false, header=true, delim={quote(survey.delimiter)}, quote={quote(quote_character)}, "
        f"escape={quote(quote_character)}, nullstr='', strict_mode=true, columns={{{columns}}}{packed}{in_order})"
    )
    # Rows are numbered before any is skipped; the reader keeps the order of the file.
    numbered = f"SELECT *, row_number() OVER () AS row_number FROM {read}"
    left_out = (
        f" WHERE row_number NOT IN (SELECT row_number FROM {NO_ROWS})"
        if survey.unreadable_rows or not survey.as_it_stands
        else ""
    )
    values = tuple(f"c{place}" for place in range(len(survey.header)))
    unreadable = {reason: survey.numbers(reason) for reason in survey.unreadable}
    return OpenedExtract(
        file.path,
        survey.header,
        values,
        f"(SELECT * FROM ({numbered}){left_out})",
        survey.rows,
        unreadable,
        survey.repaired,
        survey.hidden,
        survey.watch,
    )


def _open_parquet(con: duckdb.DuckDBPyConnection, file: ExtractFile, held: HeldFile) -> OpenedExtract:
    read, size = f"read_parquet({quote_path(held.path)}", held.stat().st_size
    try:
        described = con.execute(f"DESCRIBE SELECT * FROM {read})").fetchall()
        rows = con.execute(f"SELECT count(*) FROM {read})").fetchall()[0][0]
        schema = f"FROM parquet_schema({quote_path(held.path)}) WHERE logical_type = 'Float16Type()'"
        halves = {name for (name,) in con.execute(f"SELECT name {schema}").fetchall()}
    except duckdb.Error:
        raise ExtractError(f"{file.path}: this is not a Parquet file, or it is truncated; have it sent again") from None
    if rows > max(FEW_ROWS, MOST_ROWS_A_BYTE * size):
        raise ExtractError(
            f"{file.path}: {rows:,} rows in {size:,} bytes, which is too small for rows of different people; have it sent again"
        )
    header = tuple(name for name, *_ in described)
    nested = [name for name, kind, *_ in described if _is_nested(kind)]
    if nested:
        raise ExtractError(
            f"{file.path}: the columns {', '.join(nested)} contain lists or structures; have them sent as plain values"
        )
    fields = ", ".join(_fields([(name, "FLOAT16" if name in halves else kind) for name, kind, *_ in described]))
    source = f"(SELECT file_row_number + 1 AS row_number, {fields} FROM {read}, file_row_number=true))"
    return OpenedExtract(file.path, header, tuple(f"c{place}" for place in range(len(header))), source, rows, {})


def _fields(kinds: list[tuple[str, str]]) -> list[str]:
    """Return the SQL of each column of a Parquet file as text, from its name and type."""
    return [f"{_as_text(_name(name), kind)} AS c{place}" for place, (name, kind) in enumerate(kinds)]


def _is_nested(kind: str) -> bool:
    """Return whether a type of DuckDB is a list or a structure."""
    return kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]")


def _as_text(value: str, kind: str) -> str:
    """Return a Parquet value as text.

    A whole number stored as a float is written without its decimal point. One too large to be exact is written as 4.01e+08, which is
    a number and cannot be an identifier (`number_as_float`).
    """
    if kind in EXACT_BELOW:
        whole, exact = f"isfinite({value}) AND {value} = trunc({value})", f"abs({value}) < {EXACT_BELOW[kind]}"
        return f"""CASE WHEN isnan({value}) THEN NULL WHEN {whole} AND {exact} THEN CAST(CAST({value} AS BIGINT) AS VARCHAR)
            WHEN {whole} THEN format('{{:.16e}}', CAST({value} AS DOUBLE)) ELSE CAST({value} AS VARCHAR) END"""
    if kind == "BLOB":
        return f"decode({value})"
    return f"nullif(CAST({value} AS VARCHAR), '')"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'

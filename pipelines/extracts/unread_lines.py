"""Store whom the lines that are no rows name (`watched_lines.py`), by pseudonym.

An identifier goes through the same checks as that of a row. A line of DEATH that names no one stops the delivery: a death must not be lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import duckdb
import pyarrow as pa

from expectations.identifier_text import normal
from expectations.row_checks import REPEATED_HEADER
from expectations.table import Table
from expectations.tables.core import UNREAD_LINE
from expectations.tables.raw_omop import DEATH
from pipelines.errors import ExtractError
from pipelines.extracts.clear_people import ClearColumn
from pipelines.extracts.erased_people import digest_of_person, erased_digests
from pipelines.extracts.extract_reader import OpenedExtract
from pipelines.extracts.raw_columns import guarded_rows_sql, raw_rows_sql
from pipelines.extracts.watched_lines import WATCHED
from pipelines.lake.storage import Lake
from pipelines.sources.extract_files import ExtractFile
from pipelines.sources.nhs import FeedSettings, PseudonymSettings

LINES = "watched_lines"


def named_people(
    con: duckdb.DuckDBPyConnection, table: Table, settings: FeedSettings, pseudonyms: PseudonymSettings, file: ExtractFile,
    opened: OpenedExtract, people: Sequence[ClearColumn],
) -> list[dict[str, object]]:  # fmt: skip
    """Return the rows of core__unread_line of a file; an ExtractError names a file of deaths with a line that names no one."""
    watch = opened.watch
    found = _pseudonyms(con, table, settings, pseudonyms, file, opened, people) if watch and watch.named else {}
    lines = opened.rows_unreadable - len(opened.unreadable.get(REPEATED_HEADER, ()))
    if table.feed == DEATH.feed and lines > len(found):
        raise ExtractError(
            f"{file.path}: of the lines that are no rows, it is not known whose death {lines - len(found):,} may state. The people would "
            "count as alive. Have the file sent again"
        )
    named = watch.named if watch else {}
    return [{"row_number": number, "person_id": person, "stated": named[number][1]} for number, person in sorted(found.items())]


def _pseudonyms(
    con: duckdb.DuckDBPyConnection, table: Table, settings: FeedSettings, pseudonyms: PseudonymSettings, file: ExtractFile,
    opened: OpenedExtract, people: Sequence[ClearColumn],
) -> dict[int, str]:  # fmt: skip
    """Return the pseudonym of each named person by number of the row, without those that cannot be one or may be a clear identifier."""
    watch = opened.watch
    assert watch is not None
    empty = pa.nulls(len(watch.named), pa.string())
    persons = pa.array([person for person, _ in watch.named.values()], pa.string())
    columns = {value: persons if place == watch.form.place else empty for place, value in enumerate(opened.values)}
    con.register(LINES, pa.table({"row_number": pa.array(list(watch.named), pa.int64()), **columns}))
    try:
        lines = replace(opened, source=f"(SELECT * FROM {LINES})", rows=len(watch.named))
        if people:
            rows = raw_rows_sql(con, table, settings, pseudonyms.clear_share, file, lines, people)
        else:
            rows = guarded_rows_sql(table, settings, file, lines)
        usable = f"{table.person} IS NOT NULL AND NOT starts_with({table.person}, '(')"  # a marker of a reason, or withheld
        return dict(con.execute(f"SELECT row_number, {table.person} FROM ({rows.sql}) WHERE {usable}").fetchall())
    finally:
        con.unregister(LINES)


def _plain(person: str, ignores_case: bool) -> str:
    return normal(person).lower() if ignores_case else normal(person)


def store_named(lake: Lake, table: Table, extract_id: str, rows: list[dict[str, object]]) -> None:
    """Store the rows of core__unread_line of an extract of a watched feed in place of those stored before, without erased people."""
    if table.feed not in WATCHED:
        return
    erased = erased_digests(lake)
    ignores_case = table.column(table.person).ignores_case
    rows = [row for row in rows if not erased or digest_of_person(_plain(str(row["person_id"]), ignores_case)) not in erased]
    partition = {"table_name": table.name, "extract_id": extract_id}
    if rows or (lake.exists(UNREAD_LINE.name) and lake.files(UNREAD_LINE.name, partition)):
        lake.write(UNREAD_LINE, rows, partition)

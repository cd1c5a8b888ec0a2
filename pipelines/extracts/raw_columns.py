"""From the fields of a file to the columns of its raw table: renaming, hashing, withholding and the postcode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np

from expectations.identifier_text import normal_header
from expectations.row_checks import sender_columns
from expectations.sql_values import quote
from expectations.table import Column, Table
from pipelines.errors import ExtractError
from pipelines.extracts.clear_identifiers import (
    POSTCODE_COLUMN,
    WITHHELD,
    clear_sql,
    columns_to_withhold,
    look_for,
    suspect_sql,
    watched_columns,
)
from pipelines.extracts.clear_people import ClearColumn, clear_columns, joined_sql, register_decided, stored_sql
from pipelines.extracts.extract_reader import OpenedExtract
from pipelines.extracts.identifier_kind import ListKind
from pipelines.extracts.postcodes import AREAS, normal, status_sql
from pipelines.extracts.pseudonyms import pseudonym_sql
from pipelines.sources.extract_files import ExtractFile
from pipelines.sources.nhs import FeedSettings, PseudonymSettings


@dataclass(frozen=True)
class RawRows:
    """The SQL of the rows to store, absent columns, headers that are not stored, withheld columns, and columns decided value by value."""

    sql: str
    missing: list[str]
    ignored: list[str]
    guarded: tuple[str, ...] = ()
    decided: tuple[ClearColumn, ...] = ()
    repaired: Mapping[str, np.ndarray] = field(default_factory=dict)  # by column, the rows whose identifier was repaired


def hashed_columns(
    con: duckdb.DuckDBPyConnection, table: Table, settings: FeedSettings, pseudonyms: PseudonymSettings, opened: OpenedExtract,
    of_list: ListKind,
) -> list[ClearColumn]:  # fmt: skip
    """Return the columns of clear identifiers that ingest hashes; `of_list` returns which kind the registered list has."""
    return clear_columns(con, settings, pseudonyms.test_nhs_numbers, _given(table, settings, opened), opened.source, of_list)


def raw_rows_sql(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    settings: FeedSettings,
    clear_share: float,
    file: ExtractFile,
    opened: OpenedExtract,
    people: Sequence[ClearColumn] = (),
) -> RawRows:
    """Return the rows to store; an ExtractError names a repeated header or a column full of clear identifiers."""
    found = _found(table, settings, opened)
    try:
        sightings = look_for(con, opened.source, found, _watched(table, settings))
    except duckdb.Error as error:
        if not opened.fields_counted:
            raise  # a line with another number of fields: the file is surveyed by field and read again
        raise opened.failure(error) from None
    withheld = columns_to_withhold(file.path, sightings, clear_share)
    declared = {column.name: column for column in table.columns}
    clear = {name: clear_sql(declared[name], found[name], numbers) for name, numbers in withheld.items()}
    decided = tuple(column for column in people if register_decided(con, column, opened.source))
    hashed = {column.name: pseudonym_sql(column.value) for column in people if column not in decided}
    return _rows(table, settings, file, opened, clear, hashed, decided)


def guarded_rows_sql(
    table: Table, settings: FeedSettings, file: ExtractFile, opened: OpenedExtract, people: Sequence[ClearColumn] = ()
) -> RawRows:
    """Return the rows to store of a file that was not checked yet.

    Every value that could be a clear identifier is withheld, in `guarded` columns. So is every identifier in an unusual form.
    """
    found = _found(table, settings, opened)
    clear = {column.name: suspect_sql(column, found[column.name]) for column in _watched(table, settings) if column.name in found}
    hashed = {column.name: _hashed_if_usual(column) for column in people}
    return _rows(table, settings, file, opened, clear, hashed)


def _hashed_if_usual(column: ClearColumn) -> str:
    usual = f"WHEN {column.is_usual_sql} THEN {pseudonym_sql(column.value)}"
    return f"CASE WHEN {column.value} IS NULL THEN NULL {usual} ELSE {quote(WITHHELD)} END"


def holds_suspects(
    con: duckdb.DuckDBPyConnection, table: Table, settings: FeedSettings, opened: OpenedExtract, sample_rows: int,
    people: Sequence[ClearColumn] = (),
) -> bool:  # fmt: skip
    """Return whether the first rows of a file contain what could be a clear identifier, or an identifier in an unusual form."""
    found = _found(table, settings, opened)
    suspects = [suspect_sql(column, found[column.name]) for column in _watched(table, settings) if column.name in found]
    suspects += [f"({column.value} IS NOT NULL AND NOT {column.is_usual_sql})" for column in people]
    any_suspect = " OR ".join(suspects) or "false"
    query = f"SELECT coalesce(bool_or({any_suspect}), false) FROM (SELECT * FROM {opened.source} LIMIT {sample_rows})"
    return bool(con.execute(query).fetchall()[0][0])


def _found(table: Table, settings: FeedSettings, opened: OpenedExtract) -> dict[str, str]:
    return {column: opened.values[place] for column, place in match_header(table, settings, opened).items()}


def _watched(table: Table, settings: FeedSettings) -> list[Column]:
    return watched_columns(table, hashed=not settings.pseudonymised)


def _rows(
    table: Table, settings: FeedSettings, file: ExtractFile, opened: OpenedExtract, clear: Mapping[str, str], hashed: Mapping[str, str],
    decided: Sequence[ClearColumn] = (),
) -> RawRows:  # fmt: skip
    """Return the rows to store.

    `clear` has, by column, the SQL that is true where a value is withheld. `hashed` has the SQL of pseudonyms, and `decided` the columns
    whose unusual values are registered.
    """
    places, values = match_header(table, settings, opened), {**_stored_values(table, settings, opened, clear), **hashed}
    names = [column.name for column in sender_columns(table)]
    source = opened.source
    for column in decided:
        values[column.name] = f"stored_{column.name}"
        source = f"(SELECT file.*, {stored_sql(column)} AS stored_{column.name} FROM {joined_sql(column, f'{source} AS file')})"
    if POSTCODE_COLUMN in names:
        source = _resolve_postcodes(values, source)
    columns = ", ".join(f"CAST({values.get(name, 'NULL')} AS VARCHAR) AS {name}" for name in names)
    provenance = f"DATE {quote(file.extract_date)} AS extract_date, {quote(file.file.name)} AS file_name, row_number"
    ignored = sorted(set(opened.header) - {"", *(opened.header[place] for place in places.values())})
    missing = [name for name in names if name not in values]
    guarded = tuple(dict.fromkeys((*clear, *hashed)))
    return RawRows(f"SELECT {columns}, {provenance} FROM {source}", missing, ignored, guarded, tuple(decided))


def _stored_values(table: Table, settings: FeedSettings, opened: OpenedExtract, clear: Mapping[str, str]) -> dict[str, str]:
    """Return the SQL of each column that the file or the settings have, without clear identifiers."""
    values = _given(table, settings, opened)
    for name, is_clear in clear.items():
        values[name] = f"CASE WHEN {is_clear} THEN {quote(WITHHELD)} ELSE {values[name]} END"
    return values


def _given(table: Table, settings: FeedSettings, opened: OpenedExtract) -> dict[str, str]:
    return {column: quote(value) for column, value in settings.constants.items()} | _found(table, settings, opened)


def match_header(table: Table, settings: FeedSettings, opened: OpenedExtract) -> dict[str, int]:
    """Find the position of each declared column in the header: by its setting, its source name or its own name.

    Names are compared in plain form: invisible characters, blanks, quotes, full-width letters and case make no difference.
    """
    matched, places = {}, _places(opened)
    for column in sender_columns(table):
        given = settings.columns.get(column.name)
        wanted = [given] if given else [column.source_name, column.name]
        header = next((wish for wish in wanted if normal_header(wish) in places), None)
        if header:
            matched[column.name] = _only_place(header, places, opened)
        elif given:
            raise ExtractError(
                f"{opened.path}: no column '{given}', which the settings name for {column.name}; {_header_text(table, settings, opened)}"
            )
    if not matched:
        wanted_names = [column.source_name for column in table.columns if column.required_in_file]
        raise ExtractError(
            f"{opened.path}: its first line names none of the columns of {table.feed} ({', '.join(wanted_names)}, ...); "
            "is the header missing, or do the names differ? Rename them with the feed's `columns`"
        )
    return matched


def _places(opened: OpenedExtract) -> dict[str, list[int]]:
    """Return the positions of each name in the header."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(opened.header):
        places.setdefault(normal_header(name), []).append(place)
    return places


def _only_place(header: str, places: Mapping[str, list[int]], opened: OpenedExtract) -> int:
    first, *others = places[normal_header(header)]
    if others:
        raise ExtractError(
            f"{opened.path}: the header names '{header}' {len(others) + 1} times; correct it so that each name occurs once"
        )
    return first


def _header_text(table: Table, settings: FeedSettings, opened: OpenedExtract) -> str:
    """Return the content of a header, unless no expected name is in it: then it may be a row with people's data."""
    expected = {*settings.columns.values(), *(name for column in table.columns for name in (column.source_name, column.name))}
    places = _places(opened)
    if any(normal_header(name) in places for name in expected):
        return f"the header has {list(opened.header)}"
    return "its first line names none of the expected columns: is the header missing?"


def _resolve_postcodes(values: dict[str, str], source: str) -> str:
    """Replace the postcode by its status, and fill in the LSOA of the lookup."""
    postcode, lsoa = values.get(POSTCODE_COLUMN, "CAST(NULL AS VARCHAR)"), values.get("lsoa_code", "CAST(NULL AS VARCHAR)")
    values[POSTCODE_COLUMN] = status_sql(postcode, lsoa, "areas.lsoa")
    values["lsoa_code"] = f"CASE WHEN nullif(trim({lsoa}), '') IS NULL THEN areas.lsoa ELSE {lsoa} END"
    return f"{source} AS source LEFT JOIN {AREAS} AS areas ON areas.postcode = {normal(postcode)}"

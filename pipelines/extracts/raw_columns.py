"""From a file's fields to the columns of its raw table: renaming, hashing, withholding, the postcode."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from expectations.table import Table
from expectations.tables.raw_common import PROVENANCE
from pipelines.errors import ExtractError
from pipelines.extracts.clear_identifiers import (
    PERSON_COLUMNS,
    POSTCODE_COLUMN,
    WITHHELD,
    clear_sql,
    columns_to_withhold,
    look_for,
    watched_columns,
)
from pipelines.extracts.extract_reader import OpenedExtract
from pipelines.extracts.postcodes import AREAS, normal, status_sql
from pipelines.extracts.pseudonyms import pseudonym_sql
from pipelines.sources.nhs import ExtractFile, FeedSettings


@dataclass(frozen=True)
class RawRows:
    """The SQL of the rows to store, the declared columns the file lacks and the headers that are not stored."""

    sql: str
    missing: list[str]
    ignored: list[str]


def raw_rows_sql(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    settings: FeedSettings,
    clear_share: float,
    file: ExtractFile,
    opened: OpenedExtract,
) -> RawRows:
    """Give the rows to store; an ExtractError names a header that stands twice, or a column full of clear identifiers."""
    places = match_header(table, settings, opened)
    found = {column: opened.values[place] for column, place in places.items()}
    values = {**found, **{column: _text(value) for column, value in settings.constants.items() if column not in found}}
    hashed = not settings.pseudonymised
    watched = watched_columns(table, hashed)
    try:
        sightings = look_for(con, opened.source, found, watched)
    except duckdb.Error as error:
        raise opened.failure(error) from None
    withheld = columns_to_withhold(file.path, sightings, clear_share)
    declared = {column.name: column for column in table.columns}
    for name, numbers in withheld.items():
        values[name] = f"CASE WHEN {clear_sql(declared[name], values[name], numbers)} THEN '{WITHHELD}' ELSE {values[name]} END"
    if hashed:
        values.update({name: pseudonym_sql(values[name]) for name in PERSON_COLUMNS if name in values})
    source = opened.source
    if POSTCODE_COLUMN in declared:
        source = _resolve_postcodes(values, source)
    names = [name for name in declared if name not in {column.name for column in PROVENANCE}]
    columns = ", ".join(f"CAST({values.get(name, 'NULL')} AS VARCHAR) AS {name}" for name in names)
    provenance = f"DATE '{file.extract_date}' AS extract_date, {_text(file.file.name)} AS file_name, row_number"
    ignored = sorted({name for place, name in enumerate(opened.header) if place not in places.values() and name})
    return RawRows(f"SELECT {columns}, {provenance} FROM {source}", [name for name in names if name not in values], ignored)


def match_header(table: Table, settings: FeedSettings, opened: OpenedExtract) -> dict[str, int]:
    """Find the place of each declared column in the header: by its setting, else by its source name, else by its own."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(opened.header):
        places.setdefault(name.strip().casefold(), []).append(place)
    matched = {}
    for column in table.columns:
        given = settings.columns.get(column.name)
        wanted = [given] if given else [column.source_name, column.name]
        header = next((wish for wish in wanted if wish.strip().casefold() in places), None)
        if given and header is None:
            raise ExtractError(
                f"{opened.path}: no column '{given}', which the settings name for {column.name}; the header has {list(opened.header)}"
            )
        if header is None or column.name in {own.name for own in PROVENANCE}:
            continue
        standing = places[header.strip().casefold()]
        if len(standing) > 1:
            raise ExtractError(f"{opened.path}: the header names '{header}' {len(standing)} times; it must stand there once")
        matched[column.name] = standing[0]
    if not matched:
        wanted_names = [column.source_name for column in table.columns if column.required_in_file]
        raise ExtractError(
            f"{opened.path}: its first line names none of the columns of {table.feed} ({', '.join(wanted_names)}, ...); "
            "is the header missing, or do the names differ? Rename them with the feed's `columns`"
        )
    return matched


def _resolve_postcodes(values: dict[str, str], source: str) -> str:
    """Replace the postcode by what it tells, and fill the LSOA it leads to."""
    postcode, lsoa = values.get(POSTCODE_COLUMN, "CAST(NULL AS VARCHAR)"), values.get("lsoa_code", "CAST(NULL AS VARCHAR)")
    values[POSTCODE_COLUMN] = status_sql(postcode, lsoa, "areas.lsoa")
    values["lsoa_code"] = f"CASE WHEN nullif(trim({lsoa}), '') IS NULL THEN areas.lsoa ELSE {lsoa} END"
    return f"{source} AS source LEFT JOIN {AREAS} AS areas ON areas.postcode = {normal(postcode)}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"

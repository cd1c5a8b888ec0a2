"""Which kind of identifier the clear feeds of a deployment hold, where their settings do not declare it.

One file is not enough to decide: a list of objections may have no NHS number that is written as one. What the registered list holds counts
for every feed. Without a clear registered list, NHS numbers inside other text show that a file is not local.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import duckdb

from expectations.catalogue import RAW_TABLES
from expectations.feeds import PATIENTS
from expectations.identifier_schemes import PLACEHOLDERS
from expectations.identifier_text import normal_header, normal_sql
from pipelines.errors import ExtractError
from pipelines.extracts.clear_identifiers import PERSON_COLUMNS, digits_sql, passes_check_sql
from pipelines.extracts.extract_reader import OpenedExtract, open_extract
from pipelines.extracts.file_blocks import hold
from pipelines.lake.duckdb_connection import connect
from pipelines.sources.extract_files import ExtractFile, find_extracts
from pipelines.sources.nhs import FeedSettings, NhsSettings

FILES_READ = 2  # the latest of the registered list: the last may be the damaged one
LONGEST_TEXT = 100  # characters around an NHS number
ListKind = Callable[[], bool | None]  # true for NHS numbers, false for others, None where the list does not show it
PERSON = PERSON_COLUMNS[0]
RUNS = ", ".join(sorted(str(int(text)) for text in PLACEHOLDERS if re.fullmatch("[0-9]{10}", text)))


def kind_of_list(nhs: NhsSettings, landing: Path) -> ListKind:
    """Return a function that reads, once and only if it is called, whether the clear registered list has NHS numbers."""

    @cache
    def has_numbers() -> bool | None:
        settings = nhs.feeds.get(PATIENTS.name)
        if settings is None or settings.pseudonymised:
            return None
        if settings.identifiers is not None:
            return settings.identifiers == "nhs_number"
        read = [_of_file(file, settings) for file in find_extracts(PATIENTS.name, settings, landing)[-FILES_READ:]]
        known = [found for found in read if found is not None]
        return any(known) if known else None

    return has_numbers


def _of_file(file: ExtractFile, settings: FeedSettings) -> bool | None:
    """Return whether a file of the registered list has NHS numbers; None where it cannot be read."""
    with connect() as con, hold(file.file) as held:
        try:
            with open_extract(con, file, held, settings) as opened:
                value = _person_of(opened, settings.columns)
                return None if value is None else has_numbers(con, opened.source, value) or has_hidden(con, opened.source, value)
        except (ExtractError, duckdb.Error):
            return None  # the file is refused when it is ingested


def _person_of(opened: OpenedExtract, columns: Mapping[str, str]) -> str | None:
    named = columns.get(PERSON)
    wanted = {
        normal_header(name) for name in ((named,) if named else (RAW_TABLES[PATIENTS.name].column(PERSON).source_name, PERSON))
    }
    return next((opened.values[place] for place, name in enumerate(opened.header) if normal_header(name) in wanted), None)


def has_numbers(con: duckdb.DuckDBPyConnection, source: str, value: str) -> bool:
    """Return whether a column of a file has a valid NHS number that is written as one."""
    digits = digits_sql(value)
    condition = f"CASE WHEN {digits} IS NULL THEN false ELSE {passes_check_sql(digits)} AND {digits} NOT IN ({RUNS}) END"
    return bool(con.execute(f"SELECT 1 FROM {source} WHERE {condition} LIMIT 1").fetchall())


def has_hidden(con: duckdb.DuckDBPyConnection, source: str, value: str) -> bool:
    """Return whether a column of a file has NHS numbers inside other text, such as `NHS 943 476 5919`.

    Of random numbers of ten digits one in eleven is valid, so most of them must be.
    """
    plain = f"regexp_replace({normal_sql('written')}, '[ .,/_-]', '', 'g')"
    digits = "CAST(regexp_extract(plain, '^[^0-9]*([0-9]{10})[^0-9]*$', 1) AS BIGINT)"
    shaped = "CASE WHEN regexp_full_match(plain, '[^0-9]*[0-9]{10}[^0-9]*') THEN " + digits + " END"
    values = f"SELECT DISTINCT {value} AS written FROM {source} WHERE length({value}) BETWEEN 10 AND {LONGEST_TEXT}"
    counted = (
        f"SELECT count(number), count(*) FILTER (number IS NOT NULL AND {passes_check_sql('number')} AND number NOT IN ({RUNS}))"
    )
    shaped_values, numbers = con.execute(
        f"{counted} FROM (SELECT {shaped} AS number FROM (SELECT {plain} AS plain FROM ({values})))"
    ).fetchall()[0]
    return bool(2 * numbers > shaped_values)

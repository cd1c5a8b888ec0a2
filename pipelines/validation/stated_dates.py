"""Rows that state a date whose absence is an answer.

Without a date of death a person is alive, and without an end date a registration lasts. A value that cannot be read is not an
answer. A second row of the same key that leaves the date empty is not one either.
"""

from __future__ import annotations

from collections.abc import Callable

from expectations.catalogue import RAW_TABLES
from expectations.sql_values import quote
from expectations.table import Table
from expectations.tables.core import QUARANTINE
from pipelines.extracts.ingest import current_extracts
from pipelines.lake.storage import Lake
from pipelines.sources.episodes import as_delivered
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.typed_rows import typed_rows_sql
from pipelines.validation.valid_extracts import ValidExtract, valid_extracts

CONFIDENTIAL = ("confidential", "spine_sensitive")  # the row rules of confidential records


def stated_dates_sql(lake: Lake, nhs: NhsSettings, feed: str, column: str) -> str:
    """Return the SQL, usable in FROM, of the rows of an nhs feed that hold a value in a date column; '' without extracts.

    Columns: the feed's key, `extract_date`, `stated_date` (null where the value is not usable as a date). A row that was set
    aside counts where it repeats a key or another of its columns cannot be used, and not where a row rule sets it aside: such a
    row is a test, was deleted, or names no one.
    """
    table = as_delivered(RAW_TABLES[feed], nhs.feeds[feed], nhs.case_of(feed))

    def of_extract(valid: ValidExtract) -> str:
        keep = ("extract_date", "row_number", "is_stated")
        rows = typed_rows_sql(table, valid.source, valid.reading, keep=keep, stated=column)
        left = f" ANTI JOIN {_set_aside_by_rules(lake, table, valid)} USING (row_number)" if valid.set_aside else ""
        day = f"DATE {quote(valid.extract.extract_date)} AS extract_date"
        return f"SELECT {', '.join(table.key)}, {day}, {column} AS stated_date FROM {rows}{left} WHERE is_stated"

    return _of_current_extracts(lake, nhs, table, of_extract)


def named_people_sql(lake: Lake, nhs: NhsSettings, table: Table) -> str:
    """Return the SQL, usable in FROM, of everyone that any row of a table of deaths names; '' without extracts.

    In such a table a row means a death, whatever becomes of its date. Columns: those of `stated_dates_sql`, without a date.
    """

    def of_extract(valid: ValidExtract) -> str:
        rows = typed_rows_sql(table, valid.source, valid.reading)
        day = f"DATE {quote(valid.extract.extract_date)} AS extract_date"
        return f"SELECT {table.person} AS person_id, {day}, CAST(NULL AS DATE) AS stated_date FROM {rows}"

    return _of_current_extracts(lake, nhs, table, of_extract)


def confidential_people_sql(lake: Lake, nhs: NhsSettings, feed: str) -> str:
    """Return the SQL, usable in FROM, of the people of rows that are marked as confidential; '' without extracts."""
    table = as_delivered(RAW_TABLES[feed], nhs.feeds[feed], nhs.case_of(feed))
    hidden = " OR ".join(rule.broken_when for rule in table.row_rules if rule.reason in CONFIDENTIAL)

    def of_extract(valid: ValidExtract) -> str:
        rows = typed_rows_sql(table, valid.source, valid.reading)
        return f"SELECT DISTINCT {table.person} AS person_id FROM {rows} WHERE {hidden}"

    return _of_current_extracts(lake, nhs, table, of_extract)


def _of_current_extracts(lake: Lake, nhs: NhsSettings, table: Table, of_extract: Callable[[ValidExtract], str]) -> str:
    """Apply a query to each extract that may hold current rows and return the union; of snapshots that is the latest delivery."""
    extracts = current_extracts(lake, table.feed)
    if nhs.feeds[table.feed].load == "snapshot":
        extracts = [extract for extract in extracts if extract.extract_date == extracts[-1].extract_date]
    parts = [of_extract(valid) for valid in valid_extracts(lake, table, extracts)]
    return f"({' UNION ALL '.join(parts)})" if parts else ""


def _set_aside_by_rules(lake: Lake, table: Table, valid: ValidExtract) -> str:
    partition = {"table_name": table.name, "extract_id": valid.extract.extract_id}
    by_rule = f"column_name = {quote(table.person)} OR (column_name = '' AND reason <> 'duplicate_row')"
    return f"(SELECT DISTINCT row_number FROM {lake.scan(QUARANTINE.name, partition)} WHERE action = 'set_aside' AND ({by_rule}))"

"""Rows that state a date whose absence is an answer, and people whom a mark on a row suppresses.

Without a date of death a person is alive, and without an end date a registration lasts. A value that cannot be read is not an
answer. A second row of the same key that leaves the date empty is not one either.
"""

from __future__ import annotations

from collections.abc import Callable

from expectations.catalogue import RAW_TABLES
from expectations.feeds import PATIENTS, REGISTRATIONS
from expectations.row_checks import EXCLUDED_AT_INGEST
from expectations.sql_values import quote, quote_all
from expectations.suppression import CONFLICTING, LOST_MARKS
from expectations.table import Table
from expectations.tables.core import QUARANTINE
from expectations.tables.raw_common import CONFLICTING_ROWS, WITHHELD
from pipelines.extracts.extract_records import current_extracts, replaced_extracts
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.episodes import as_delivered
from pipelines.sources.nhs import FeedSettings, NhsSettings
from pipelines.validation.restated_rows import restated_rows
from pipelines.validation.typed_rows import cased_sql, column_text_sql, narrowed, typed_rows_sql
from pipelines.validation.unread_lines import marks_of_lines, named_in_lines
from pipelines.validation.valid_extracts import ValidExtract, kept_rows_sql, passed_extracts, valid_extracts

NO_ONE = frozenset({"dummy_person_id", "formula_person_id", *EXCLUDED_AT_INGEST})
CONFIDENTIAL = ("confidential", "spine_sensitive")  # the row rules of confidential records


def stated_dates_sql(lake: Lake, nhs: NhsSettings, feed: str, column: str) -> str:
    """Return the SQL, usable in FROM, of the rows of an nhs feed that hold a value in a date column; '' without extracts.

    Columns: the feed's key, `extract_date`, `stated_date` (null where the value is not usable as a date), `is_possible`, which is
    false for a day that cannot be true, and `is_replaced`. A row that was set aside counts, without its date if a rule on dates sets it
    aside. It does not count if it is a test, was deleted, or names no one. Every delivery counts. `is_replaced` is true for a row of a file
    that a corrected file of the same name and date replaced. A row that only stays because a later delivery has lines that could not be read
    (`restated_rows.py`) counts without a date: the line may state one.
    """
    table = as_delivered(RAW_TABLES[feed], nhs.feeds[feed], nhs.case_of(feed))

    def of_extract(valid: ValidExtract) -> str:
        keep = ("extract_date", "row_number", "is_stated", "is_a_day")
        rows = typed_rows_sql(
            narrowed(table, *table.key, table.person, column), valid.source, valid.reading, keep=keep, stated=column
        )
        day, stated, left = f"DATE {quote(valid.extract.extract_date)} AS extract_date", column, ""
        if valid.set_aside:
            left = f""" ANTI JOIN {set_aside_rows(lake, table, valid, of_no_one(table))} AS gone USING (row_number)
                LEFT JOIN (SELECT row_number, true AS is_broken FROM {set_aside_rows(lake, table, valid, BY_RULE)}) USING (row_number)"""
            stated = f"CASE WHEN is_broken IS NULL THEN {column} END"
        possible = f"({column} IS NOT NULL OR NOT is_a_day) AS is_possible"
        return f"SELECT {', '.join(table.key)}, {day}, {stated} AS stated_date, {possible} FROM {rows}{left} WHERE is_stated AND {named(table)}"

    found, presumed = of_every_extract(lake, table, of_extract), presumed_rows(lake, table, nhs.feeds[feed])
    return f"({found} UNION ALL {' UNION ALL '.join(presumed)})" if presumed else found


def named_people_sql(lake: Lake, nhs: NhsSettings, table: Table) -> str:
    """Return the SQL, usable in FROM, of everyone that any row of a table of deaths names; '' without extracts.

    In such a table a row means a death, whatever becomes of its date. Columns: those of `stated_dates_sql`, without a date.
    """

    def of_extract(valid: ValidExtract) -> str:
        rows = typed_rows_sql(narrowed(table, table.person), valid.source, valid.reading)
        day = f"DATE {quote(valid.extract.extract_date)} AS extract_date"
        return f"SELECT {table.person} AS person_id, {day}, CAST(NULL AS DATE) AS stated_date, true AS is_possible FROM {rows}"

    parts = [part for part in (of_every_extract(lake, table, of_extract), *named_in_lines(lake, table)) if part]
    return f"({' UNION ALL '.join(part if part.startswith('SELECT') else f'FROM {part}' for part in parts)})" if parts else ""


def suppressing_marks_sql(lake: Lake, nhs: NhsSettings) -> str:
    """Return the SQL, usable in FROM, of the people whom a row of the list marks, or marks illegibly; '' without extracts.

    Columns: `person_id`, `extract_date` and `reason`. Someone who is on the list by another row of the delivery has rows that
    conflict. A mark that cannot be read has the reason of its column. Every delivery counts. A line that is no row may have any mark
    (`unread_lines.py`).
    """
    table = as_delivered(RAW_TABLES[PATIENTS.name], nhs.feeds[PATIENTS.name], nhs.case_of(PATIENTS.name))
    column = table.column(table.person)
    lost = " ".join(f"WHEN column_name = {quote(name)} THEN {quote(reason)}" for name, reason in LOST_MARKS.items())
    marks = quote_all(sorted(rule.reason for rule in table.row_rules if rule.is_mark))
    reason = f"CASE WHEN reason = 'not_in_vocabulary' THEN CASE {lost} END WHEN reason IN ({marks}) THEN {quote(CONFLICTING)} END"

    def of_extract(valid: ValidExtract) -> str:
        partition = {"table_name": table.name, "extract_id": valid.extract.extract_id}
        person = cased_sql(column, column_text_sql(column, table.person in valid.reading.padded))
        day = f"DATE {quote(valid.extract.extract_date)} AS extract_date"
        found = f"(SELECT row_number, {reason} AS suppression FROM {lake.scan_or_empty(QUARANTINE, partition)})"
        return f"""SELECT {person} AS person_id, {day}, suppression AS reason
            FROM (SELECT row_number, {table.person} FROM {valid.source}) JOIN {found} USING (row_number) WHERE suppression IS NOT NULL"""

    registrations = REGISTRATIONS.name
    registered = (
        as_delivered(RAW_TABLES[registrations], nhs.feeds[registrations], nhs.case_of(registrations))
        if registrations in nhs.feeds
        else None
    )
    parts = [of_extract(valid) for valid in valid_extracts(lake, table, current_extracts(lake, table.feed))]
    parts += marks_of_lines(lake, table, registered)
    return f"({' UNION ALL '.join(parts)})" if parts else ""


def confidential_people_sql(lake: Lake, nhs: NhsSettings, feed: str) -> str:
    """Return the SQL, usable in FROM, of the people of rows that are marked as confidential; '' without extracts."""
    table = as_delivered(RAW_TABLES[feed], nhs.feeds[feed], nhs.case_of(feed))
    rules = [rule for rule in table.row_rules if rule.reason in CONFIDENTIAL]
    hidden = " OR ".join(rule.broken_when for rule in rules)
    marked = narrowed(table, table.person, *(name for rule in rules for name in rule.columns))

    def of_extract(valid: ValidExtract) -> str:
        rows = typed_rows_sql(marked, valid.source, valid.reading)
        return f"SELECT DISTINCT {table.person} AS person_id FROM {rows} WHERE {hidden}"

    return _of_latest_extracts(lake, nhs, table, of_extract)


def of_every_extract(lake: Lake, table: Table, of_extract: Callable[[ValidExtract], str]) -> str:
    """Apply a query to every extract of a feed and return the union, with `is_replaced`; '' without extracts."""
    current = valid_extracts(lake, table, current_extracts(lake, table.feed))
    replaced = passed_extracts(lake, table, replaced_extracts(lake, table.feed))
    parts = [(of_extract(valid), flag) for found, flag in ((current, "false"), (replaced, "true")) for valid in found]
    return f"({' UNION ALL '.join(f'SELECT *, {flag} AS is_replaced FROM ({part})' for part, flag in parts)})" if parts else ""


def _of_latest_extracts(lake: Lake, nhs: NhsSettings, table: Table, of_extract: Callable[[ValidExtract], str]) -> str:
    """Apply a query to each extract that may hold current rows and return the union; of snapshots that is the latest delivery."""
    extracts = current_extracts(lake, table.feed)
    if nhs.feeds[table.feed].load == "snapshot":
        extracts = [extract for extract in extracts if extract.extract_date == extracts[-1].extract_date]
    parts = [of_extract(valid) for valid in valid_extracts(lake, table, extracts)]
    return f"({' UNION ALL '.join(parts)})" if parts else ""


def presumed_rows(lake: Lake, table: Table, settings: FeedSettings) -> list[str]:
    """Return the SQL of the rows of each extract that stay for lines and rows which could not be recognised, as rows that state an unknown date."""
    extracts = valid_extracts(lake, table, current_extracts(lake, table.feed))
    if len({valid.extract.extract_date for valid in extracts}) < 2:
        return []
    restated, keyed = restated_rows(lake, table, settings, extracts), narrowed(table, *table.key)
    with connect() as con:
        found = con.execute(f"SELECT DISTINCT extract_id, extract_date FROM {restated} WHERE kept_for_unparsed").fetchall()
    columns = (
        f"{', '.join(table.key)}, extract_date, CAST(NULL AS DATE) AS stated_date, true AS is_possible, false AS is_replaced"
    )
    return [
        f"""SELECT {columns} FROM {kept_rows_sql(keyed, valid)}
        SEMI JOIN (SELECT row_number FROM {restated} WHERE kept_for_unparsed AND extract_id = {quote(valid.extract.extract_id)}
            AND extract_date = DATE {quote(valid.extract.extract_date)}) USING (row_number)"""
        for valid in extracts
        if (valid.extract.extract_id, valid.extract.extract_date) in found
    ]


def named(table: Table) -> str:
    """Return the condition that a row names a person: a clear identifier in the place of the pseudonym was not stored."""
    return f"{table.person} IS DISTINCT FROM {quote(WITHHELD)}"


def of_no_one(table: Table) -> str:
    """Return the condition of the quarantine that a row is not about a person: it is a test, was deleted, or has no pseudonym."""
    reasons = sorted({rule.reason for rule in table.row_rules if rule.is_mark} | NO_ONE)
    return f"(column_name = {quote(table.person)} OR reason IN ({quote_all(reasons)}))"


# A clear identifier is in another column: the value of the date is as it was sent.
BY_RULE = f"(column_name = '' AND reason NOT IN ('duplicate_row', 'clear_identifier', {quote(CONFLICTING_ROWS)}))"


def set_aside_rows(lake: Lake, table: Table, valid: ValidExtract, where: str) -> str:
    """Return the SQL of the numbers of the rows of an extract that were set aside for some reasons."""
    partition = {"table_name": table.name, "extract_id": valid.extract.extract_id}
    return f"(SELECT DISTINCT row_number FROM {lake.scan(QUARANTINE.name, partition)} WHERE action = 'set_aside' AND {where})"

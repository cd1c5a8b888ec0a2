"""People whom lines of deliveries name that are no rows (`pipelines/extracts/watched_lines.py`): what such a line may state holds.

A row that can be read, of a later delivery, ends it. A line of a file that a corrected file replaced does not count.
"""

from __future__ import annotations

from collections.abc import Collection

from expectations.sql_values import quote, quote_all
from expectations.suppression import LINE_NOT_READABLE
from expectations.table import Table
from expectations.tables.core import UNREAD_LINE
from pipelines.extracts.extract_records import current_extracts
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.omitted_rows import restates
from pipelines.validation.typed_rows import cased_sql, column_text_sql, narrowed, typed_rows_sql
from pipelines.validation.valid_extracts import ValidExtract, passed_extracts

ALWAYS = "DATE '9999-12-31'"  # of a line that only a row of the same feed ends


def lines_of_extracts(lake: Lake, table: Table) -> list[tuple[ValidExtract, str]]:
    """Return each current extract of a feed that has such lines, with the SQL of their person_id and `stated`."""
    where = f"table_name = {quote(table.name)}"
    found = set(lake.read_or_empty(UNREAD_LINE, "DISTINCT extract_id", where)["extract_id"].to_pylist())
    valid = passed_extracts(lake, table, [one for one in current_extracts(lake, table.feed) if one.extract_id in found])
    person = cased_sql(table.column(table.person), column_text_sql(table.column(table.person)))
    return [(one, _lines(lake, table, one, person)) for one in valid]


def _lines(lake: Lake, table: Table, valid: ValidExtract, person: str) -> str:
    scan = lake.scan(UNREAD_LINE.name, {"table_name": table.name, "extract_id": valid.extract.extract_id})
    return f"(SELECT {person} AS person_id, stated FROM (SELECT person_id AS {table.person}, stated FROM {scan}))"


def named_in_lines(lake: Lake, table: Table) -> list[str]:
    """Return the SQL of the people of the lines of a table of deaths, with the columns of `named_people_sql`."""
    unknown = "CAST(NULL AS DATE) AS stated_date, true AS is_possible, false AS is_replaced"
    return [
        f"SELECT person_id, DATE {quote(valid.extract.extract_date)} AS extract_date, {unknown} FROM {lines}"
        for valid, lines in lines_of_extracts(lake, table)
    ]


def marks_of_lines(lake: Lake, patients: Table, registrations: Table | None) -> list[str]:
    """Return the SQL of the people whom lines of the list or of registrations suppress, with the columns of `suppressing_marks_sql`."""
    parts = [
        f"SELECT person_id, DATE {quote(valid.extract.extract_date)} AS extract_date, {quote(LINE_NOT_READABLE)} AS reason FROM {lines}"
        for valid, lines in lines_of_extracts(lake, patients)
    ]
    if registrations is None:
        return parts
    for valid, lines in lines_of_extracts(lake, registrations):
        later = rows_after(lake, registrations, valid)
        parts.append(
            f"SELECT person_id, {ALWAYS} AS extract_date, {quote(LINE_NOT_READABLE)} AS reason FROM {lines} WHERE person_id NOT IN {later}"
        )
    return parts


def rows_after(lake: Lake, table: Table, valid: ValidExtract) -> str:
    """Return the SQL of the people whom rows of later deliveries than an extract name."""
    day = valid.extract.extract_date
    after = passed_extracts(lake, table, [one for one in current_extracts(lake, table.feed) if one.extract_date > day])
    rows = [f"SELECT {table.person} AS person_id FROM {_readable(table, one)}" for one in after]
    return (
        f"(SELECT person_id FROM ({' UNION ALL '.join(rows)}) WHERE person_id IS NOT NULL)" if rows else "(SELECT '' WHERE false)"
    )


def _readable(table: Table, valid: ValidExtract) -> str:
    rows = typed_rows_sql(narrowed(table, table.person), valid.source, valid.reading, keep=("row_number",))
    return f"(FROM {rows}{f' ANTI JOIN {valid.set_aside} USING (row_number)' if valid.set_aside else ''})"


def stays_of_lines(lake: Lake, nhs: NhsSettings, table: Table, died: Collection[str], stating: str) -> list[str]:
    """Return the SQL of the stays of lines that may have ended in death, with the columns of `stated_stays_sql`.

    The stay is not known, so a later admission of the person shows that the person lived. A feed whose delivery restates stays restates them too.
    """
    found = lines_of_extracts(lake, table)
    if restates(nhs.feeds[table.feed]):
        latest = max((one.extract_date for one in current_extracts(lake, table.feed)), default=None)
        found = [(valid, lines) for valid, lines in found if valid.extract.extract_date == latest]
    column = table.column(stating)
    method = cased_sql(column, column_text_sql(column))
    known = f"{method} IN ({quote_all(column.allowed)})" if column.allowed else "true"
    unknown = (
        "CAST(NULL AS VARCHAR) AS provider_code, CAST(NULL AS VARCHAR) AS spell_number, CAST(NULL AS DATE) AS admission_date"
    )
    return [
        f"""SELECT person_id, {unknown}, DATE {quote(valid.extract.extract_date)} AS extract_date, CAST(NULL AS DATE) AS stated_date,
            coalesce(method IN ({quote_all(died)}), false) AS has_died, true AS is_set_aside, false AS is_replaced
        FROM (SELECT person_id, stated, {method} AS method, coalesce({known}, stated = '') AS is_known
            FROM (SELECT person_id, stated, stated AS {stating} FROM {lines}))
        WHERE method IN ({quote_all(died)}) OR stated IS NULL OR NOT coalesce(is_known, false)"""
        for valid, lines in found
    ]

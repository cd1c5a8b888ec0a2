"""The rows of the feeds of objections that count: those of every delivery, however the feed is loaded.

An objection holds until its rule ends it. A later delivery or a corrected file that does not list it is no withdrawal. The rules
are in `pipelines/conform/objections.py`.
"""

from __future__ import annotations

from collections import Counter
from datetime import date

from expectations.feeds import NATIONAL_OPT_OUTS, OPT_OUTS, TYPE_1_OBJECTIONS
from expectations.identifier_schemes import TEST_IDENTIFIER
from expectations.sql_values import quote, quote_all
from expectations.table import Table
from expectations.tables.core import QUARANTINE
from expectations.tables.raw_gp import KIND_NOT_KNOWN, LOST_SUBMISSION, UNDATED_WITHDRAWAL
from pipelines.extracts.extract_records import Extract, current_extracts, replaced_extracts
from pipelines.lake.storage import Lake
from pipelines.validation.typed_rows import IMPRECISE, text_sql
from pipelines.validation.valid_extracts import ValidExtract, kept_rows_sql, passed_extracts, valid_extracts

OBJECTS, WITHDRAWS, NEITHER = "1", "0", "-"
TYPE_1, NATIONAL = "type_1", "national"
REPLACED = "replaced"  # of the rows of a national list that a corrected file replaced
# A row that is set aside for another reason may be an objection that the delivery contains and Strata cannot see.
HARMLESS_REASONS = ("duplicate_row", "repeated_header", "erased_person")
_KINDS = {
    OPT_OUTS.name: f"CASE WHEN opt_out_type = 'NATIONAL' THEN {quote(NATIONAL)} ELSE {quote(TYPE_1)} END",
    TYPE_1_OBJECTIONS.name: quote(TYPE_1),
    NATIONAL_OPT_OUTS.name: quote(NATIONAL),
}
# A withdrawal of an unknown kind, or by a practice that is not known, ends no objection.
_STATED_STATUS = {
    OPT_OUTS.name: f"CASE WHEN opt_out_type = {quote(KIND_NOT_KNOWN)} THEN {quote(NEITHER)} ELSE status END",
    TYPE_1_OBJECTIONS.name: f"CASE WHEN status = {quote(WITHDRAWS)} AND practice_code IS NULL THEN {quote(NEITHER)} ELSE status END",
}
ABSENT_COLUMNS = {
    "practice_code": "CAST(NULL AS VARCHAR)", "list_part": "'OPTED_OUT'", "submission_date": "CAST(NULL AS DATE)",
}  # fmt: skip


def opt_out_rows_sql(lake: Lake, table: Table) -> str:
    """Return the SQL, usable in FROM, of the validated rows of all deliveries: of each key the row that was delivered last.

    Of a file that was later replaced under the same path and delivery date, only objections count: the new file may correct a
    withdrawal. The columns are those of `validated_rows_sql`. An ExtractError names a current extract that is not validated.
    """
    rows, key = _rows(lake, table), ", ".join(table.key)
    first = min(extract.extract_date for extract in current_extracts(lake, table.feed))
    once = f"""SELECT *, min(extract_date) OVER (PARTITION BY {key}) AS first_extract_date FROM ({rows})
        QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY extract_date DESC, extract_id, row_number) = 1"""
    since = f"first_extract_date = DATE {quote(first)}"
    return f"""(SELECT *, {since} AS is_first_delivery, first_extract_date AS key_extract_date, {since} AS key_in_first_delivery
        FROM ({once}))"""


def statements_sql(lake: Lake, table: Table) -> str:
    """Return the SQL, usable in FROM, of every row of every delivery of a feed of objections.

    The columns are feed, kind, person_id, practice_code, status (1 objects, 0 withdraws, - neither), effective_date, list_part,
    submission_date, extract_date and extract_id. A withdrawal that states only a year or a month is dated on its first day.
    """
    return _statements(table, _rows(lake, table))


def replaced_lists_sql(lake: Lake, table: Table) -> str:
    """Return the SQL of the national lists that a corrected file of the same path and day replaced, with the columns of `statements_sql`.

    The kind is REPLACED. A list of several files has its other files as they are, and the extract_id is that of the replaced file. '' without any.
    """
    if table.feed != NATIONAL_OPT_OUTS.name:
        return ""
    current = valid_extracts(lake, table, current_extracts(lake, table.feed))
    parts = []
    for old in passed_extracts(lake, table, replaced_extracts(lake, table.feed)):
        same_day = [one for one in current if one.extract.extract_date == old.extract.extract_date]
        files = [old, *(one for one in same_day if one.extract.path != old.extract.path)]
        rows = " UNION ALL BY NAME ".join(f"FROM {_certain_rows(table, one)}" for one in files)
        fixed = f"{quote(REPLACED)} AS kind, {quote(old.extract.extract_id)} AS extract_id"
        parts.append(f"SELECT * REPLACE ({fixed}) FROM {_statements(table, rows)}")
    return f"({' UNION ALL '.join(parts)})" if parts else ""


def _statements(table: Table, rows: str) -> str:
    names = {column.name for column in table.columns}
    absent = "".join(f", {value} AS {name}" for name, value in ABSENT_COLUMNS.items() if name not in names)
    status = _STATED_STATUS.get(table.feed, "status")
    stated = f"SELECT *{absent} FROM ({rows})"
    return f"""(SELECT {quote(table.feed)} AS feed, {_KINDS[table.feed]} AS kind, person_id, practice_code, {status} AS status,
        effective_date, list_part, submission_date, extract_date, extract_id FROM ({stated}))"""


def incomplete_deliveries(lake: Lake, table: Table) -> set[date]:
    """Return the days of deliveries in which a row was set aside that may have been an objection."""
    extracts = current_extracts(lake, table.feed)
    if not extracts:
        return set()
    ids = ", ".join(quote(extract.extract_id) for extract in extracts)
    where = f"table_name = {quote(table.name)} AND extract_id IN ({ids}) AND action = 'set_aside' AND reason NOT IN ({quote_all(HARMLESS_REASONS)})"
    found = set(lake.read_or_empty(QUARANTINE, "DISTINCT extract_id", where)["extract_id"].to_pylist())
    return {extract.extract_date for extract in extracts if extract.extract_id in found}


def lost_objections(lake: Lake, table: Table, extract_id: str) -> dict[str, int]:
    """Count the rows of an extract that were set aside and may be objections of people who are not known, by reason.

    A row with several reasons counts once. A row of a test patient is no one's objection.
    """
    harmless = (*HARMLESS_REASONS, TEST_IDENTIFIER)
    where = f"action = 'set_aside' GROUP BY row_number HAVING bool_and(reason NOT IN ({quote_all(harmless)}))"
    partition = {"table_name": table.name, "extract_id": extract_id}
    rows = lake.read_or_empty(QUARANTINE, "min(reason) AS reason", where, partition=partition)["reason"].to_pylist()
    return dict(sorted(Counter(rows).items()))


def deliveries(lake: Lake, table: Table) -> dict[date, list[Extract]]:
    """Return the current extracts of a feed by delivery day."""
    found: dict[date, list[Extract]] = {}
    for extract in current_extracts(lake, table.feed):
        found.setdefault(extract.extract_date, []).append(extract)
    return found


def _rows(lake: Lake, table: Table) -> str:
    current = [_certain_rows(table, one) for one in valid_extracts(lake, table, current_extracts(lake, table.feed))]
    if table.feed == NATIONAL_OPT_OUTS.name:  # a list that was replaced no longer counts
        return " UNION ALL BY NAME ".join(f"FROM {rows}" for rows in current)
    replaced = passed_extracts(lake, table, replaced_extracts(lake, table.feed))
    objections = [f"FROM {_certain_rows(table, one)} WHERE status = {quote(OBJECTS)}" for one in replaced]
    return " UNION ALL BY NAME ".join([*(f"FROM {rows}" for rows in current), *objections])


def _certain_rows(table: Table, valid: ValidExtract) -> str:
    """Return the kept rows of an extract, with a withdrawal or submission of an imprecise day dated on the first day that it may mean."""
    text = text_sql("effective_date")
    first = f"try_cast({text} || CASE WHEN length({text}) = 4 THEN '-01-01' ELSE '-01' END AS DATE)"
    imprecise = (
        f"(SELECT row_number, {first} AS first_day FROM {valid.source} WHERE regexp_full_match({text}, {quote(IMPRECISE)}))"
    )
    submitted = _submitted(table, valid)
    certain = f"CASE WHEN status = {quote(WITHDRAWS)} THEN coalesce(first_day, effective_date) ELSE effective_date END"
    return f"""(SELECT * EXCLUDE (first_day) REPLACE ({certain} AS effective_date)
        FROM {submitted} LEFT JOIN {imprecise} USING (row_number))"""


def _submitted(table: Table, valid: ValidExtract) -> str:
    """Return the kept rows of an extract, with the first day that a submission date may mean, or the day of a lost one."""
    rows = kept_rows_sql(table, valid)
    if table.feed != NATIONAL_OPT_OUTS.name:
        return rows
    text = text_sql("submission_date")
    first = f"try_cast({text} || CASE WHEN length({text}) = 4 THEN '-01-01' ELSE '-01' END AS DATE)"
    sent = f"(SELECT row_number, CASE WHEN regexp_full_match({text}, {quote(IMPRECISE)}) THEN {first} END AS sent_first FROM {valid.source} WHERE {text} IS NOT NULL)"
    day = f"CASE WHEN sent.row_number IS NOT NULL THEN coalesce(sent_first, submission_date, DATE {quote(LOST_SUBMISSION)}) END"
    return f"(SELECT rows.* REPLACE ({day} AS submission_date) FROM {rows} AS rows LEFT JOIN {sent} AS sent USING (row_number))"


__all__ = [
    "NATIONAL", "NEITHER", "OBJECTS", "TYPE_1", "UNDATED_WITHDRAWAL", "WITHDRAWS", "deliveries", "incomplete_deliveries", "lost_objections",
    "opt_out_rows_sql", "statements_sql",
]  # fmt: skip

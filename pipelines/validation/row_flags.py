"""The checks of a table's rows as SQL: one row per stored row, with its read values and one flag per check."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from expectations.date_formats import DETECTED
from expectations.identifier_schemes import REASONS
from expectations.row_checks import CODE_NOT_IN_VOCABULARY, LIMIT_OF_MEASUREMENT, RowCheck, sender_columns
from expectations.sql_values import quote
from expectations.table import Column, Kind, RowRule, Table
from expectations.tables.raw_common import CONFLICTING_ROWS
from pipelines.extracts.clear_identifiers import WITHHELD
from pipelines.validation.typed_rows import (
    IMPRECISE,
    LONGEST_IMPRECISE,
    Reading,
    has_unknown_code,
    is_limit_sql,
    is_out_of_range,
    is_outside,
    matches,
    narrowed,
    read_rows_sql,
    usable_sql,
)

# Temporary tables with the context of rows, created by `delivery_context.py`.
BIRTHS, DUMMIES, DUPLICATES, OVERLAPS = "context_births", "context_dummies", "context_duplicates", "context_overlaps"
REPEATED_ROWS = (
    "rows_of_repeated_keys"  # the extract and number of each row whose key, by its digest, is on another row of the delivery
)


def reads_context(rules: Iterable[RowRule], context: str) -> bool:
    """Return whether a row rule reads a context column."""
    return any(re.search(rf"\b{context}\b", rule.broken_when) for rule in rules)


def of_repeated_keys(source: str, extract_id: str) -> str:
    """Return the SQL of the stored rows of an extract whose key is repeated, so that only they are read in full."""
    return f"(SELECT * FROM {source} WHERE row_number IN (SELECT row_number FROM {REPEATED_ROWS} WHERE extract_id = {quote(extract_id)}))"


def flagged_rows_sql(
    table: Table, source: str, reading: Reading, checks: list[RowCheck], shown: list[str], extract_id: str
) -> str:
    """Return the SQL of `row_number`, the read values of the columns to show, and a boolean per check, with the check's name."""
    of_columns, rules = [check for check in checks if check.column], _rules_of(table, checks)
    withheld = [f"{_withheld(table)} AS clear_identifier"] if reads_context(rules, "clear_identifier") else []
    read_by_rules = {table.person, *re.findall(r"\w+", " ".join(rule.broken_when for rule in rules))}
    if not withheld:  # otherwise the text of every column is read
        table = narrowed(table, *read_by_rules, *shown, *(check.column for check in of_columns))
    usable = [
        f"{usable_sql(column, reading)} AS {column.name}" for column in sender_columns(table) if column.name in read_by_rules
    ]
    first = ", ".join(["row_number", "extract_date", *_columns_of(table, reading, of_columns, shown), *usable, *withheld])
    broken = [f"coalesce(({rule.broken_when}), false) AS {rule.reason}" for rule in rules]
    last = ", ".join(
        ["row_number", *(f"read_{name} AS {name}" for name in shown), *(check.name for check in of_columns), *broken]
    )
    rows = f"(SELECT {first} FROM {read_rows_sql(table, source, reading)})"
    return f"SELECT {last} FROM {_with_context(table, rules, rows, extract_id)}"


def _rules_of(table: Table, checks: list[RowCheck]) -> list[RowRule]:
    """Return the row rules among some checks: those that are not of a column."""
    reasons = {check.reason for check in checks if not check.column}
    return [rule for rule in table.row_rules if rule.reason in reasons]


def _columns_of(table: Table, reading: Reading, checks: list[RowCheck], shown: list[str]) -> list[str]:
    """Return the SQL of the columns to show, and of the flags of column checks."""
    columns = {column.name: column for column in sender_columns(table)}
    read = [f"{_shown(columns[name])} AS read_{name}" for name in shown]
    flags = [f"coalesce({_FLAGS[check.reason](columns[check.column], reading)}, false) AS {check.name}" for check in checks]
    return [*read, *flags]


def _shown(column: Column) -> str:
    """Return what a batch contains of a column: its values if it has a vocabulary or range, otherwise whether it has a value."""
    if column.allowed or column.pattern:
        return column.name
    ranged = column.minimum is not None or column.maximum is not None
    return f"CAST({column.name} AS DOUBLE)" if ranged else f"CASE WHEN {column.name} IS NOT NULL THEN 1 END"


def _with_context(table: Table, rules: list[RowRule], rows: str, extract_id: str) -> str:
    member = f"row_number IN (SELECT row_number FROM {{0}} WHERE extract_id = {quote(extract_id)} AND {{1}})"
    columns = {
        "birth_date": "births.birth_date",
        "dummy_person_id": f"rows.{table.person} IN (SELECT person_id FROM {DUMMIES})",
        "duplicate_row": member.format(DUPLICATES, "NOT differs"),
        CONFLICTING_ROWS: member.format(DUPLICATES, "differs"),
        "overlapping_spells": member.format(OVERLAPS, "true"),
    }
    added = "".join(f", {sql} AS {name}" for name, sql in columns.items() if reads_context(rules, name))
    join = (
        f" LEFT JOIN {BIRTHS} AS births ON births.person_id = rows.{table.person}" if reads_context(rules, "birth_date") else ""
    )
    return f"(SELECT rows.*{added} FROM {rows} AS rows{join})"


def _withheld(table: Table) -> str:
    kinds = (Kind.IDENTIFIER, Kind.CODE, Kind.TEXT)
    texts = [f"raw_{column.name}" for column in sender_columns(table) if column.kind in kinds]
    return f"coalesce({quote(WITHHELD)} IN ({', '.join(texts)}), false)"


def _unreadable(column: Column, reading: Reading) -> str:
    if column.kind is not Kind.DATE:
        return _lost(column)
    return f"CASE WHEN {_lost(column)} THEN NOT {_in_another_format(column, reading)} END"


def _second_format(column: Column, reading: Reading) -> str:
    # With CASE, unlike AND, the patterns are matched only on the few rows that lost a value.
    return f"CASE WHEN {_lost(column)} THEN {_in_another_format(column, reading)} END"


def _lost(column: Column) -> str:
    return f"text_{column.name} IS NOT NULL AND {column.name} IS NULL"


def _in_another_format(column: Column, reading: Reading) -> str:
    main, text = reading.date_format(column.name), f"text_{column.name}"
    others = "|".join(f"({form.pattern})" for form in DETECTED if form is not main)
    return f"({matches(text, others)} AND NOT {matches(text, main.pattern)})"


def _imprecise(column: Column, reading: Reading) -> str:
    """Flag a date that was read from a year or a month. No main format is as short as those."""
    text = f"text_{column.name}"
    return f"CASE WHEN strlen({text}) <= {LONGEST_IMPRECISE} THEN {column.name} IS NOT NULL AND {matches(text, IMPRECISE)} END"


def _limit(column: Column, reading: Reading) -> str:
    """Flag a number that was read from a limit of measurement."""
    return f"CASE WHEN {is_limit_sql(f'text_{column.name}')} THEN {column.name} IS NOT NULL END"


def _padded(column: Column, reading: Reading) -> str:
    outside, changed = is_outside(column, column.name), f"raw_{column.name} <> {column.name}"
    return f"CASE WHEN {changed} THEN NOT {outside} END" if outside else changed


def _wrong_for(reason: str) -> Callable[[Column, Reading], str]:
    return lambda column, reading: reading.is_wrong(column.name, reason) or "false"


_FLAGS: dict[str, Callable[[Column, Reading], str]] = {
    **{reason: _wrong_for(reason) for reason in REASONS},
    "missing_value": lambda column, reading: f"text_{column.name} IS NULL",
    "unreadable_number": _unreadable,
    "unreadable_date": _unreadable,
    LIMIT_OF_MEASUREMENT: _limit,
    "second_date_format": _second_format,
    "imprecise_date": _imprecise,
    "not_in_vocabulary": lambda column, reading: is_outside(column, column.name),
    CODE_NOT_IN_VOCABULARY: lambda column, reading: has_unknown_code(column, column.name),
    "out_of_range": lambda column, reading: is_out_of_range(column, column.name),
    "padding_or_case": _padded,
}

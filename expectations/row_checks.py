"""All checks on the rows of a table, derived from its declaration: first those of each column, then the row rules.

Rules that tables share, such as that of duplicate rows, are declared in `expectations/tables/raw_common.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from expectations.identifier_schemes import REASONS, REASONS_OF
from expectations.table import Action, Column, Kind, Lost, Table
from expectations.tables.raw_common import PROVENANCE, YES_NO

PROVENANCE_COLUMNS = tuple(column.name for column in PROVENANCE)
REPEATED_HEADER = "repeated_header"
PARSING_REASONS = (
    "control_character",
    "not_utf8",
    "row_too_long",
    "inside_quote",
    "unterminated_quote",
    "stray_quote",
    REPEATED_HEADER,
    "too_many_fields",
    "too_few_fields",
)
ERASED_PERSON = "erased_person"
CODE_NOT_IN_VOCABULARY = "code_not_in_vocabulary"
LIMIT_OF_MEASUREMENT = "limit_of_measurement"
TRAILING_DELIMITER = "trailing_delimiter"  # the row stays, without the empty fields at its end
IDENTIFIER_REPAIRED = "identifier_repaired"
# Of feeds of objections: the row stays, in full or as the person's identifier alone.
FIELDS_MISSING, STRAY_RETURN, IDENTIFIER_KEPT = "fields_missing", "stray_return", "identifier_kept"
EXCLUDED_AT_INGEST = (*PARSING_REASONS, ERASED_PERSON)  # ingest excludes rows with these reasons and records their numbers
LINE_REPAIRS = (TRAILING_DELIMITER, FIELDS_MISSING, STRAY_RETURN, IDENTIFIER_KEPT)
RECORDED_AT_INGEST = (*EXCLUDED_AT_INGEST, *LINE_REPAIRS, IDENTIFIER_REPAIRED)
UNREADABLE = {Kind.DATE: "unreadable_date", Kind.INTEGER: "unreadable_number", Kind.NUMBER: "unreadable_number"}

# The reasons of checks on a column, with their text and their number in the list of known defects.
COLUMN_REASONS: dict[str, tuple[str, int]] = {
    "missing_value": ("A value is empty that every row must have, or that a later step replaces by another column's.", 0),
    "unreadable_number": ("The value is not a number in the expected form. Thousands separators are not accepted.", 13),
    LIMIT_OF_MEASUREMENT: (
        "The value is a limit of measurement, such as >90 or <5. Strata uses the limit as the value, because it is the nearest value that is "
        "known. Without it an older value would count as the latest.",
        13,
    ),
    "unreadable_date": ("The value is not a date in the main format of the file.", 8),
    "second_date_format": (
        "The date has a different format from most of its column, so day and month could be confused.",
        13,
    ),
    "imprecise_date": (
        "The value is only a year or a month. It is read as the last day of it, but not later than the day it was recorded or delivered. "
        "A date of death and the end of a registration are read as the first day of it.",
        8,
    ),
    "not_in_vocabulary": ("The value is not in the vocabulary of the column.", 11),
    CODE_NOT_IN_VOCABULARY: (
        "One or more codes of a list are not in the vocabulary of the column. Strata removed these codes and kept the others.",
        11,
    ),
    "out_of_range": ("The value is below the column's minimum or above its maximum.", 4),
    "padding_or_case": (
        "The value had blanks around it, or a code had lower case letters. In an identifier or code also invisible characters, full-width "
        "letters or digits, what a spreadsheet adds, or a term or the name of the system around a code. Strata corrected them.",
        13,
    ),
    **{reason: (description, 13) for reason, description in REASONS.items()},
}
PARSING_DESCRIPTIONS = {
    "control_character": "The line contains a NUL or a stray carriage return.",
    "not_utf8": "The line is not in the encoding of the file.",
    "row_too_long": "The line is longer than 1 MB.",
    "inside_quote": "The line may be text inside a quote that an earlier line opens and that does not close as in a row.",
    "unterminated_quote": "A quote opens in the line and does not close within 1,000 lines and 1 MB into a row with the fields of the header, or its text has a "
    "line break and its column is not free text.",
    "stray_quote": "A field contains a quote, so the end of the field is not known.",
    "repeated_header": "The line repeats the header.",
    "too_many_fields": "The line has more fields than the header.",
    "too_few_fields": "The line has fewer fields than the header.",
    TRAILING_DELIMITER: "The line has empty fields after those of the header. Strata removed them and kept the row.",
    FIELDS_MISSING: "The line of a feed of objections has no fields at its end. Strata read them as empty and kept the row.",
    STRAY_RETURN: "The line of a feed of objections has carriage returns at its end. Strata removed them and kept the row.",
    IDENTIFIER_KEPT: "The line of a feed of objections cannot be read in full. Strata kept the person's identifier, and the person has objected.",
}


@dataclass(frozen=True)
class RowCheck:
    """A check on a row: its reason code, its column ('' for the row), the action for a broken row, and a description."""

    reason: str
    column: str
    action: Action
    description: str
    defect: int = 0

    @property
    def name(self) -> str:
        """Return the name of the check's flag in a batch."""
        return f"{self.reason}__{self.column}" if self.column else self.reason


def sender_columns(table: Table) -> list[Column]:
    """Return the columns that come from the sender, not from ingest."""
    return [column for column in table.columns if column.name not in PROVENANCE_COLUMNS]


def unusable_action(column: Column, table: Table) -> Action:
    """Return the action for a row whose value in a column cannot be used.

    A missing key sets the row aside, unless a row rule repairs the key.
    """
    repaired = any(rule.repair and column.name in rule.columns for rule in table.row_rules)
    lost = not column.nullable or (column.name in table.key and not repaired)
    return Action.SET_ASIDE if lost else column.on_violation


def lost_meaning(column: Column, table: Table) -> Lost:
    """Return what a lost value of a column means; raise ValueError for a date or a flag whose absence may be an answer.

    A column that must have a value sets the row aside without one.
    """
    if column.lost:
        return column.lost
    if column.on_violation is Action.FLAGGED and any(rule.repair and column.name in rule.columns for rule in table.row_rules):
        return Lost.CAUTIOUS_VALUE
    if unusable_action(column, table) is Action.SET_ASIDE:
        return Lost.SETS_ASIDE
    if column.kind in (Kind.DATE, Kind.BOOLEAN) or column.allowed == YES_NO:
        raise ValueError(f"{table.name} does not declare what a lost {column.name} means: add `lost` to the column.")
    return Lost.UNKNOWN


def lost_checks(column: Column, table: Table) -> frozenset[str]:
    """Return the names of the checks and row rules whose rows lost the value of a column."""
    reasons = (*UNREADABLE.values(), "second_date_format", "not_in_vocabulary", "out_of_range", *REASONS_OF[column.scheme])
    checks = {check.name for check in _column_checks(column, table) if check.reason in reasons}
    if not (column.empty_is_an_answer and column.nullable):
        checks |= {check.name for check in _column_checks(column, table) if check.reason == "missing_value"}
    return frozenset(
        checks | {rule.reason for rule in table.row_rules if rule.action is Action.NULLED and column.name in rule.columns}
    )


def mark_checks(table: Table) -> frozenset[str]:
    """Return the names of the checks that find a sender's mark on a row, or a mark that cannot be read."""
    rules = [rule for rule in table.row_rules if rule.is_mark]
    return frozenset([rule.reason for rule in rules] + [f"not_in_vocabulary__{name}" for rule in rules for name in rule.columns])


def row_checks(table: Table) -> list[RowCheck]:
    """Return every check on the rows of a table: those of its columns in order, then its row rules."""
    checks = [check for column in sender_columns(table) for check in _column_checks(column, table)]
    return checks + [RowCheck(rule.reason, "", rule.action, rule.description, rule.defect) for rule in table.row_rules]


def _column_checks(column: Column, table: Table) -> Iterator[RowCheck]:
    unusable = unusable_action(column, table)
    if not column.nullable:
        yield _check("missing_value", column, Action.SET_ASIDE)
    elif not column.empty_is_an_answer:
        yield _check("missing_value", column, Action.FLAGGED)
    if column.kind in UNREADABLE:
        yield _check(UNREADABLE[column.kind], column, unusable)
    if column.reads_limits:
        yield _check(LIMIT_OF_MEASUREMENT, column, Action.REPAIRED)
    if column.kind is Kind.DATE:
        yield _check("second_date_format", column, unusable)
        yield _check("imprecise_date", column, Action.REPAIRED)
    yield from _value_checks(column, unusable)
    for reason in REASONS_OF[column.scheme]:
        yield _check(reason, column, unusable)
    if column.kind in (Kind.CODE, Kind.TEXT, Kind.IDENTIFIER):
        yield _check("padding_or_case", column, Action.REPAIRED)


def _value_checks(column: Column, unusable: Action) -> Iterator[RowCheck]:
    """Yield the checks of a readable value: is it one that the column may have?"""
    if column.allowed or column.pattern:
        yield _check("not_in_vocabulary", column, unusable)
    if column.code_pattern:
        yield _check(CODE_NOT_IN_VOCABULARY, column, Action.REPAIRED)
    if column.minimum is not None or column.maximum is not None:
        yield _check("out_of_range", column, unusable)


def _check(reason: str, column: Column, action: Action) -> RowCheck:
    description, defect = COLUMN_REASONS[reason]
    return RowCheck(reason, column.name, action, description, defect)

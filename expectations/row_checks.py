"""Every check on a table's rows, derived from its declaration: what each column states, then the row rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from expectations.table import Action, Column, Kind, Table

PROVENANCE_COLUMNS = ("extract_id", "extract_date", "file_name", "row_number")
PARSING_REASONS = (
    "control_character",
    "not_utf8",
    "row_too_long",
    "unterminated_quote",
    "stray_quote",
    "repeated_header",
    "too_many_fields",
    "too_few_fields",
)
ERASED_PERSON = "erased_person"
NOT_TAKEN_IN = (*PARSING_REASONS, ERASED_PERSON)  # reasons of rows that ingest leaves out; it records their numbers
UNREADABLE = {Kind.DATE: "unreadable_date", Kind.INTEGER: "unreadable_number", Kind.NUMBER: "unreadable_number"}

# The reasons that columns give, in words, with their number in the list of known defects.
COLUMN_REASONS: dict[str, tuple[str, int]] = {
    "missing_value": ("A value that every row must have is empty.", 0),
    "unreadable_number": ("The value is not a number as it should be written; thousands separators are not guessed at.", 13),
    "unreadable_date": ("The value is no day of the calendar in the file's main format.", 8),
    "second_date_format": (
        "The date is written in another format than most of its column: read so, day and month could be mistaken.",
        13,
    ),
    "imprecise_date": ("A year or month alone: read as its last day, no later than the day it was recorded or delivered.", 8),
    "not_in_vocabulary": ("The value is outside the column's vocabulary.", 11),
    "out_of_range": ("The value is below the column's minimum or above its maximum.", 4),
    "padding_or_case": ("Blanks around the value, or lower case in a code, were removed.", 13),
}
PARSING_DESCRIPTIONS = {
    "control_character": "A NUL or a stray carriage return stands in the line.",
    "not_utf8": "The line is not written in the file's encoding.",
    "row_too_long": "The line is longer than a megabyte.",
    "unterminated_quote": "A quote opens in the line and does not close.",
    "stray_quote": "A quote stands inside a field: the field's end cannot be told.",
    "repeated_header": "The line repeats the header.",
    "too_many_fields": "The line has more fields than the header.",
    "too_few_fields": "The line has fewer fields than the header.",
}


@dataclass(frozen=True)
class RowCheck:
    """A check on a row: its reason code, the column it concerns ('' for the row), what follows, and why."""

    reason: str
    column: str
    action: Action
    description: str
    defect: int = 0

    @property
    def name(self) -> str:
        """Name the check's flag in a batch."""
        return f"{self.reason}__{self.column}" if self.column else self.reason


def sender_columns(table: Table) -> list[Column]:
    """List the columns that come from the sender, not from ingest."""
    return [column for column in table.columns if column.name not in PROVENANCE_COLUMNS]


def unusable_action(column: Column, table: Table) -> Action:
    """Give what happens to a row whose value in a column cannot be used; a key that a row rule fills in sets none aside."""
    filled_in = any(rule.repair and column.name in rule.columns for rule in table.row_rules)
    lost = not column.nullable or (column.name in table.key and not filled_in)
    return Action.SET_ASIDE if lost else column.on_violation


def row_checks(table: Table) -> list[RowCheck]:
    """List every check on a table's rows: its columns' in their order, then its row rules."""
    checks = [check for column in sender_columns(table) for check in _column_checks(column, table)]
    return checks + [RowCheck(rule.reason, "", rule.action, rule.description, rule.defect) for rule in table.row_rules]


def _column_checks(column: Column, table: Table) -> Iterator[RowCheck]:
    unusable = unusable_action(column, table)
    if not column.nullable:
        yield _check("missing_value", column, Action.SET_ASIDE)
    if column.kind in UNREADABLE:
        yield _check(UNREADABLE[column.kind], column, unusable)
    if column.kind is Kind.DATE:
        yield _check("second_date_format", column, unusable)
        yield _check("imprecise_date", column, Action.REPAIRED)
    if column.allowed or column.pattern:
        yield _check("not_in_vocabulary", column, unusable)
    if column.minimum is not None or column.maximum is not None:
        yield _check("out_of_range", column, unusable)
    if column.kind in (Kind.CODE, Kind.TEXT, Kind.IDENTIFIER):
        yield _check("padding_or_case", column, Action.REPAIRED)


def _check(reason: str, column: Column, action: Action) -> RowCheck:
    description, defect = COLUMN_REASONS[reason]
    return RowCheck(reason, column.name, action, description, defect)

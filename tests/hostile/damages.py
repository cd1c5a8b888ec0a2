"""Define a damage to some rows of a delivery: the rows of one person in a feed, what becomes of them in the file, and what they mean.

A damage states which clean rows mean the same as the damaged ones (`means`). Another run reads those, and must give the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from expectations.catalogue import RAW_TABLES

Row = dict[str, str]  # header -> text
Rows = list[Row]
Line = Row | bytes  # a row, or the bytes of a line that is none


class Expected(Enum):
    """What must happen to the person whose rows are damaged, and how the rows are counted."""

    SUPPRESSED = "suppressed: in no cohort, with the stated reason"
    REPAIRED = "repaired and counted; the result is that of the clean rows"
    SET_ASIDE = "set aside and counted; the result is that of the file without the row"
    EMPTIED = "the value is emptied and counted; the result is that of the row without it"
    FLAGGED = "flagged and counted; the result is that of the clean rows"
    UNCHANGED = "read as the clean rows"


ACTIONS = {
    Expected.REPAIRED: "repaired",
    Expected.SET_ASIDE: "set_aside",
    Expected.EMPTIED: "nulled",
    Expected.FLAGGED: "flagged",
}


def same(rows: Rows) -> Rows:
    """Return the rows as they are."""
    return rows


def anyone(rows: Rows) -> bool:
    """Return True: any person of the cohort is suitable."""
    return True


@dataclass(frozen=True)
class Damage:
    """A damage to a feed's rows of one person.

    `damage` returns the lines in the file and `means` the clean rows that mean the same. `reason` is that of `core__quarantine`, or of the
    suppression. `column` is the damaged one, '' for the row. `suits` selects people by their rows in the feed. A person without rows in it
    has one with the pseudonym alone. A row that is well formed is `counted` by no rule of validation. `known` states why a violation is not
    fixed.
    """

    kind: str
    name: str
    feed: str
    column: str
    expected: Expected
    reason: str
    damage: Callable[[Rows], list[Line]]
    means: Callable[[Rows], Rows] = same
    suits: Callable[[Rows], bool] = anyone
    counted: bool = True
    known: str = ""

    @property
    def title(self) -> str:
        return f"{self.feed}{'.' if self.column else ''}{self.column}: {self.name}"


def header_of(feed: str, column: str) -> str:
    """Return the header of a column in a feed's file."""
    return RAW_TABLES[feed].column(column).source_name


def place_of(feed: str, rows: Rows) -> int:
    """Return the place of the row that is damaged: the latest by its date."""
    dated = RAW_TABLES[feed].event_date
    return max(range(len(rows)), key=lambda place: (rows[place][header_of(feed, dated)] if dated else "", place))


def changed(feed: str, rows: Rows, **cells: str) -> Rows:
    """Return the rows with cells of the latest row replaced."""
    place = place_of(feed, rows)
    named = {header_of(feed, column): value for column, value in cells.items()}
    return [{**row, **named} if at == place else row for at, row in enumerate(rows)]


def without(feed: str) -> Callable[[Rows], Rows]:
    """Return the function that removes the latest row."""

    def remove(rows: Rows) -> Rows:
        place = place_of(feed, rows)
        return [row for at, row in enumerate(rows) if at != place]

    return remove


def has_value(feed: str, *columns: str) -> Callable[[Rows], bool]:
    """Return the condition that the latest row has a value in some columns."""
    headers = [header_of(feed, column) for column in columns]

    def suits(rows: Rows) -> bool:
        return bool(rows) and all(rows[place_of(feed, rows)][header] for header in headers)

    return suits


def of_cells(kind: str, feed: str, column: str, values: Iterable[str], expected: Expected, reason: str) -> list[Damage]:
    """Return a damage for each value that is written in a column of the person's latest row."""
    return [_of_cell(kind, feed, column, value, expected, reason) for value in values]


def _of_cell(kind: str, feed: str, column: str, value: str, expected: Expected, reason: str) -> Damage:
    means = {Expected.SET_ASIDE: without(feed), Expected.EMPTIED: lambda rows: changed(feed, rows, **{column: ""})}
    must_have_value = expected in (Expected.EMPTIED, Expected.SET_ASIDE)
    return Damage(
        kind, repr(value), feed, column, expected, reason,
        lambda rows: [*changed(feed, rows, **{column: value})], means.get(expected, same),
        has_value(feed, column) if must_have_value else bool,
    )  # fmt: skip

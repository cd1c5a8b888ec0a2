"""Lines that are no rows and name a person, in feeds in which a row may state a death, an end or confidentiality.

Such a line is not read as a row, so it would say nothing about the person: still alive, still registered. Strata keeps the person's
identifier, and later steps read the line as one that may state what suppresses the person. Of a stay it also keeps how the stay ended,
where that field is certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from expectations.feeds import ADMISSIONS, PATIENTS, REGISTRATIONS
from expectations.identifier_text import normal_header
from expectations.row_checks import REPEATED_HEADER
from expectations.table import Table
from expectations.tables.raw_omop import DEATH, VISIT_OCCURRENCE
from pipelines.extracts.objection_lines import LineForm, identifier_of, line_form

# The feeds whose lines are watched, with the column that states a death; '' where every line may state something.
WATCHED = {
    PATIENTS.name: "",
    REGISTRATIONS.name: "",
    ADMISSIONS.name: "discharge_method",
    DEATH.feed: "",
    VISIT_OCCURRENCE.feed: "discharged_to_concept_id",
}
IN_PLACE = ("stray_quote", "unterminated_quote", "control_character", "not_utf8")  # fields before the damage are in their place
BLANKS = " \t\r\0"


@dataclass(frozen=True)
class WatchedColumns:
    """The names that the person's column and the column that states a death may have in a header."""

    person: tuple[str, ...]
    stating: tuple[str, ...]


def watched_columns(table: Table, names: Mapping[str, str]) -> WatchedColumns | None:
    """Return the watched columns of a feed, whose settings rename some; None for a feed that is not watched."""
    if table.feed not in WATCHED:
        return None

    def may_be(column: str) -> tuple[str, ...]:
        return (names[column],) if column in names else (table.column(column).source_name, column)

    stating = WATCHED[table.feed]
    return WatchedColumns(may_be(table.person), may_be(stating) if stating else ())


@dataclass
class LineWatch:
    """The lines of a file that are no rows and name a person: by number of the row, the identifier and what the line states.

    That is None where it is not known.
    """

    form: LineForm
    place: int | None  # of the column that states a death
    named: dict[int, tuple[str, str | None]] = field(default_factory=dict)

    def note(self, lines: Iterable[tuple[bytes, int]], reason: str) -> None:
        """Keep the person whom each of some numbered lines names."""
        if reason == REPEATED_HEADER:
            return
        for line, number in lines:
            text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
            if person := identifier_of(text, self.form):
                self.named[number] = (person, self._stated(text, reason))

    def _stated(self, text: str, reason: str) -> str | None:
        if self.place is None:
            return None
        fields, quote = text.split(self.form.delimiter), self.form.quote
        whole = len(fields) == self.form.fields
        before = [one.strip(BLANKS) for one in fields[: self.place + 1]]
        plain = not quote or not any(quote in one and not _is_quoted(one, quote) for one in before)
        in_place = whole or (reason in IN_PLACE and len(fields) > self.place + 1)
        if not (plain and in_place):
            return None
        stated = before[self.place].strip(quote or None).strip(BLANKS)
        return stated if stated.isascii() else None


def _is_quoted(text: str, quote: str) -> bool:
    """Return whether a field is quoted completely."""
    return len(text) > 1 and text[0] == text[-1] == quote and quote not in text[1:-1]


def line_watch(header: Sequence[str], delimiter: str, quote: str, columns: WatchedColumns | None) -> LineWatch | None:
    """Return the watch over the lines of a file; None without the person's column."""
    form = line_form(header, delimiter, quote, columns.person) if columns else None
    if columns is None or form is None:
        return None
    wanted = {normal_header(name) for name in columns.stating}
    places = [place for place, name in enumerate(header) if normal_header(name) in wanted]
    return LineWatch(form, places[0] if len(places) == 1 else None)

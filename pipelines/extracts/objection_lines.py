"""Lines of a feed of objections that are no rows: read in full where only one reading is possible, else for the person they name.

An objection must not be lost with its line. A line that is complete apart from empty fields at its end, or carriage returns, is
read. Of any other line the person's identifier is kept, and the row rules read the rest, which is then empty, as an objection. A line
that may hold several rows names people whom Strata does not know.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from expectations.identifier_text import normal_header
from expectations.row_checks import FIELDS_MISSING, IDENTIFIER_KEPT, STRAY_RETURN, TRAILING_DELIMITER

DOUBTFUL = ("inside_quote", "unterminated_quote")  # may be the text of another line: such a line withdraws nothing
NO_BREAK_SPACE = "\udca0"  # the byte of a no-break space in Windows encodings, as surrogateescape reads it
LONGEST_IDENTIFIER = 200


@dataclass(frozen=True)
class LineForm:
    """How the lines of a file are written: delimiter, quote, number of fields and the place of the person's identifier."""

    delimiter: str
    quote: str
    fields: int
    place: int


def rows_held(delimiters: int, fields: int) -> int:
    """Return how many rows of so many fields a line with so many delimiters may hold: their line ends may be lost."""
    return max(1, delimiters // (fields - 1)) if fields > 1 else 1


def line_form(header: Sequence[str], delimiter: str, quote: str, names: Sequence[str]) -> LineForm | None:
    """Return the form of the lines of a file of objections, whose person's column has one of some names; None without that column."""
    wanted = {normal_header(name) for name in names}
    places = [place for place, name in enumerate(header) if normal_header(name) in wanted]
    return LineForm(delimiter, quote, len(header), places[0]) if len(places) == 1 else None


def repaired_lines(lines: Iterable[tuple[bytes, int]], reason: str, form: LineForm | None) -> dict[int, tuple[str, bytes]]:
    """Return, by number of the row, the repairs of numbered lines that are no rows; none without a form, or of repeated headers."""
    if form is None or reason == "repeated_header":
        return {}
    repairs = {number: repaired_line(line, reason, form) for line, number in lines}
    return {number: repair for number, repair in repairs.items() if repair is not None}


def repaired_line(line: bytes, reason: str, form: LineForm) -> tuple[str, bytes] | None:
    """Return the reason of the repair of a line that is no row, and the row to read in its place; None if it is not known whom it names.

    `reason` is the parsing reason of the line, one of PARSING_REASONS.
    """
    text = line.decode("utf-8", "surrogateescape").rstrip("\r\n")
    if reason not in DOUBTFUL and (complete := _complete(text, form)):
        why, fields = complete
        return (why or (STRAY_RETURN if reason == "control_character" else IDENTIFIER_KEPT)), _written(fields, form)
    identifier = identifier_of(text, form)
    if not identifier:
        return None
    return IDENTIFIER_KEPT, _written([identifier if place == form.place else "" for place in range(form.fields)], form)


def identifier_of(text: str, form: LineForm) -> str:
    """Return the identifier of the person whom a line names; '' where it is not certain, or the line may hold several rows."""
    outside = text if text.count(form.quote or "\0") % 2 else _without_quoted(text, form.quote)
    return "" if rows_held(outside.count(form.delimiter), form.fields) > 1 else _identifier(text, form)


def _without_quoted(text: str, quote: str) -> str:
    """Return a line with pairs of quotes without what is between them."""
    return "".join(text.split(quote)[::2]) if quote else text


def _complete(text: str, form: LineForm) -> tuple[str, list[str]] | None:
    """Return the fields of a line that has one reading, and what was repaired in it; None for any other line."""
    if not _is_plain(text):
        return None
    fields = _parsed(text, form)
    if fields is None:
        return None
    extra, missing = len(fields) - form.fields, form.fields - len(fields)
    if extra > 0 and not any(_without_blanks(field) for field in fields[form.fields :]):
        return TRAILING_DELIMITER, fields[: form.fields]
    if missing > 0 and form.place == 0 and len(fields) > 1:
        return FIELDS_MISSING, [*fields, *[""] * missing]
    return ("", fields) if not extra else None


def _parsed(text: str, form: LineForm) -> list[str] | None:
    """Return the fields of a line; None where a quote is not one that opens or closes a field."""
    if not form.quote or form.quote not in text:
        return text.split(form.delimiter)
    try:
        fields = next(csv.reader([text], delimiter=form.delimiter, quotechar=form.quote, strict=True))
    except (csv.Error, StopIteration):
        return None
    return None if any(form.quote in field for field in fields) else fields


def _identifier(text: str, form: LineForm) -> str:
    """Return the identifier of a line, without quotes and control characters; '' where it is not certain.

    An identifier that no delimiter ends may be cut. One after a field that is quoted, or on a line with too few fields, may be in
    another place.
    """
    fields = text.split(form.delimiter)
    before = fields[: form.place]
    if len(fields) < 2 or (form.place and (len(fields) < form.fields or any(form.quote and form.quote in one for one in before))):
        return ""
    found = fields[form.place].replace(NO_BREAK_SPACE, " ")
    kept = found.replace(form.quote, "") if form.quote else found
    kept = "".join(letter for letter in kept if unicodedata.category(letter) not in ("Cc", "Cf")).strip()
    return kept if _is_plain(kept) and len(kept) <= LONGEST_IDENTIFIER else ""


def _is_plain(text: str) -> bool:
    """Return whether a text was decoded and has no control character other than a tab."""
    return not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text if letter != "\t")


def _without_blanks(text: str) -> str:
    return "".join(letter for letter in text if unicodedata.category(letter) not in ("Zs", "Cf")).strip()


def _written(fields: list[str], form: LineForm) -> bytes:
    """Return a row as bytes that a strict parser reads."""
    if not form.quote:
        return form.delimiter.join(fields).encode()
    target = io.StringIO()
    csv.writer(target, delimiter=form.delimiter, quotechar=form.quote, lineterminator="", quoting=csv.QUOTE_MINIMAL).writerow(
        fields
    )
    return target.getvalue().encode() or (form.quote * 2).encode()

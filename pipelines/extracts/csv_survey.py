"""The survey of a CSV file before it is parsed: which lines are rows, and what is wrong with the others.

Each line should be a row with the fields of the header. A line that is not (a field too many, bytes that are not UTF-8, an
unclosed quote) is recorded with its number and reason. The other rows can then be read strictly.
"""

from __future__ import annotations

import codecs
import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from expectations.row_checks import PARSING_REASONS
from pipelines.errors import ExtractError
from pipelines.extracts.file_blocks import read_blocks

LONGEST_ROW_BYTES = 1_000_000
LONGEST_LINE_BYTES = 64 << 20
BYTE_ORDER_MARK = codecs.BOM_UTF8
NEW_LINE, RETURN = 10, 13
DELIMITERS = (",", "|", "\t", ";")
MOST_TRAILING = 8  # empty fields after those of the header that are removed from a line

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Layout:
    """How a file writes its fields; an empty delimiter is detected in the header."""

    delimiter: str = ""
    quote: str = '"'
    encoding: str = "utf-8"


@dataclass
class Survey:
    """The content of a file: its header, its lines after it, and the numbers of lines that are no rows (the first is 1)."""

    header: tuple[str, ...]
    delimiter: str
    lines: int = 0
    lines_with_return: int = 0  # the header among them
    blank: list[Numbers] = field(default_factory=list)
    unreadable: dict[str, list[Numbers]] = field(default_factory=dict)
    last_text: int = 0  # number of the last line that is not blank
    trailing: dict[int, int] = field(
        default_factory=dict
    )  # line -> its empty fields beyond those of the header, which are removed

    def numbers(self, reason: str) -> Numbers:
        return np.concatenate(self.unreadable.get(reason, [np.empty(0, np.int64)]))

    @property
    def unreadable_rows(self) -> int:
        return sum(part.size for parts in self.unreadable.values() for part in parts)

    @property
    def blank_lines(self) -> Numbers:
        return np.concatenate([*self.blank, np.empty(0, np.int64)])

    @property
    def no_rows(self) -> Numbers:
        """Return the sorted numbers of every line that is blank or unreadable."""
        parts = [part for reason in self.unreadable for part in self.unreadable[reason]]
        return np.sort(np.concatenate([*parts, *self.blank, np.empty(0, np.int64)]))

    @property
    def rows(self) -> int:
        return self.lines - self.no_rows.size

    @property
    def mixed_line_ends(self) -> bool:
        return 0 < self.lines_with_return < self.lines + 1

    @property
    def as_it_stands(self) -> bool:
        """Return whether a strict parser can read the file unchanged; blank lines at its end do not matter."""
        return (
            not self.unreadable_rows
            and not self.trailing
            and not self.mixed_line_ends
            and not np.any(self.blank_lines < self.last_text)
        )


def read_lines(file: Path, encoding: str) -> Iterator[bytes]:
    """Yield the text of a file as UTF-8, in chunks of complete lines that end in a line feed, without a byte order mark."""
    carried, first, ending = b"", True, b"\n"
    for block in _as_utf8(file, encoding):
        data = carried + block
        if first and len(data) >= len(BYTE_ORDER_MARK):
            data, first = data.removeprefix(BYTE_ORDER_MARK), False
        end = data.rfind(b"\n") + 1
        if end:
            ending = b"\r\n" if data[:end].endswith(b"\r\n") else b"\n"
            yield data[:end]
        carried = data[end:]
        if len(carried) > LONGEST_LINE_BYTES:
            raise ExtractError(
                f"{file.name}: {len(carried) >> 20} MB without a line end; this is not a CSV file. Have it sent again"
            )
    if carried:
        yield carried + ending


def _as_utf8(file: Path, encoding: str) -> Iterator[bytes]:
    if encoding == "utf-8":
        yield from read_blocks(file)
        return
    # A byte that is not in the encoding stays unchanged and is later reported as not_utf8, row by row.
    decoder = codecs.getincrementaldecoder(encoding)("strict" if encoding == "utf-16" else "surrogateescape")
    try:
        for block in read_blocks(file):
            yield decoder.decode(block).encode("utf-8", "surrogateescape")
    except UnicodeError:
        raise ExtractError(f"{file.name}: not written in {encoding}; set the feed's `encoding`") from None


def survey_csv(file: Path, layout: Layout, count_fields: bool = True) -> Survey:
    """Read a CSV file once and return which of its lines are rows; an ExtractError names a file without a usable header.

    Without `count_fields` plain text is assumed to have a field for each header on every line. A strict parser refuses the file
    if it has not.
    """
    chunks = read_lines(file, layout.encoding)
    first = next(chunks, b"")
    heading, _, rest = first.partition(b"\n")
    plain_heading = heading.removesuffix(b"\r")
    survey = _read_header(file, plain_heading, layout)
    survey.lines_with_return = int(plain_heading != heading)
    for chunk in itertools.chain([rest] if rest else [], chunks):
        _survey_chunk(survey, chunk, plain_heading, layout.quote, count_fields)
    return survey


def _read_header(file: Path, heading: bytes, layout: Layout) -> Survey:
    if not heading.strip():
        raise ExtractError(
            f"{file.name}: the file or its first line is empty; its first line must be a header with the names of the columns"
        )
    if b"\0" in heading or b"\r" in heading:
        raise ExtractError(
            f"{file.name}: the header has a control character: a UTF-16 file (set `encoding`), one with old Macintosh line ends, or no text at all"
        )
    try:
        text = heading.decode("utf-8")
    except UnicodeDecodeError:
        raise ExtractError(f"{file.name}: the header is not UTF-8; set the feed's `encoding`") from None
    delimiter = layout.delimiter or max(DELIMITERS, key=text.count)
    quoting = {"quotechar": layout.quote} if layout.quote else {"quoting": csv.QUOTE_NONE}
    names = next(csv.reader([text], delimiter=delimiter, **quoting))  # type: ignore[arg-type]
    return Survey(tuple(name.strip() for name in names), delimiter)


def _survey_chunk(survey: Survey, chunk: bytes, heading: bytes, quote: str, count_fields: bool) -> None:
    text = np.frombuffer(chunk, np.uint8)
    fields, delimiter = len(survey.header), ord(survey.delimiter)
    mark = ord(quote) if quote and quote.encode() in chunk else 0
    returns = chunk.count(b"\r")
    ends = np.flatnonzero(text == NEW_LINE)
    paired = int((text[ends[ends > 0] - 1] == RETURN).sum()) if returns else 0
    survey.lines_with_return += paired
    plain = not returns - paired and not mark and b"\0" not in chunk and chunk.isascii() and heading not in chunk
    if not (plain and _no_odd_length(ends) and (not count_fields or _every_line_has(text, ends, delimiter, fields))):
        _examine(survey, chunk, text, ends, heading, mark)
    else:
        survey.last_text = survey.lines + ends.size
    survey.lines += ends.size


def _no_odd_length(ends: Numbers) -> bool:
    """Return whether no line is blank or too long."""
    lengths = np.diff(ends, prepend=-1)
    return bool(lengths.min() > 2 and lengths.max() <= LONGEST_ROW_BYTES)


def _every_line_has(text: NDArray[np.uint8], ends: Numbers, delimiter: int, fields: int) -> bool:
    """Return whether every line has as many fields as the header."""
    marks = text[np.flatnonzero((text == delimiter) | (text == NEW_LINE))]
    return marks.size == ends.size * fields and bool((marks.reshape(-1, fields)[:, -1] == NEW_LINE).all())


def _examine(survey: Survey, chunk: bytes, text: NDArray[np.uint8], ends: Numbers, heading: bytes, mark: int) -> None:
    starts = np.concatenate([[0], ends[:-1] + 1])
    returned = (ends > starts) & (text[np.maximum(ends - 1, 0)] == RETURN)
    lengths = ends - starts - returned
    counts, extra = _field_counts(text, ends, ord(survey.delimiter), mark, len(survey.header))
    trailing = _trailing_delimiters(text, starts + lengths, extra, ord(survey.delimiter))
    counts["too_many_fields"] &= ~trailing
    found: dict[str, Mask] = {
        "control_character": _control_characters(text, ends, returned),
        "not_utf8": _undecodable(chunk, text, starts, ends),
        "row_too_long": lengths > LONGEST_ROW_BYTES,
        "repeated_header": _equal_to(chunk, starts, lengths, heading),
        **counts,
    }
    blank = lengths == 0
    left = ~blank
    if left.any():
        survey.last_text = survey.lines + int(np.flatnonzero(left)[-1]) + 1
    survey.blank.append(np.flatnonzero(blank) + survey.lines + 1)
    for reason in PARSING_REASONS:  # in this order: a line has one reason
        hit = found[reason] & left
        if hit.any():
            survey.unreadable.setdefault(reason, []).append(np.flatnonzero(hit) + survey.lines + 1)
            left &= ~hit
    rows = np.flatnonzero(trailing & left)
    survey.trailing.update(zip((rows + survey.lines + 1).tolist(), extra[rows].tolist(), strict=True))


def _trailing_delimiters(text: NDArray[np.uint8], stops: Numbers, extra: Numbers, delimiter: int) -> Mask:
    """Return a mask of the lines whose fields beyond those of the header are all empty: delimiters at the end of the line."""
    trailing = (extra > 0) & (extra <= MOST_TRAILING)
    for back in range(1, MOST_TRAILING + 1):
        trailing &= (extra < back) | (text[np.maximum(stops - back, 0)] == delimiter)
    return trailing


def _control_characters(text: NDArray[np.uint8], ends: Numbers, returned: Mask) -> Mask:
    """Return a mask of the lines with a NUL, or with a carriage return that does not end a line."""
    bad = (text == 0) | (text == RETURN)
    bad[ends[returned] - 1] = False
    return _lines_of(np.flatnonzero(bad), ends)


def _undecodable(chunk: bytes, text: NDArray[np.uint8], starts: Numbers, ends: Numbers) -> Mask:
    bad = np.zeros(ends.size, np.bool_)
    if chunk.isascii():
        return bad
    for line in np.unique(np.searchsorted(ends, np.flatnonzero(text >= 128))):
        try:
            chunk[starts[line] : ends[line]].decode("utf-8")
        except UnicodeDecodeError:
            bad[line] = True
    return bad


def _equal_to(chunk: bytes, starts: Numbers, lengths: Numbers, heading: bytes) -> Mask:
    same = lengths == len(heading)
    for line in np.flatnonzero(same) if heading in chunk else ():
        same[line] = chunk[starts[line] : starts[line] + lengths[line]] == heading
    return same if heading in chunk else np.zeros(lengths.size, np.bool_)


def _field_counts(
    text: NDArray[np.uint8], ends: Numbers, delimiter: int, mark: int, fields: int
) -> tuple[dict[str, Mask], Numbers]:
    """Count the fields of each line outside quotes, and check its quotes: a field is quoted completely or not at all.

    The second result is the number of fields of each line beyond those of the header.
    """
    is_mark = (text == delimiter) | (text == NEW_LINE)
    places = np.flatnonzero(is_mark | (text == mark) if mark else is_mark)
    kinds = text[places]
    line = np.cumsum(kinds == NEW_LINE) - (kinds == NEW_LINE)
    quotes = np.cumsum(kinds == mark) if mark else np.zeros(kinds.size, np.int64)
    total = quotes[kinds == NEW_LINE]
    before = np.concatenate([[0], total[:-1]])
    inside = ((quotes - (kinds == mark) - before[line]) & 1).astype(bool)
    count = np.bincount(line[(kinds == delimiter) & ~inside], minlength=ends.size) + 1
    stray = np.zeros(ends.size, np.bool_)
    if mark:
        quoted = kinds == mark
        edges = (delimiter, NEW_LINE, RETURN, mark)
        opening, closing = places[quoted & ~inside], places[quoted & inside]
        led = np.where(opening > 0, text[np.maximum(opening - 1, 0)], NEW_LINE)
        followed = text[np.minimum(closing + 1, text.size - 1)]
        stray = _lines_of(np.concatenate([opening[~np.isin(led, edges)], closing[~np.isin(followed, edges)]]), ends)
    return {
        "unterminated_quote": ((total - before) & 1).astype(bool),
        "stray_quote": stray,
        "too_many_fields": count > fields,
        "too_few_fields": count < fields,
    }, count - fields


def _lines_of(places: Numbers, ends: Numbers) -> Mask:
    marked = np.zeros(ends.size, np.bool_)
    marked[np.searchsorted(ends, places)] = True
    return marked


def write_clean(file: Path, layout: Layout, survey: Survey, target: IO[bytes]) -> None:
    """Copy a file so that a strict parser reads it: with line feeds only, and an empty row for a line that is no row."""
    placeholder = b'""' + survey.delimiter.encode() * (len(survey.header) - 1)
    no_rows, trailing = survey.no_rows, np.array(sorted(survey.trailing), np.int64)
    number = 0  # the header's
    for chunk in read_lines(file, layout.encoding):
        lines = chunk.count(b"\n")
        here = no_rows[np.searchsorted(no_rows, number) : np.searchsorted(no_rows, number + lines)] - number
        longer = trailing[np.searchsorted(trailing, number) : np.searchsorted(trailing, number + lines)] - number
        if here.size or longer.size:
            rows = chunk.split(b"\n")
            for line in longer:
                rows[line] = rows[line].removesuffix(b"\r")[: -survey.trailing[int(line) + number]]
            for line in here:
                rows[line] = placeholder
            chunk = b"\n".join(rows)
        target.write(chunk.replace(b"\r\n", b"\n"))
        number += lines
    target.flush()

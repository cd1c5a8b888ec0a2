"""The survey of a CSV file before it is parsed: which lines are rows, and what is wrong with the others.

Each line should be a row with the fields of the header, or, with line breaks in quoted text, several lines together
(`csv_quotes.py`). A line that is not (a field too many, bytes that are not UTF-8, an unclosed quote) is recorded with its number
and reason. The other rows can then be read strictly. A row's number counts rows and lines that are no rows: without line breaks
in text it is the number of the line.
"""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from expectations.identifier_text import normal_header
from expectations.row_checks import PARSING_REASONS, TRAILING_DELIMITER
from pipelines.errors import ExtractError
from pipelines.extracts.csv_quotes import NEW_LINE, RETURN, Joined, Lines, Mask, Numbers, join_lines
from pipelines.extracts.csv_text import ends_in_returns, plain_formulas, read_lines
from pipelines.extracts.file_blocks import HeldFile
from pipelines.extracts.objection_lines import LineForm, line_form, repaired_lines, rows_held
from pipelines.extracts.watched_lines import LineWatch, WatchedColumns, line_watch

LONGEST_ROW_BYTES = 1_000_000
MOST_HEADER_LINES = 100
DELIMITERS = (",", "|", "\t", ";")
MOST_TRAILING = 8  # empty fields after those of the header that are removed from a line


@dataclass(frozen=True)
class Layout:
    """How a file writes its fields; an empty delimiter is detected in the header.

    `unbroken` are the names in the header, in plain form (`normal_header`), of columns whose fields have no line breaks.
    `identifier` has the names that the column of the person's identifier may have, in a file of objections: its lines that are no
    rows are repaired. Without one, they are no rows. `watched` has the columns of a feed whose lines may state a death or an end.
    """

    delimiter: str = ""
    quote: str = '"'
    encoding: str = "utf-8"
    unbroken: frozenset[str] = frozenset()
    identifier: tuple[str, ...] = ()
    watched: WatchedColumns | None = None


@dataclass
class Survey:
    """The content of a file: its header, its rows after it, and the numbers of those that are no rows (the first is 1)."""

    header: tuple[str, ...]
    delimiter: str
    may_break: Mask | None = None  # which fields may have line breaks; None for all
    heading: bytes = b""  # the header as one line
    header_lines: int = 1
    lines: int = 0  # after the header
    numbered: int = 0  # rows, and lines that are no rows
    lines_with_return: int = 0  # the header among them
    ends_in_returns: bool = False  # old Macintosh line ends
    return_in_text: bool = False
    formulas: bool = False  # fields such as ="0123"
    joined: list[Numbers] = field(default_factory=list)  # numbers of the lines that continue a row
    blank: list[Numbers] = field(default_factory=list)
    unreadable: dict[str, list[Numbers]] = field(default_factory=dict)
    hidden: int = 0  # further rows that unreadable lines may hold, beyond one for each: their line ends are lost
    last_text: int = 0  # number of the last row that is not blank
    trailing: dict[int, int] = field(
        default_factory=dict
    )  # row -> its empty fields beyond those of the header, which are removed
    form: LineForm | None = None  # of a file of objections
    watch: LineWatch | None = None  # of a file whose lines may state a death or an end
    replaced: dict[int, tuple[str, bytes]] = field(default_factory=dict)  # row -> why, and what is read in place of its line

    def numbers(self, reason: str) -> Numbers:
        return np.concatenate(self.unreadable.get(reason, [np.empty(0, np.int64)]))

    @property
    def unreadable_rows(self) -> int:
        return sum(part.size for parts in self.unreadable.values() for part in parts)

    @property
    def repaired(self) -> dict[str, Numbers]:
        """Return the numbers of the rows that are read after a repair of their line, by reason."""
        found: dict[str, list[int]] = {TRAILING_DELIMITER: list(self.trailing)} if self.trailing else {}
        for number, (reason, _) in self.replaced.items():
            found.setdefault(reason, []).append(number)
        return {reason: np.array(sorted(numbers), np.int64) for reason, numbers in found.items()}

    @property
    def blank_lines(self) -> Numbers:
        return np.concatenate([*self.blank, np.empty(0, np.int64)])

    @property
    def no_rows(self) -> Numbers:
        """Return the sorted numbers of everything that is blank or unreadable."""
        parts = [part for reason in self.unreadable for part in self.unreadable[reason]]
        return np.sort(np.concatenate([*parts, *self.blank, np.empty(0, np.int64)]))

    @property
    def rows(self) -> int:
        return self.numbered - self.no_rows.size

    @property
    def mixed_line_ends(self) -> bool:
        return 0 < self.lines_with_return < self.lines + self.header_lines

    @property
    def has_breaks(self) -> bool:
        """Return whether a text has line breaks."""
        return self.return_in_text or any(part.size for part in self.joined)

    @property
    def as_it_stands(self) -> bool:
        """Return whether a strict parser can read the file unchanged; blank lines at its end do not matter."""
        rewritten = self.ends_in_returns or self.header_lines > 1 or self.has_breaks or self.mixed_line_ends
        rewritten = rewritten or self.formulas or bool(self.trailing) or bool(self.replaced)
        return not self.unreadable_rows and not rewritten and not np.any(self.blank_lines < self.last_text)

    def lines_of(self, numbers: Numbers) -> tuple[Numbers, Numbers]:
        """Return the line on which each of some rows begins, and the other lines of these rows."""
        joined = np.concatenate([*self.joined, np.empty(0, np.int64)])
        rows = joined - np.arange(1, joined.size + 1)
        return numbers + np.searchsorted(rows, numbers), joined[np.isin(rows, numbers)]


def survey_csv(file: Path | HeldFile, layout: Layout, count_fields: bool = True) -> Survey:
    """Read a CSV file once and return which of its lines are rows; an ExtractError names a file without a usable header.

    Without `count_fields` plain text is assumed to have a field for each header on every line. A strict parser refuses the file
    if it has not.
    """
    returns = ends_in_returns(file, layout.encoding)
    chunks = read_lines(file, layout.encoding, returns)
    survey, rest = _read_header(file, next(chunks, b""), layout)
    survey.ends_in_returns = returns
    left = b""  # lines of the end of a chunk that may belong to a row of the next
    for chunk in itertools.chain([rest] if rest else [], chunks):
        plain = plain_formulas(chunk, survey.delimiter, layout.quote)
        survey.formulas |= plain is not chunk
        chunk = left + plain if left else plain
        left = chunk[_survey_chunk(survey, chunk, layout.quote, count_fields, final=False) :]
    if left:
        _survey_chunk(survey, left, layout.quote, count_fields, final=True)
    return survey


def _read_header(file: Path | HeldFile, first: bytes, layout: Layout) -> tuple[Survey, bytes]:
    """Return a survey that has read the header of a file, and the rest of its first chunk. A name may have line breaks."""
    mark = layout.quote.encode()
    heading, rest, lines = _heading(first, mark)
    plain = heading.removesuffix(b"\r")
    text = _header_text(file.name, plain, mark)
    delimiter = layout.delimiter or max(DELIMITERS, key=text.count)
    quoting = {"quotechar": layout.quote} if layout.quote else {"quoting": csv.QUOTE_NONE}
    names = next(csv.reader([text], delimiter=delimiter, **quoting))  # type: ignore[arg-type]
    header = tuple(name.strip() for name in names)
    may_break = np.array([normal_header(name) not in layout.unbroken for name in header]) if layout.unbroken else None
    survey = Survey(header, delimiter, may_break, plain, lines)
    survey.lines_with_return = lines if plain != heading else 0
    survey.form = line_form(survey.header, delimiter, layout.quote, layout.identifier)
    survey.watch = line_watch(survey.header, delimiter, layout.quote, layout.watched)
    return survey, rest


def _heading(first: bytes, mark: bytes) -> tuple[bytes, bytes, int]:
    """Return the header of a file's first chunk as one line, the rest of the chunk, and the number of lines of the header."""
    heading, _, rest = first.partition(b"\n")
    lines = 1
    while mark and heading.count(mark) % 2 and rest and lines < MOST_HEADER_LINES:
        more, _, rest = rest.partition(b"\n")
        heading, lines = heading.removesuffix(b"\r") + b" " + more, lines + 1
    return heading, rest, lines


def _header_text(file_name: str, plain: bytes, mark: bytes) -> str:
    """Return a header as text; an ExtractError names what makes it unusable."""
    if not plain.strip():
        raise ExtractError(
            f"{file_name}: the file or its first line is empty; its first line must be a header with the names of the columns"
        )
    if mark and plain.count(mark) % 2:
        raise ExtractError(f"{file_name}: a quote opens in the header and does not close; correct the header, or set `quote`")
    if b"\0" in plain or b"\r" in plain:
        raise ExtractError(
            f"{file_name}: the header has a control character: a UTF-16 file (set `encoding`), one with line ends of two kinds, or no text at all"
        )
    try:
        return plain.decode("utf-8")
    except UnicodeDecodeError:
        raise ExtractError(f"{file_name}: the header is not UTF-8; set the feed's `encoding`") from None


def _survey_chunk(survey: Survey, chunk: bytes, quote: str, count_fields: bool, final: bool) -> int:
    """Survey the lines of a chunk and return how many bytes of it are settled."""
    text = np.frombuffer(chunk, np.uint8)
    mark = ord(quote) if quote and quote.encode() in chunk else 0
    returns = chunk.count(b"\r")
    ends = np.flatnonzero(text == NEW_LINE)
    paired = int((text[ends[ends > 0] - 1] == RETURN).sum()) if returns else 0
    plain = returns == paired and not mark and _is_plain(chunk, survey.heading)
    fields, delimiter = len(survey.header), ord(survey.delimiter)
    if plain and _no_odd_length(ends) and (not count_fields or _every_line_has(text, ends, delimiter, fields)):
        survey.lines_with_return += paired
        survey.lines += ends.size
        survey.numbered += ends.size
        survey.last_text = survey.numbered
        return len(chunk)
    return _examine(survey, chunk, text, ends, mark, final)


def _is_plain(chunk: bytes, heading: bytes) -> bool:
    """Return whether a chunk has neither control characters, nor others than ASCII, nor the header again."""
    return b"\0" not in chunk and chunk.isascii() and heading not in chunk


def _no_odd_length(ends: Numbers) -> bool:
    """Return whether no line is blank or too long."""
    lengths = np.diff(ends, prepend=-1)
    return bool(lengths.min() > 2 and lengths.max() <= LONGEST_ROW_BYTES)


def _every_line_has(text: NDArray[np.uint8], ends: Numbers, delimiter: int, fields: int) -> bool:
    """Return whether every line has as many fields as the header."""
    marks = text[np.flatnonzero((text == delimiter) | (text == NEW_LINE))]
    return marks.size == ends.size * fields and bool((marks.reshape(-1, fields)[:, -1] == NEW_LINE).all())


def _examine(survey: Survey, chunk: bytes, text: NDArray[np.uint8], ends: Numbers, mark: int, final: bool) -> int:
    starts = np.concatenate([[0], ends[:-1] + 1])
    returned = (ends > starts) & (text[np.maximum(ends - 1, 0)] == RETURN)
    lengths = ends - starts - returned
    lines = Lines(text, starts, ends, ord(survey.delimiter), mark, len(survey.header), survey.may_break)
    fields, stray, blank = lines.delimiters(inside=False) + 1, lines.stray(inside=False), lengths == 0
    extra = fields - lines.fields
    trailing = _trailing_delimiters(text, starts + lengths, extra, lines.delimiter) & ~lines.odd
    lone_returns = _lone_returns(text, ends[returned])
    controls = _control_characters(text, lone_returns, lines)
    found: dict[str, Mask] = {
        "control_character": controls[False],
        "not_utf8": _undecodable(chunk, text, starts, ends),
        "row_too_long": lengths > LONGEST_ROW_BYTES,
        "repeated_header": _equal_to(chunk, starts, lengths, survey.heading),
        "unterminated_quote": lines.odd,
        "stray_quote": stray,
        "too_many_fields": (extra > 0) & ~trailing,
        "too_few_fields": extra < 0,
    }
    settled, begins = ends.size, np.ones(ends.size, np.bool_)
    if bool((lines.odd | stray).any()):
        joined = join_lines(lines, blank, stray, final)
        settled, begins = joined.settled, ~joined.continued
        found = _of_rows(found, joined, controls[True]) | {"inside_quote": joined.doubtful & ~blank}
        survey.joined.append(np.flatnonzero(joined.continued[:settled]) + survey.lines + 1)
    here = np.flatnonzero(begins[:settled])
    survey.return_in_text |= bool(lone_returns.size)
    numbers = survey.numbered + 1 + np.arange(here.size)
    left = ~blank[here]
    if left.any():
        survey.last_text = int(numbers[left][-1])
    survey.blank.append(numbers[~left])
    for reason in PARSING_REASONS:  # in this order: a row has one reason
        hit = found[reason][here] & left if reason in found else np.zeros(here.size, np.bool_)
        if hit.any():
            left &= ~hit
            found_lines = (
                [(chunk[starts[line] : ends[line]], int(number)) for line, number in zip(here[hit], numbers[hit], strict=True)]
                if survey.form or survey.watch
                else []
            )
            repaired = repaired_lines(found_lines, reason, survey.form)
            if survey.watch:
                survey.watch.note(found_lines, reason)
            survey.replaced.update(repaired)
            hit &= ~np.isin(numbers, list(repaired))
            if hit.any():
                survey.unreadable.setdefault(reason, []).append(numbers[hit])
                held = (
                    fields - 1 + np.where(lines.odd, lines.delimiters(inside=True), 0)
                )  # where a quote is wrong, all delimiters count
                survey.hidden += sum(rows_held(int(delimiters), lines.fields) - 1 for delimiters in held[here[hit]])
    rows = here[trailing[here] & left & np.append(begins[1:], True)[here]]  # rows of one line
    survey.trailing.update(zip(numbers[np.searchsorted(here, rows)].tolist(), extra[rows].tolist(), strict=True))
    survey.lines_with_return += int(returned[:settled].sum())
    survey.lines += settled
    survey.numbered += here.size
    return int(starts[settled]) if settled < ends.size else len(text)


def _trailing_delimiters(text: NDArray[np.uint8], stops: Numbers, extra: Numbers, delimiter: int) -> Mask:
    """Return a mask of the lines whose fields beyond those of the header are all empty: delimiters at the end of the line."""
    trailing = (extra > 0) & (extra <= MOST_TRAILING)
    for back in range(1, MOST_TRAILING + 1):
        trailing &= (extra < back) | (text[np.maximum(stops - back, 0)] == delimiter)
    return trailing


def _of_rows(found: dict[str, Mask], joined: Joined, control_inside: Mask) -> dict[str, Mask]:
    """Return the reasons of lines as those of the rows that they are joined to, on the first line of each row."""
    first = np.flatnonzero(~joined.continued)
    many = np.concatenate([joined.continued[1:], [False]]) & ~joined.continued  # rows of several lines
    controls = np.where(joined.continued, control_inside, found["control_character"])
    of_any_line = {"control_character": controls, "not_utf8": found["not_utf8"]}
    rows = {reason: mask & ~many for reason, mask in found.items() if reason not in of_any_line}
    for reason, mask in of_any_line.items():
        rows[reason] = np.zeros(mask.size, np.bool_)
        rows[reason][first] = np.logical_or.reduceat(mask, first)
    return rows


def _lone_returns(text: NDArray[np.uint8], ends_of_two: Numbers) -> Numbers:
    """Return the places of the carriage returns that end no line."""
    returns = np.flatnonzero(text == RETURN)
    return returns if returns.size == ends_of_two.size == 0 else np.setdiff1d(returns, ends_of_two - 1, assume_unique=True)


def _control_characters(text: NDArray[np.uint8], lone_returns: Numbers, lines: Lines) -> dict[bool, Mask]:
    """Return masks of the lines with a NUL, or with a carriage return that ends no line and is in no quoted text.

    The first mask is of lines that begin outside a quoted text, the second of those that begin inside one.
    """
    nul = lines.having(np.flatnonzero(text == 0))
    if not lone_returns.size:
        return {False: nul, True: nul}
    quoted = lines.after_odd_quotes(lone_returns)
    return {False: nul | lines.having(lone_returns[~quoted]), True: nul | lines.having(lone_returns[quoted])}


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

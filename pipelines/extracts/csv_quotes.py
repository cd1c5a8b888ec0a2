"""Quotes in a CSV file: which are stray, which lines of quoted text are one record, and which may lie inside a quote that is wrong.

A field is quoted completely or not at all: a quote elsewhere is stray (`Lines.stray`).

A quoted field may have line breaks (RFC 4180) if its column may, and it closes within MOST_LINES and MOST_BYTES into a record with as
many fields as the header. Only free text may have line breaks: a quote that opens in an identifier, code, number or date and closes
lines later would swallow the rows between. A quote that does not close so may still have been meant: then the lines that could be its
text are no rows, up to those limits. A quote that only closes, after the limits or not at the end of a field, shows that it was meant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

NEW_LINE, RETURN = 10, 13
MOST_LINES = 1_000
MOST_BYTES = 1_000_000
UNDOUBTED_ROWS = 20  # so many rows after a quote that does not close show that it opened no text
FAR_BYTES = 4 * MOST_BYTES  # so far after a quote another one may show that it opened a text longer than the limits
FEWEST_PAIRS, MOST_PAIRS = 16, 4096  # records joined at once

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """The lines of a chunk, each read as if it began outside a quoted field and as if it began inside one.

    A field is quoted completely or not at all: a quote elsewhere is stray. Every mask and count has one value for each line.
    """

    text: NDArray[np.uint8]
    starts: Numbers
    ends: Numbers  # places of the line feeds
    delimiter: int
    mark: int  # the quote; 0 without one
    fields: int  # of the header
    may_break: Mask | None = None  # which fields may have line breaks; None for all

    @cached_property
    def _places(self) -> Numbers:
        """Return the places of the delimiters, line feeds and quotes."""
        found = (self.text == self.delimiter) | (self.text == NEW_LINE)
        return np.flatnonzero(found | (self.text == self.mark) if self.mark else found)

    @cached_property
    def _kinds(self) -> NDArray[np.uint8]:
        return self.text[self._places]

    @cached_property
    def _line(self) -> Numbers:
        ends = self._kinds == NEW_LINE
        return np.cumsum(ends, dtype=np.int32) - ends

    @cached_property
    def _is_quote(self) -> Mask:
        return self._kinds == self.mark if self.mark else np.zeros(self._kinds.size, np.bool_)

    @cached_property
    def _after_odd(self) -> Mask:
        """Return which places come after an odd number of quotes of their line."""
        quotes, ends = np.cumsum(self._is_quote, dtype=np.int32), self._kinds == NEW_LINE
        before = np.concatenate([np.zeros(1, np.int32), quotes[ends][:-1]])
        return ((quotes - self._is_quote - before[self._line]) & 1).astype(bool)

    @cached_property
    def odd(self) -> Mask:
        """Return the lines with an odd number of quotes: they end inside a quoted field if they begin outside one."""
        return self._after_odd[self._kinds == NEW_LINE]

    def delimiters(self, inside: bool) -> Numbers:
        """Count the delimiters outside quotes on lines that begin inside a quoted field, or outside."""
        apart = (self._kinds == self.delimiter) & (self._after_odd if inside else ~self._after_odd)
        return np.bincount(self._line[apart], minlength=self.ends.size)

    def stray(self, inside: bool) -> Mask:
        """Return the lines with a stray quote, if they begin inside a quoted field, or outside."""
        if not self.mark:
            return np.zeros(self.ends.size, np.bool_)
        within = ~self._after_odd if inside else self._after_odd
        opening, closing = self._places[self._is_quote & ~within], self._places[self._is_quote & within]
        edges = (self.delimiter, NEW_LINE, RETURN, self.mark)
        led = np.where(opening > 0, self.text[np.maximum(opening - 1, 0)], NEW_LINE)
        followed = self.text[np.minimum(closing + 1, self.text.size - 1)]
        return self.having(np.concatenate([opening[~np.isin(led, edges)], closing[~np.isin(followed, edges)]]))

    def having(self, places: Numbers) -> Mask:
        """Return the lines that contain any of some places of the text."""
        marked = np.zeros(self.ends.size, np.bool_)
        marked[np.searchsorted(self.ends, places)] = True
        return marked

    def after_odd_quotes(self, places: Numbers) -> Mask:
        """Return which of some places of the text come after an odd number of quotes of their line."""
        quotes = self._places[self._is_quote]
        line_starts = self.starts[np.searchsorted(self.ends, places)]
        return ((np.searchsorted(quotes, places) - np.searchsorted(quotes, line_starts)) & 1).astype(bool)

    @cached_property
    def runs(self) -> tuple[Numbers, Numbers]:
        """Return the first and the last place of each run of quotes."""
        quotes = self._places[self._is_quote]
        breaks = np.flatnonzero(np.diff(quotes) != 1)
        return quotes[np.concatenate([[0], breaks + 1])], quotes[np.concatenate([breaks, [quotes.size - 1]])]


@dataclass(frozen=True)
class Joined:
    """How the lines of a chunk make records.

    `continued` lines belong to the record of the line before. `doubtful` lines may lie inside a quoted text. The lines from
    `settled` on need more of the file.
    """

    continued: Mask
    doubtful: Mask
    settled: int


def join_lines(lines: Lines, blank: Mask, stray: Mask, final: bool) -> Joined:
    """Join the lines of quoted text to records.

    `stray` has the lines with a stray quote if they begin outside a quoted field. After the last chunk of a file, which is
    `final`, there are no more lines.
    """
    return _Joiner(lines, blank, stray, final).join()


@dataclass(frozen=True)
class _Run:
    """An odd number of quotes in a row, and whether they are at the beginning and at the end of a field."""

    line: int
    begins: bool
    ends: bool


@dataclass
class _OpenText:
    """A text that a line may open, followed from quote to quote: whether it is still open, and the last line it may be on."""

    line: int
    at: int
    inside: bool = False

    @property
    def end(self) -> int | None:
        return None if self.inside and self.at == self.line else self.at

    def ended_before(self, line: int) -> bool:
        """Return whether no quote from a line on can show that the text went on."""
        return not self.inside and line > self.at and (self.at == self.line or line - self.at > UNDOUBTED_ROWS)

    def is_cut_by(self, run: _Run) -> bool:
        """Return whether quotes begin another text."""
        return run.begins and not run.ends and run.line > (self.line if self.inside else self.at)

    def follow(self, run: _Run) -> None:
        if self.inside:
            self.inside, self.at = not run.ends, run.line
        elif run.line == self.at:
            self.inside = run.begins
        elif run.ends and not run.begins:
            self.at = run.line


class _Joiner:
    """The work of `join_lines` on one chunk."""

    def __init__(self, lines: Lines, blank: Mask, stray: Mask, final: bool) -> None:
        self.lines, self.final, self.stray = lines, final, stray
        self.odd = np.flatnonzero(lines.odd)
        self.open_questions = np.flatnonzero(lines.odd | stray)  # lines that are no row by themselves
        self.stray_inside = np.concatenate([[0], np.cumsum(lines.stray(inside=True))])
        self.delimiters_inside = np.concatenate([[0], np.cumsum(lines.delimiters(inside=True))])
        self.delimiters = lines.delimiters(inside=False)
        self.prose = np.flatnonzero((self.delimiters == 0) & ~blank) if lines.fields > 1 else np.empty(0, np.int64)
        self.steps = np.zeros(lines.ends.size + 1, np.int8)  # into lines that continue a record, and out of them
        self.doubtful = np.zeros(lines.ends.size, np.bool_)

    def join(self) -> Joined:
        at, pairs, total = 0, FEWEST_PAIRS, self.lines.ends.size
        while True:
            place = np.searchsorted(self.open_questions, at)
            if place == self.open_questions.size:
                return self._joined(total)
            line = int(self.open_questions[place])
            after = self._join_pairs(line, pairs)
            if after > line:
                at, pairs = after, min(2 * pairs, MOST_PAIRS)
                continue
            last = self._last_in_doubt(line)
            if last is None:
                return self._joined(line)
            self.doubtful[line + 1 : last + 1] = True
            at, pairs = last + 1, FEWEST_PAIRS

    def _joined(self, settled: int) -> Joined:
        return Joined(np.cumsum(self.steps[:-1]) > 0, self.doubtful, settled)

    def _join_pairs(self, line: int, pairs: int) -> int:
        """Join up to so many records that begin with a line and follow each other; return the line after the last."""
        place = int(np.searchsorted(self.odd, line))
        span = self.odd[place : place + 2 * pairs]
        opening, closing = span[: span.size - span.size % 2 : 2], span[1::2]
        if not opening.size or opening[0] != line:
            return line
        good = self._are_records(opening, closing)
        if self.lines.may_break is not None:
            good &= self._break_where_they_may(opening, closing, self.lines.may_break)
        # A stray quote between two records is to be looked at before the second.
        asked = np.searchsorted(self.open_questions, opening[1:]) - np.searchsorted(self.open_questions, closing[:-1], "right")
        good[1:] &= asked == 0
        count = opening.size if good.all() else int(np.argmin(good))
        self.steps[opening[:count] + 1] += 1
        self.steps[closing[:count] + 1] -= 1
        return int(closing[count - 1]) + 1 if count else line

    def _are_records(self, opening: Numbers, closing: Numbers) -> Mask:
        """Return whether the lines from an opening one to a closing one are a record with the fields of the header."""
        fields = self.delimiters[opening] + self.delimiters_inside[closing + 1] - self.delimiters_inside[opening + 1] + 1
        stray = self.stray[opening] | (self.stray_inside[closing + 1] != self.stray_inside[opening + 1])
        size = self.lines.ends[closing] - self.lines.starts[opening]
        return (fields == self.lines.fields) & ~stray & (closing - opening <= MOST_LINES) & (size <= MOST_BYTES)

    def _break_where_they_may(self, opening: Numbers, closing: Numbers, may_break: Mask) -> Mask:
        """Return whether every line of records that is not their last ends inside a field that may have line breaks."""
        last, first = may_break.size - 1, self.delimiters[opening]
        allowed: Mask = may_break[np.minimum(first, last)]
        moved = self.delimiters_inside[closing] != self.delimiters_inside[opening + 1]
        for place in np.flatnonzero(allowed & moved):  # a line between them ends inside a later field than it begins in
            ends = np.arange(opening[place] + 1, closing[place])
            fields = first[place] + self.delimiters_inside[ends + 1] - self.delimiters_inside[opening[place] + 1]
            allowed[place] = may_break[np.minimum(fields, last)].all()
        return allowed

    def _last_in_doubt(self, line: int) -> int | None:
        """Return the last line that may lie inside a quote that a line opens: that line if there is none.

        None means that more of the file is needed. A line may lie inside if a later quote could end the text, or if a later line
        has no delimiter: it may be from a text whose last quote was lost.
        """
        total, starts = self.lines.ends.size, self.lines.starts
        last = min(line + MOST_LINES, int(np.searchsorted(starts, starts[line] + MOST_BYTES)) - 1, total - 1)
        last = max(last, line)
        closed, known = self._text_end(line, last)
        far = closed is not None and (closed == line or last - closed > UNDOUBTED_ROWS)
        cut_near_end = known < last <= known + UNDOUBTED_ROWS and (closed is None or closed <= known)
        more_to_come = last == total - 1 and not self._is_at_limit(line, last) and not self.final
        if more_to_come and (cut_near_end or (not far and known == last)):
            return None
        if closed is None and known == last and self._is_at_limit(line, last):
            closed = self._closing_far(line, last)
            if (
                closed is None
                and not self.final
                and self.lines.ends[-1] - starts[line] < FAR_BYTES
                and not self._has_odd_after(last)
            ):
                return None
        return closed if closed is not None else self._last_prose(line, known)

    def _has_odd_after(self, line: int) -> bool:
        return bool(self.odd.size and self.odd[-1] > line)

    def _closing_far(self, line: int, last: int) -> int | None:
        """Return the last line within the limits if the next odd quotes after it do not begin another text: the text of a line was longer."""
        if not self._opens(line):
            return None
        place = int(np.searchsorted(self.odd, last + 1))
        if place == self.odd.size or self.lines.starts[self.odd[place]] - self.lines.starts[line] > FAR_BYTES:
            return None
        run = self._first_run(int(self.odd[place]))
        return None if run.begins and not run.ends else last

    def _opens(self, line: int) -> bool:
        """Return whether the last odd quotes of a line begin a field."""
        firsts, finals = self.lines.runs
        here = range(*np.searchsorted(firsts, (self.lines.starts[line], self.lines.ends[line])).tolist())
        odd = [number for number in here if (finals[number] - firsts[number]) % 2 == 0]
        return any(self._run(int(firsts[number]), int(finals[number]), line).begins for number in odd)

    def _first_run(self, line: int) -> _Run:
        """Return the first odd quotes of a line that has an odd number of them."""
        firsts, finals = self.lines.runs
        run = next(
            number
            for number in range(int(np.searchsorted(firsts, self.lines.starts[line])), firsts.size)
            if (finals[number] - firsts[number]) % 2 == 0
        )
        return self._run(int(firsts[run]), int(finals[run]), line)

    def _is_at_limit(self, line: int, last: int) -> bool:
        return last - line >= MOST_LINES or self.lines.ends[last] - self.lines.starts[line] >= MOST_BYTES

    def _text_end(self, line: int, last: int) -> tuple[int | None, int]:
        """Return the line on which the text that a line opens could end, None if it does not, and the last line that matters.

        A quote at the end of a field could end a text. A quote at the beginning of one, and not at the end, begins another: then
        the text before it had ended, or never began. It went on if a line not far away has a quote that only closes. A quote at the
        end of a field that has none at its beginning, not far after a possible end, shows that the text went on.
        """
        text, (firsts, finals) = _OpenText(line, line), self.lines.runs
        for place in range(int(np.searchsorted(firsts, self.lines.starts[line])), firsts.size):
            first, final = int(firsts[place]), int(finals[place])
            here = int(np.searchsorted(self.lines.ends, first))
            if here > last or text.ended_before(here):
                break
            if (final - first) % 2:
                continue  # an even number of quotes is an empty field, or quotes in a text
            run = self._run(first, final, here)
            if text.is_cut_by(run):
                went_on_to = self._closing_after(here, last)
                return (text.end if went_on_to is None else went_on_to), here - 1
            text.follow(run)
        return text.end, last

    def _closing_after(self, line: int, last: int) -> int | None:
        """Return the next line with an odd number of quotes, if it is near and the first odd quotes only close a field; else None."""
        place = int(np.searchsorted(self.odd, line))
        if place == self.odd.size or self.odd[place] > min(last, line + UNDOUBTED_ROWS):
            return None
        closing = int(self.odd[place])
        found = self._first_run(closing)
        return closing if found.ends and not found.begins else None

    def _run(self, first: int, final: int, line: int) -> _Run:
        text, edges = self.lines.text, (self.lines.delimiter, NEW_LINE, RETURN)
        return _Run(line, first == 0 or text[first - 1] in edges, text[final + 1] in edges)

    def _last_prose(self, line: int, last: int) -> int:
        """Return the last of the lines after a quote that have no delimiter, each not far from the one before."""
        between = slice(*np.searchsorted(self.prose, (line + 1, last + 1)).tolist())
        for place in self.prose[between].tolist():
            if place - line > UNDOUBTED_ROWS:
                break
            line = place
        return line

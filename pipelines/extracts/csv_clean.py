"""A copy of a surveyed CSV file that a strict parser can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from pipelines.extracts.csv_quotes import Numbers
from pipelines.extracts.csv_survey import Layout, Survey
from pipelines.extracts.csv_text import plain_formulas, read_lines
from pipelines.extracts.file_blocks import HeldFile


@dataclass(frozen=True)
class _Changes:
    """What a strict parser reads in place of some lines. The first line after the header is 1."""

    placeholder: bytes  # an empty row
    replaced: Numbers
    texts: Mapping[int, bytes]  # of the replaced lines that are not placeholders
    removed: Numbers
    longer: Numbers
    extra: Mapping[int, int]  # the delimiters that are removed from the end of each longer line


def _rewritten(chunk: bytes, number: int, lines: int, changes: _Changes) -> bytes:
    """Return a chunk of so many lines, of which the first has a number, with its changes."""
    places = range(number, number + lines)
    longer, replaced, removed = (
        _within(changes.longer, places),
        _within(changes.replaced, places),
        _within(changes.removed, places),
    )
    if not (longer or replaced or removed):
        return chunk
    rows: list[bytes | None] = list(chunk.split(b"\n"))
    for line in longer:
        rows[line - number] = (rows[line - number] or b"").removesuffix(b"\r")[: -changes.extra[line]]
    for line in replaced:
        rows[line - number] = changes.texts.get(line, changes.placeholder)
    for line in removed:
        rows[line - number] = None
    return b"\n".join(row for row in rows if row is not None)


def _within(found: Numbers, places: range) -> list[int]:
    """Return those of some sorted line numbers that are in a range."""
    numbers: list[int] = found[np.searchsorted(found, places.start) : np.searchsorted(found, places.stop)].tolist()
    return numbers


def _changes(survey: Survey) -> _Changes:
    rewritten = np.union1d(survey.no_rows, np.array(list(survey.replaced), np.int64))
    replaced, removed = survey.lines_of(rewritten)
    texts = {
        line: survey.replaced[row][1]
        for line, row in zip(replaced.tolist(), rewritten.tolist(), strict=True)
        if row in survey.replaced
    }
    trailing = sorted(survey.trailing)
    longer, _ = survey.lines_of(np.array(trailing, np.int64))
    extra = {line: survey.trailing[row] for line, row in zip(longer.tolist(), trailing, strict=True)}
    placeholder = b'""' + survey.delimiter.encode() * (len(survey.header) - 1)
    return _Changes(placeholder, replaced, texts, removed, longer, extra)


def write_clean(file: Path | HeldFile, layout: Layout, survey: Survey, target: IO[bytes]) -> None:
    """Copy a file so that a strict parser reads it: with line feeds only, and an empty row for a line that is no row."""
    changes = _changes(survey)
    target.write(survey.heading + b"\n")
    number = 1 - survey.header_lines
    for chunk in read_lines(file, layout.encoding, survey.ends_in_returns):
        chunk = plain_formulas(chunk, survey.delimiter, layout.quote) if survey.formulas else chunk
        lines = chunk.count(b"\n")
        chunk = _rewritten(chunk, number, lines, changes)
        if number <= 0:
            chunk = chunk.split(b"\n", survey.header_lines)[-1]
        chunk = chunk.replace(b"\r\n", b"\n")
        target.write(chunk.replace(b"\r", b"\n") if survey.return_in_text else chunk)
        number += lines
    target.flush()

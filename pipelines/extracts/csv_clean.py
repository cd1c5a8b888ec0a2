"""A copy of a surveyed CSV file that a strict parser can read."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np

from pipelines.extracts.csv_survey import Layout, Survey
from pipelines.extracts.csv_text import read_lines
from pipelines.extracts.file_blocks import HeldFile


def write_clean(file: Path | HeldFile, layout: Layout, survey: Survey, target: IO[bytes]) -> None:
    """Copy a file so that a strict parser reads it: with line feeds only, and an empty row for a line that is no row."""
    placeholder = b'""' + survey.delimiter.encode() * (len(survey.header) - 1)
    rewritten = np.union1d(survey.no_rows, np.array(list(survey.replaced), np.int64))
    no_rows, more = survey.lines_of(rewritten)
    texts = {
        line: survey.replaced[row][1]
        for line, row in zip(no_rows.tolist(), rewritten.tolist(), strict=True)
        if row in survey.replaced
    }
    longer, _ = survey.lines_of(np.array(sorted(survey.trailing), np.int64))
    extra = {line: survey.trailing[row] for line, row in zip(longer.tolist(), sorted(survey.trailing), strict=True)}
    target.write(survey.heading + b"\n")
    number = 1 - survey.header_lines
    for chunk in read_lines(file, layout.encoding, survey.ends_in_returns):
        lines = chunk.count(b"\n")
        here, left_out, too_long = (
            found[np.searchsorted(found, number) : np.searchsorted(found, number + lines)] - number
            for found in (no_rows, more, longer)
        )
        if here.size or left_out.size or too_long.size:
            rows: list[bytes | None] = list(chunk.split(b"\n"))
            for line in too_long:
                rows[line] = (rows[line] or b"").removesuffix(b"\r")[: -extra[int(line) + number]]
            for line in here:
                rows[line] = texts.get(int(line) + number, placeholder)
            for line in left_out:
                rows[line] = None
            chunk = b"\n".join(row for row in rows if row is not None)
        if number <= 0:
            chunk = chunk.split(b"\n", survey.header_lines)[-1]
        chunk = chunk.replace(b"\r\n", b"\n")
        target.write(chunk.replace(b"\r", b"\n") if survey.return_in_text else chunk)
        number += lines
    target.flush()

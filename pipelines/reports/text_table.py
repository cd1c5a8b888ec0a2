"""Rows as a plain text table for a person at a terminal, and lines that fit its width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

Rows = Sequence[Mapping[str, object]]
WIDTH = 120


def table(rows: Rows, columns: Sequence[str]) -> Iterator[str]:
    """Lay out rows as an aligned text table, numbers to the right."""
    text = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(len(column), *(len(line[place]) for line in text)) for place, column in enumerate(columns)] if text else []
    if not text:
        yield "  none"
        return
    right = [all(_is_number(row.get(column)) for row in rows) for column in columns]
    for line in [list(columns), *text]:
        cells = (
            cell.rjust(width) if flush else cell.ljust(width) for cell, width, flush in zip(line, widths, right, strict=True)
        )
        yield "  " + "  ".join(cells).rstrip()


def fitted(lines: Iterable[str]) -> Iterator[str]:
    """Break lines that are too wide for a terminal between words, and indent what follows."""
    for line in (line for part in lines for line in part.split("\n")):
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        wide = len(line) > WIDTH
        yield (
            textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) if wide else line
        )


def _cell(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))

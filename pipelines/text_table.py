"""Rows as a plain text table for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Rows = Sequence[Mapping[str, object]]


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


def _cell(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))

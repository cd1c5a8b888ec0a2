"""Text and tables for a terminal, laid out by rich: in a log or a pipe the same, as plain text without escape codes."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from pipelines.reports.labels import label

Rows = Sequence[Mapping[str, object]]
LOG_WIDTH = 120  # where no terminal says how wide it is
NUMBER = re.compile(r"[-+−]?[\d.,]+%?|–|not shown|")


def show(content: RenderableType, stream: TextIO | None = None) -> None:
    """Print text and tables in the width of the terminal, on stdout by default; a log or a pipe gets plain text."""
    output = stream or sys.stdout
    if output.isatty():
        _console(output).print(content, crop=False)
    else:
        print(as_text(content, int(os.environ.get("COLUMNS") or LOG_WIDTH)), file=output)


def as_text(content: RenderableType, width: int = LOG_WIDTH) -> str:
    """Return text and tables as plain text of a given width."""
    stream = io.StringIO()
    _console(stream, width).print(content, crop=False)
    return "\n".join(line.rstrip() for line in stream.getvalue().rstrip("\n").split("\n"))


def _console(stream: TextIO, width: int | None = None) -> Console:
    terminal = stream.isatty()  # FORCE_COLOR and the like do not count
    colours: Literal["auto"] | None = "auto" if terminal else None
    return Console(
        file=stream, width=width, force_terminal=terminal, color_system=colours, markup=False, highlight=False, emoji=False
    )


def title(text: str) -> RenderableType:
    """Return the title of a summary."""
    return Group(Text(""), Text(text, style="bold"), Text("=" * len(text)))


def section(text: str) -> RenderableType:
    """Return the heading of a section, after an empty line."""
    return Group(Text(""), Text(text, style="bold"))


def paragraph(text: str, indent: int = 0) -> RenderableType:
    """Return text that is broken between words and indented by a number of columns."""
    return Padding(Text(text, overflow="fold"), (0, 0, 0, indent))


def item(text: str) -> RenderableType:
    """Return an item of a list, with a bullet."""
    grid = Table.grid(padding=0)
    grid.add_column(width=4, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("  -", Text(text))
    return grid


def whole_line(text: str) -> RenderableType:
    """Return text that is never broken, such as the path of a file that a person copies."""
    return Group(Text(text, no_wrap=True, overflow="ignore"))


def table(rows: Rows, columns: Mapping[str, str] | Iterable[str]) -> RenderableType:
    """Return a table of rows with numbers on the right; `columns` are keys of the rows, with or without headings."""
    headings = dict(columns) if isinstance(columns, Mapping) else {name: label(name) for name in columns}
    if not rows:
        return Padding(Text("none"), (0, 0, 0, 2))
    text = [[cell(row.get(key)) for key in headings] for row in rows]
    laid_out = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for place, heading in enumerate(headings.values()):
        numbers = all(NUMBER.fullmatch(line[place]) for line in text)
        longest_word = max(map(len, heading.split()), default=1)
        side: Literal["right", "left"] = "right" if numbers else "left"
        laid_out.add_column(heading, justify=side, overflow="fold", vertical="bottom", min_width=longest_word)
    for line in text:
        laid_out.add_row(*map(Text, line))
    return Padding(laid_out, (0, 0, 0, 2))


def cell(value: object) -> str:
    """Return a cell's text: counts with thousands separators, other numbers to three decimals, nothing for None."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: ""}[value]
    if isinstance(value, float):
        return f"{value:,.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def facts(summary: Mapping[str, object]) -> RenderableType:
    """Return a summary as one line for each fact, such as "rows removed: 12"."""
    return Group(*(paragraph(f"{name.replace('_', ' ')}: {_fact(value)}") for name, value in summary.items()))


def _fact(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_fact(part)}" for name, part in value.items()) or "none"
    if isinstance(value, (list, tuple, set)):
        return ", ".join(map(_fact, value)) or "none"
    return cell(value) or "none"

"""Problems of a reference file, each with its line and rule. A file with problems is refused, and the message lists them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from pipelines.errors import ExtractError

MOST_SHOWN = 20
HEADER_LINES = 1


class Problem(NamedTuple):
    """A rule that a line of a file breaks, and what to do about it."""

    line: int
    rule: str
    remedy: str


def line_of(row: object) -> int:
    """Return the line of a file on which a row is, by its position in the frame as it was read."""
    return int(str(row)) + 1 + HEADER_LINES


def problems_of(broken: pd.Series, rule: str, remedy: str) -> list[Problem]:
    """Return a problem for each row of which `broken` is true."""
    return [Problem(line_of(row), rule, remedy) for row in broken.index[broken.fillna(True).astype(bool)]]


def refuse(source: str, problems: Iterable[Problem]) -> None:
    """Raise ExtractError if a file has problems; the message has the line, the rule and the remedy of each."""
    found = sorted(set(problems))
    if not found:
        return
    lines = "; ".join(f"line {one.line}: {one.rule} ({one.remedy})" for one in found[:MOST_SHOWN])
    more = f"; and {len(found) - MOST_SHOWN:,} more" if len(found) > MOST_SHOWN else ""
    raise ExtractError(f"{source} is refused, and nothing is read from it. {lines}{more}")

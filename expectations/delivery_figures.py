"""What table rules read of a delivery and what they answer: the summary, its thresholds, findings and the worst figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

FEW_ROWS = 3  # up to this number of broken rows, a share is not broken, unless all rows are broken


@dataclass(frozen=True)
class Thresholds:
    """The smallest numbers of rows that allow a comparison."""

    month_rows: int = 20
    group_rows: int = 50
    lost_values: int = 20


@dataclass
class Summary:
    """The figures of a delivery that table rules check. A frame that does not apply to the feed or delivery is empty.

    * extracts: file_name, rows, set_aside, columns_missing (required columns, separated by commas), columns_gone (other columns that
      the previous delivery had), columns_silent (columns whose absence grants something), and for a feed of objections
      objections_lost (rows set aside with the person whom they name) and why (their reasons)
    * columns: column, values, outside, different, different_before
    * months: organisation, month, rows, rows_before (null where not comparable)
    * volume: month (null for the delivery as a whole), rows, rows_before, only of what both deliveries contain completely; where new
      events are counted, which vary by chance, also `rows_earlier` of so many `deliveries` before this one (0 where rows do not vary)
    * not_known: organisation, column, rows, not_known
    * lists: organisation, rows, published
    * starts: organisation, day, rows, same_day
    * lost: column, organisation ('' for the whole delivery), values, lost, values_before, lost_before, shape, files
    * filled: column, organisation ('' for the whole delivery), rows, filled, expected (as many as the same rows of the previous delivery
      would have), by_chance (how many fewer may be chance)
    * orders: file_name, column, format, values, day_first, month_first (values that show an order), unknown (none does, and none
      of the feed's history or of what is usual does either)
    """

    extracts: pd.DataFrame
    repeated_keys: int = 0
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)
    months: pd.DataFrame = field(default_factory=pd.DataFrame)
    volume: pd.DataFrame = field(default_factory=pd.DataFrame)
    not_known: pd.DataFrame = field(default_factory=pd.DataFrame)
    lists: pd.DataFrame = field(default_factory=pd.DataFrame)
    starts: pd.DataFrame = field(default_factory=pd.DataFrame)
    lost: pd.DataFrame = field(default_factory=pd.DataFrame)
    filled: pd.DataFrame = field(default_factory=pd.DataFrame)
    orders: pd.DataFrame = field(default_factory=pd.DataFrame)
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True)
class Finding:
    """One place where a rule is broken, with its figures and a message."""

    message: str
    organisation: str = ""
    month: date | None = None
    column: str = ""
    rows: int = 0
    share: float | None = None


@dataclass(frozen=True)
class Answer:
    """The result of a rule: its worst figure, its limits and every place where it is broken."""

    figure: float
    least: float | None
    most: float | None
    findings: list[Finding]


def each_row(rows: pd.DataFrame) -> Iterator[Any]:
    """Return an iterator of the rows of a frame, with the columns as attributes."""
    return iter(rows.itertuples())


def share_of(part: pd.Series, total: pd.Series) -> pd.Series:
    """Return parts as shares of totals; 0 where a total is 0."""
    return (part.astype(float) / total.astype(float).where(total.astype(float) > 0)).fillna(0.0)


def over_limit(rows: pd.DataFrame, broken: str, limit: float) -> pd.DataFrame:
    """Return the rows whose share is over the limit, without those with only a few broken rows."""
    return rows[(rows["share"] > limit) & ((rows[broken] > FEW_ROWS) | (rows[broken] == rows["rows"]))]


def at_most(shares: pd.Series, limit: float, findings: list[Finding]) -> Answer:
    """Return the answer of a rule whose shares may be at most the limit."""
    worst = max((finding.share or 0.0 for finding in findings), default=min(float(shares.max()) if len(shares) else 0.0, limit))
    return Answer(worst, None, limit, findings)


def at_least(shares: pd.Series, limit: float, findings: list[Finding]) -> Answer:
    """Return the answer of a rule whose shares must be at least the limit."""
    worst = min((finding.share or 0.0 for finding in findings), default=max(float(shares.min()) if len(shares) else 1.0, limit))
    return Answer(worst, limit, None, findings)


def day_of(value: object) -> date | None:
    """Return a value as a date, None if it is missing."""
    moment = pd.Timestamp(value)  # type: ignore[arg-type]
    return None if pd.isna(moment) else moment.date()


def month_of(value: object) -> str:
    """Return a value's month as text, '' if it is missing."""
    day = day_of(value)
    return "" if day is None else f"{day:%Y-%m}"

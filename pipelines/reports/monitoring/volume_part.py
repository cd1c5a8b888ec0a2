"""Volumes on the page: rows by feed, provider and month under disclosure control, furthest from usual first."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np

from expectations.tables.risk import VOLUMES
from models.disclosure_control import Total, shown_counts
from pipelines.lake.storage import Lake
from pipelines.reports.labels import label
from pipelines.reports.monitoring.figures import months_figure
from pipelines.reports.numbers import NOT_COMPUTED, NOT_SHOWN
from pipelines.reports.pictures import picture

MONTHS = 24
USUAL_MONTHS = 12  # before the last one
MONTHS_IN_TABLE = 6
PROVIDERS_IN_TABLE = 8
ALL = "all providers"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class FeedVolumes:
    """A feed's rows under disclosure control: of each provider and of all together, by month; NaN where not shown."""

    feed: str
    delivered: date
    months: Sequence[str]
    rows: Mapping[str, Sequence[float]]

    @property
    def name(self) -> str:
        return label(self.feed)

    @property
    def providers(self) -> list[str]:
        return [name for name in self.rows if name != ALL]

    def last(self, provider: str) -> float:
        return self.rows[provider][-1]

    def usual(self, provider: str) -> float:
        """Return the median of the months before the last one; NaN where none is shown."""
        before = [value for value in self.rows[provider][:-1][-USUAL_MONTHS:] if np.isfinite(value)]
        return float(np.median(before)) if before else float("nan")

    def share_of_usual(self, provider: str) -> float:
        usual = self.usual(provider)
        return self.last(provider) / usual if usual > 0 else float("nan")


def volume_part(lake: Lake) -> dict[str, Any]:
    """Return the drawing and tables of monitoring__volumes."""
    feeds = feed_volumes(_recent(lake))
    monthly = [feed for feed in feeds if len(feed.months) > 1]
    drawn = {feed.name: (feed.months, feed.rows[ALL]) for feed in monthly}
    by_feed = "; ".join(f"{feed.name} {_count(feed.last(ALL))} ({_share(feed.share_of_usual(ALL))} of usual)" for feed in monthly)
    about = f"Rows of each feed by month, up to the last complete month before its delivery. In that month: {by_feed}."
    return {
        "feeds": [_feed_row(feed) for feed in feeds],
        "providers": [_provider_table(feed) for feed in monthly if len(feed.providers) > 1],
        "picture": picture(months_figure(drawn), about, "volumes") if drawn else None,
    }


def feed_volumes(rows: Sequence[Row]) -> list[FeedVolumes]:
    """Return the feeds of rows of monitoring__volumes, in order of feed, under disclosure control."""
    return [_shown_volumes(feed, list(part)) for feed, part in groupby(rows, key=lambda row: str(row["feed"]))]


def _recent(lake: Lake) -> list[Row]:
    where = f"month <= extract_date AND month > extract_date - INTERVAL {MONTHS + 1} MONTH"
    columns = "feed, organisation_code, month, extract_date, rows"
    return lake.read_or_empty(VOLUMES, columns, where, "feed, organisation_code, month").to_pylist()


def _shown_volumes(feed: str, rows: Sequence[Row]) -> FeedVolumes:
    complete = _complete_months(rows)
    providers = sorted({row["organisation_code"] for row in complete})
    months = sorted({_month(row) for row in complete})
    counts = {month: dict.fromkeys(providers, 0) for month in months}
    for row in complete:
        counts[_month(row)][row["organisation_code"]] += row["rows"]
    shown = {month: _shown_month(counts[month]) for month in months}  # no total joins two months
    by_name = {name: [_number(shown[month][name]) for month in months] for name in (ALL, *providers)}
    return FeedVolumes(feed, max(row["extract_date"] for row in rows), months, by_name)


def _complete_months(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows of complete months, where there are any: a month that was delivered in part would look like a fall."""
    return [row for row in rows if _next_month(row["month"]) <= row["extract_date"]] or rows


def _shown_month(counts: Mapping[str, int]) -> Mapping[Hashable, int | None]:
    """Return one month's rows of each provider and of all, None where they may not be shown."""
    cells: dict[Hashable, int] = {ALL: sum(counts.values())}
    cells.update(counts)
    return shown_counts(cells, [Total(ALL, tuple(counts))])


def _month(row: Row) -> str:
    return f"{row['month']:%Y-%m}"


def _next_month(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _number(count: int | None) -> float:
    return float("nan") if count is None else float(count)


def _feed_row(feed: FeedVolumes) -> dict[str, str]:
    return {
        "feed": feed.name,
        "delivered": str(feed.delivered),
        "providers": f"{len(feed.providers):,}",
        "month": feed.months[-1],
        "rows": _count(feed.last(ALL)),
        "usual": _count(feed.usual(ALL)) if len(feed.months) > 1 else NOT_COMPUTED,
        "share": _share(feed.share_of_usual(ALL)),
    }


def _provider_table(feed: FeedVolumes) -> dict[str, Any]:
    months = feed.months[-MONTHS_IN_TABLE:]
    names = sorted(feed.providers, key=lambda name: (-_distance(feed, name), name))
    rows = [
        {"provider": name, "share": _share(feed.share_of_usual(name))}
        | {month: _count(value) for month, value in zip(months, feed.rows[name][-MONTHS_IN_TABLE:], strict=True)}
        for name in names[:PROVIDERS_IN_TABLE]
    ]
    more = len(names) - len(rows)
    return {
        "feed": feed.name,
        "rows": rows,
        "columns": [("provider", "Provider"), ("share", "Share of usual"), *((month, month) for month in months)],
        "more": f"Providers closer to their usual: {more:,}. See the table {VOLUMES.name}." if more else "",
    }


def _distance(feed: FeedVolumes, provider: str) -> float:
    """Return how far a provider's last month is from its usual; small counts weigh less."""
    last, usual = feed.last(provider), feed.usual(provider)
    return float(abs(np.log((last + 20) / (usual + 20)))) if np.isfinite(last + usual) else 0.0


def _count(value: float) -> str:
    return f"{int(value):,}" if np.isfinite(value) else NOT_SHOWN


def _share(value: float) -> str:
    return f"{value:.0%}" if np.isfinite(value) else NOT_COMPUTED

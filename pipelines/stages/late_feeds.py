"""Feeds whose latest delivery is too old for what the others say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta


def late_feeds(latest: Mapping[str, date], data_cut: date, after_days: int) -> dict[str, date]:
    """Return the feeds that are late with the day of their latest delivery, in order of their names."""
    return {feed: day for feed, day in sorted(latest.items()) if day < data_cut - timedelta(days=after_days)}


def in_words(late: Mapping[str, date]) -> str:
    """Return as text which feeds are late, an empty text if none is."""
    return "; ".join(f"late feed {feed}: latest delivery {day}" for feed, day in late.items())

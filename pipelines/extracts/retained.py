"""Which deliveries of a feed are kept when old ones are deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from expectations.feeds import FEEDS


def kept_days(feed: str, days: Iterable[date], first: date | None) -> set[date]:
    """Return the delivery days that are kept: those from `first` on, always the latest, and all of opt-outs."""
    delivered = set(days)
    if first is None or not delivered or (feed in FEEDS and FEEDS[feed].kept_for_good):
        return delivered
    return {day for day in delivered if day >= first} | {max(delivered)}

"""Which deliveries of a feed are kept, where old ones are let go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

NEVER_LET_GO = ("opt_outs",)  # who once objected is not to be scored because the objection is old


def kept_days(feed: str, days: Iterable[date], first: date | None) -> set[date]:
    """Give the delivery days that are kept: all from `first` on, and always the latest; of opt-outs all."""
    given = set(days)
    if first is None or feed in NEVER_LET_GO or not given:
        return given
    return {day for day in given if day >= first} | {max(given)}

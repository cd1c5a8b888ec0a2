"""When a fact became known: the delivery that first held it, or the feed's lag where the first delivery brought it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, Field, field_validator

from expectations.catalogue import RAW_TABLES


class AvailabilitySettings(BaseModel, extra="forbid", frozen=True):
    """Days from the end of an event until a board's warehouse holds it.

    A first delivery brings years of history at once; only the lag says when each of its facts would have been known.
    """

    lag_days: Mapping[str, int] = Field({}, description="Days by feed, as its delivery settings say; a feed not named has none.")
    admission_lag_days: int = Field(0, ge=0, le=365, description="Days until the admission itself (not its coding) is known.")

    @field_validator("lag_days")
    @classmethod
    def _known_feeds(cls, lags: Mapping[str, int]) -> Mapping[str, int]:
        strange = sorted(set(lags) - set(RAW_TABLES))
        if strange:
            raise ValueError(f"no such feeds: {', '.join(strange)}; allowed: {', '.join(RAW_TABLES)}")
        if any(days < 0 or days > 730 for days in lags.values()):
            raise ValueError("a lag is 0 to 730 days")
        return lags


def known_on(day: str, lag_days: int, *, of_the_key: bool = False) -> str:
    """Give the SQL of the day a fact of `day` (SQL) was known.

    A fact of the feed's first delivery: its day plus the lag, at the latest the delivery's day. A later one: the day
    before the delivery that first held it, for a delivery holds what was known before its day and a score of that day uses it;
    never before the fact itself. A fact of a row's beginning (`of_the_key`) was held whatever else its row said then.
    """
    first, delivered = (
        ("key_in_first_delivery", "key_extract_date") if of_the_key else ("is_first_delivery", "first_extract_date")
    )
    return f"CASE WHEN {first} THEN least(({day}) + {lag_days}, {delivered}) ELSE greatest(({day}), {delivered} - 1) END"


def available_sql(feed: str, settings: AvailabilitySettings) -> str:
    """Give the SQL of a feed's available date, from its declaration and its lag."""
    return known_on(RAW_TABLES[feed].available, settings.lag_days.get(feed, 0))

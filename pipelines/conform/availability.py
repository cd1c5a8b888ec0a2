"""When a fact became known.

It is the day of the delivery that first contained the fact. For the first delivery of a feed it is the day of the fact plus the
lag of the feed.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, Field, field_validator

from expectations.catalogue import RAW_TABLES


class AvailabilitySettings(BaseModel, extra="forbid", frozen=True):
    """Days from the end of an event until the warehouse contains it.

    A first delivery contains years of history. Only the lag says when each of its facts would have been known.
    """

    lag_days: Mapping[str, int] = Field(
        {}, description="Days by feed, as in its delivery settings; a feed that is not named has none."
    )
    admission_lag_days: int = Field(0, ge=0, le=365, description="Days until the admission itself (not its coding) is known.")

    @field_validator("lag_days")
    @classmethod
    def _known_feeds(cls, lags: Mapping[str, int]) -> Mapping[str, int]:
        strange = sorted(set(lags) - set(RAW_TABLES))
        if strange:
            raise ValueError(f"there is no feed {', '.join(strange)}; the feeds are {', '.join(RAW_TABLES)}")
        if any(days < 0 or days > 730 for days in lags.values()):
            raise ValueError("a lag is 0 to 730 days")
        return lags


def known_on(day: str, lag_days: int, *, of_the_key: bool = False) -> str:
    """Return the SQL of the day on which a fact became known; `day` is SQL of the day of the fact.

    * First delivery of the feed: the day of the fact plus the lag, but not after the delivery.
    * Later delivery: the day before the delivery that first contained the fact, but not before the fact. A delivery contains
      what was known before its day, and a score of that day uses it.

    With `of_the_key` the fact is the beginning of a row. It counts as delivered whatever the rest of the row said then.
    """
    first, delivered = (
        ("key_in_first_delivery", "key_extract_date") if of_the_key else ("is_first_delivery", "first_extract_date")
    )
    return f"CASE WHEN {first} THEN least(({day}) + {lag_days}, {delivered}) ELSE greatest(({day}), {delivered} - 1) END"


def available_sql(feed: str, settings: AvailabilitySettings) -> str:
    """Return the SQL of a feed's available date, from its declaration and its lag."""
    return known_on(RAW_TABLES[feed].available, settings.lag_days.get(feed, 0))

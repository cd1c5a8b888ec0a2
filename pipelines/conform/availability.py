"""When a fact became known: on the day of the fact plus a lag, and not before the delivery that first contained it.

Training dates are mostly before the first delivery of a feed, and a scoring date is the day of the latest one. The lag is the same on
both sides, so that a model is used on data as old as those that it learned from. Without it, a recent delivery would show last week's
facts on the scoring date, while on a training date the history that came with the first delivery shows none younger than the lag.

* The lag is declared for each feed (`lag_days` in expectations/feeds.py) and can be set for a deployment. It is not estimated from the
  deliveries: a board with one delivery has nothing to estimate it from, and an estimate would change the features of past dates with
  each delivery.
* A fact of a later delivery counts as known from that delivery, if that is later. So a late row or a correction changes no earlier date.
* A lag that is too short makes training data fresher than they were. The alert rule `support_differs` finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field, field_validator

from expectations.catalogue import RAW_TABLES
from expectations.feeds import ADMISSIONS, EVENT_TYPES


class AvailabilitySettings(BaseModel, extra="forbid", frozen=True):
    """Days from a fact until the data contain it, before the first delivery and after it."""

    lag_days: Mapping[str, int] = Field(
        {}, description="Days by feed, as in its delivery settings; a feed that is not named has none."
    )
    admission_lag_days: Annotated[int, Field(ge=0, le=730)] | Literal["with_discharge"] = Field(
        0,
        description="Days until the admission itself (not its coding) is known, or with_discharge where only ended stays are delivered.",
    )

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

    * First delivery of the feed: the day of the fact plus the lag.
    * Later delivery: the same, but not before the day before the delivery that first contained the fact. A delivery contains what was
      known before its day, and a score of that day uses it.

    A fact without a day is known from its delivery. With `of_the_key` the fact is the beginning of a row. It counts as delivered
    whatever the rest of the row said then.
    """
    first, delivered = (
        ("key_in_first_delivery", "key_extract_date") if of_the_key else ("is_first_delivery", "first_extract_date")
    )
    lagged = f"({day}) + {lag_days}"
    return f"CASE WHEN {first} THEN coalesce({lagged}, {delivered}) ELSE greatest({lagged}, {delivered} - 1) END"


def available_sql(feed: str, settings: AvailabilitySettings) -> str:
    """Return the SQL of a feed's available date, from its declaration and its lag."""
    return known_on(RAW_TABLES[feed].available, settings.lag_days.get(feed, 0))


def admission_available_sql(settings: AvailabilitySettings) -> str:
    """Return the SQL of the available date of an admission itself, which may be earlier than that of its discharge."""
    lag = settings.admission_lag_days
    if lag == "with_discharge":
        return known_on(RAW_TABLES[ADMISSIONS.name].available, settings.lag_days.get(ADMISSIONS.name, 0), of_the_key=True)
    return known_on("admission_date", lag, of_the_key=True)


def lag_by_event_type(settings: AvailabilitySettings) -> dict[str, int]:
    """Return the days after which an event of each type is known at the earliest; types without a lag are not in it."""
    lags = {kind.name: settings.lag_days.get(kind.feed, 0) for kind in EVENT_TYPES}
    if settings.admission_lag_days != "with_discharge":
        lags |= {kind.name: settings.admission_lag_days for kind in ADMISSIONS.event_types if kind.is_record}
    return {name: days for name, days in lags.items() if days}

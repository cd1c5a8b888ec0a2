"""The vocabulary of the feature catalogue: concepts (which events) and features (what is counted about them)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from expectations.feeds import DECLARED, EVENT_TYPES

PUBLIC_BASIS = "Published area statistics"
BASIS_OF_FEED = {feed.name: feed.legal_basis for feed in DECLARED if feed.legal_basis}
FEED_OF_TYPE = {event_type.name: event_type.feed for event_type in EVENT_TYPES}

EVER_NEEDS_DAYS = (
    365  # a feature without a window, or of recency, is null unless this many days before the index date are covered
)


class Statistic(StrEnum):
    """What is computed for a person; d is the number of days from an event to the index date, from 1."""

    COUNT = "count"  # events with d <= window
    SUM = "sum"  # their values
    MAXIMUM = "maximum"  # their highest value; 0 without an event
    FLAG = "flag"  # 1 with an event with d <= window (without a window: ever)
    NEW = "new"  # 1 if the first event of all has d <= window
    DAYS_SINCE_LAST = "days_since_last"  # lowest d, d <= window; null without an event
    YEARS_SINCE_FIRST = "years_since_first"  # highest d / 365.25; null without an event
    LATEST_VALUE = "latest_value"  # mean value of the latest day that has values in range, d <= window
    VALUE_CHANGE = "value_change"  # latest value less the mean value of the earliest day, d <= window; null with one day
    DISTINCT_CODES = "distinct_codes"  # distinct codes (medicines: substances), d <= window
    DISTINCT_DAYS = "distinct_days"
    DISTINCT_PROVIDERS = "distinct_providers"
    TREND = "trend"  # count in the window less count in the window of equal length before it
    RETURNS = "returns"  # events of the concept within `within_days` after an event of `after`, d <= window
    SCORE = "score"  # sum of the points of the distinct groups seen; null unless `after` was seen in the window
    LATEST_OF = "latest_of"  # 1 if the concept was recorded as late as or later than each of `among`; null without any
    RATIO = "ratio"  # inputs[0] / inputs[1]; null if that is 0
    NUMBER_OF = "number_of"  # how many of the inputs are above 0
    SHARE_OF = "share_of"  # that number over the number of inputs
    AT_LEAST = "at_least"  # 1 if the input reaches the threshold
    BAND = "band"  # how many of the thresholds the input reaches
    BOTH = "both"  # 1 if every input is above 0
    WITHOUT = "without"  # 1 if inputs[0] is above 0 and inputs[1] is not
    ATTRIBUTE = "attribute"  # read from the person, the registration, the residence or its area


DERIVED = frozenset(
    {
        Statistic.RATIO, Statistic.NUMBER_OF, Statistic.SHARE_OF, Statistic.AT_LEAST, Statistic.BAND, Statistic.BOTH,
        Statistic.WITHOUT,
    }
)  # fmt: skip


@dataclass(frozen=True)
class Concept:
    """A set of events: of some types and, where code lists are named, with a code that one of them covers.

    Values outside `minimum` to `maximum` are not used: they are in another unit, or no measurement.
    """

    name: str
    event_types: tuple[str, ...]
    code_lists: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def feeds(self) -> tuple[str, ...]:
        """Give the feeds its event types come from."""
        return tuple(dict.fromkeys(FEED_OF_TYPE[name] for name in self.event_types))


@dataclass(frozen=True)
class Feature:
    """One row of the catalogue: a column of features__person and how it comes about."""

    name: str
    label: str
    family: str
    statistic: Statistic
    concept: str = ""
    window_days: int | None = None
    unit: str = ""
    description: str = ""
    source: str = ""
    feeds: tuple[str, ...] = ()  # filled in from the concepts and inputs when the catalogue is put together
    role: str = "predictor"
    uses_deprivation: bool = False
    inputs: tuple[str, ...] = ()  # features a derived feature is computed from
    thresholds: tuple[float, ...] = ()
    after: str = ""
    within_days: int = 0
    among: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()  # concepts that score, with `points` each
    points: tuple[float, ...] = ()
    replaced_by: tuple[tuple[str, str], ...] = ()  # a group that does not score where a graver one is present

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept the feature reads."""
        return tuple(name for name in (self.concept, self.after, *self.among, *self.groups) if name)

    @property
    def covered_days(self) -> int:
        """Days before the index date that must be covered for the feature not to be null."""
        if self.window_days is None or self.statistic is Statistic.DAYS_SINCE_LAST:
            return EVER_NEEDS_DAYS
        return self.window_days * 2 if self.statistic is Statistic.TREND else self.window_days

"""How a feature is declared: a concept is a set of events, and a feature is a statistic of a concept in a window."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from expectations.feeds import DECLARED, EVENT_TYPES

PUBLIC_BASIS = "Published area statistics"
BASIS_OF_FEED = {feed.name: feed.legal_basis for feed in DECLARED if feed.legal_basis}
FEED_OF_TYPE = {event_type.name: event_type.feed for event_type in EVENT_TYPES}
CODE_SYSTEM_OF_TYPE = {event_type.name: event_type.code_system for event_type in EVENT_TYPES}

# A feature without a window is null unless this many days before the index date are covered. A year includes one round of the yearly
# reviews at which practices record long-term conditions.
EVER_NEEDS_DAYS = 365


class Statistic(StrEnum):
    """What is computed for a person; d is the number of days from an event to the index date, at least 1."""

    COUNT = "count"  # events with d <= window
    SUM = "sum"  # their values
    MAXIMUM = "maximum"  # their highest value; 0 without an event
    FLAG = "flag"  # 1 with an event with d <= window (without a window: ever)
    NEW = "new"  # 1 if the person's first event has d <= window. 0 if an event of `after` ended it
    DAYS_SINCE_LAST = "days_since_last"  # lowest d, d <= window. Null without an event
    YEARS_SINCE_FIRST = "years_since_first"  # highest d / DAYS_PER_YEAR. Null without an event, or if one of `after` ended it
    LATEST_VALUE = "latest_value"  # mean value of the latest day with values in range, d <= window
    VALUE_CHANGE = "value_change"  # latest value minus the mean value of the earliest day, d <= window. Null with one day
    DISTINCT_CODES = "distinct_codes"  # distinct codes (medicines: substances), d <= window
    DISTINCT_DAYS = "distinct_days"
    DISTINCT_PROVIDERS = "distinct_providers"
    TREND = "trend"  # count in the window minus count in the window of equal length before it
    RETURNS = "returns"  # events of the concept within `within_days` after an event of `after`, d <= window
    CURRENT = "current"  # 1 if the person's last event is later than the last event of `after`, or there is none of `after`
    SCORE = "score"  # sum of the points of the distinct groups with an event. Null without an event of `after` in the window
    LATEST_OF = "latest_of"  # 1 if no concept of `among` has a later event. Null where none has an event
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


# Statistics of a condition that the person has now: its last event is later than the last event of `after`, where the feature names one.
OF_THE_PRESENT = frozenset({Statistic.CURRENT, Statistic.NEW, Statistic.YEARS_SINCE_FIRST})


@dataclass(frozen=True)
class Concept:
    """A set of events: certain types and, where code lists are named, a code that one of the lists covers.

    Values outside `minimum` to `maximum` are not used: they are not measurements.
    """

    name: str
    event_types: tuple[str, ...]
    code_lists: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def feeds(self) -> tuple[str, ...]:
        """Return the feeds of its event types."""
        return tuple(dict.fromkeys(FEED_OF_TYPE[name] for name in self.event_types))

    @property
    def code_systems(self) -> frozenset[str]:
        """Return the terminologies of its events' codes."""
        return frozenset(CODE_SYSTEM_OF_TYPE[name] for name in self.event_types)

    @property
    def list_names(self) -> dict[str, None]:
        """Return the names of its code lists, once each and in order."""
        return dict.fromkeys(reference.partition("/")[0] for reference in self.code_lists)


@dataclass(frozen=True)
class Feature:
    """One row of the catalogue: a column of features__person and its definition."""

    name: str
    label: str
    family: str
    statistic: Statistic
    concept: str = ""
    window_days: int | None = None
    unit: str = ""
    description: str = ""
    source: str = ""
    feeds: tuple[str, ...] = ()  # completed from the concepts and inputs when the catalogue is built
    role: str = "predictor"
    uses_deprivation: bool = False
    inputs: tuple[str, ...] = ()  # the features that a derived feature is computed from
    thresholds: tuple[float, ...] = ()
    after: str = ""
    within_days: int = 0
    among: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()  # the concepts that score `points`
    points: tuple[float, ...] = ()
    replaced_by: tuple[tuple[str, str], ...] = ()  # a group, and the more severe group that replaces it

    @property
    def concepts(self) -> tuple[str, ...]:
        """Every concept that the feature reads."""
        return tuple(name for name in (self.concept, self.after, *self.among, *self.groups) if name)

    @property
    def ended_by(self) -> str:
        """The concept whose later event ends the person's condition; '' where none does."""
        return self.after if self.statistic in OF_THE_PRESENT else ""

    @property
    def covered_days(self) -> int:
        """Days before the index date that must be covered; the feature is null otherwise.

        Days since the last event need their window as well: with less data, no event in the data would look like no event.
        """
        if self.window_days is None:
            return EVER_NEEDS_DAYS
        return self.window_days * 2 if self.statistic is Statistic.TREND else self.window_days

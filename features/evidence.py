"""The evidence for a feature of one person: its definition, its window, the events that count and why other events do not.

The kernel computes the value. This module checks each event against the declarations and does not use the kernel, so that an analyst
can compare the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from features.catalogue import Catalogue
from features.code_lists import PRODUCTS, CodeList
from features.declaration import DERIVED, EVER_NEEDS_DAYS, Concept, Feature, Statistic

COUNTS = "counts"
_OF_VALUES = (Statistic.LATEST_VALUE, Statistic.VALUE_CHANGE)
_OF_ALL_TIME = (Statistic.NEW, Statistic.YEARS_SINCE_FIRST)  # the person's first event decides

# What each statistic is, as text, for `definition` and the page of the features.
DEFINITIONS = {
    Statistic.COUNT: "the number of {concept} events",
    Statistic.SUM: "the sum of the values of {concept} events",
    Statistic.MAXIMUM: "the highest value of {concept} events, or 0 where there is none",
    Statistic.FLAG: "1 if there is a {concept} event, otherwise 0",
    Statistic.NEW: "1 if the person's first {concept} event is in the window, otherwise 0",
    Statistic.DAYS_SINCE_LAST: "days from the last {concept} event to the index date, or null where there is none",
    Statistic.YEARS_SINCE_FIRST: "years from the first {concept} event to the index date, or null where there is none",
    Statistic.LATEST_VALUE: "the mean value of the latest day with a {concept} value in range, or null where there is none",
    Statistic.VALUE_CHANGE: "the {concept} value of the latest day minus that of the earliest day, or null where fewer than two days have a value",
    Statistic.DISTINCT_CODES: "the number of different codes of {concept} events (for medicines: different substances)",
    Statistic.DISTINCT_DAYS: "the number of days with a {concept} event",
    Statistic.DISTINCT_PROVIDERS: "the number of different organisations of {concept} events",
    Statistic.TREND: "the number of {concept} events in the window minus the number in the window of equal length before it",
    Statistic.RETURNS: "the number of {concept} events within {within} days after a {after} event on an earlier day",
    Statistic.SCORE: "the sum of the points of the groups with an event, each group once, or null where there is no {after} event",
    Statistic.LATEST_OF: "1 if none of {among} was recorded later than {concept}, otherwise 0, or null where none was recorded",
    Statistic.CURRENT: "1 if the last {concept} event is later than the last {after} event, otherwise 0",
    Statistic.RATIO: "{first} divided by {second}, or null where {second} is 0",
    Statistic.NUMBER_OF: "the number of these features that are above 0: {inputs}",
    Statistic.SHARE_OF: "the share of these features that are above 0: {inputs}",
    Statistic.AT_LEAST: "1 if {first} is at least {thresholds}, otherwise 0",
    Statistic.BAND: "the number of the thresholds {thresholds} that {first} reaches",
    Statistic.BOTH: "1 if all of these features are above 0, otherwise 0: {inputs}",
    Statistic.WITHOUT: "1 if {first} is above 0 and {second} is not, otherwise 0",
    Statistic.ATTRIBUTE: "read from the person's record, registration, address or area on the index date",
}

# After the definition of a statistic of the first event, if the feature names the events that end a condition.
ENDED = ", as if there were no event where the last {concept} event is not later than the last {after} event"


@dataclass(frozen=True)
class PersonEvent:
    """An event of core__event with names instead of numbers; `code_system` and `code` are empty where it has no code."""

    event_date: date
    available_date: date
    event_type: str
    code_system: str
    code: str
    value: float | None
    provider: str


@dataclass(frozen=True)
class CheckedEvent:
    """An event of one of a feature's concepts; the verdict is COUNTS or the reason why it does not count."""

    event: PersonEvent
    concept: str
    verdict: str


def definition(feature: Feature) -> str:
    """Return the definition of a feature in plain English."""
    if is_place_rate(feature):
        return f"{feature.label}: from events of all other people there before the context date, without the person's own"
    inputs = feature.inputs
    ended = ENDED if feature.ended_by and feature.statistic in _OF_ALL_TIME else ""
    return (DEFINITIONS[feature.statistic] + ended).format(
        concept=feature.concept, within=feature.within_days, after=feature.after, among=", ".join(feature.among),
        inputs=", ".join(inputs), first=inputs[0] if inputs else "", second=inputs[1] if len(inputs) > 1 else "",
        thresholds=", ".join(f"{limit:g}" for limit in feature.thresholds),
    )  # fmt: skip


def is_place_rate(feature: Feature) -> bool:
    """Return whether a feature is a rate of the person's area or practice, which needs the events of everyone in the ICB."""
    return feature.statistic is Statistic.ATTRIBUTE and bool(feature.concept)


def window(feature: Feature, index_date: date) -> str:
    """Return a feature's window with its first and last day, which both belong to it."""
    last = index_date - timedelta(days=1)
    if feature.window_days is None or feature.statistic in (*DERIVED, Statistic.ATTRIBUTE):
        return f"all known events up to {last}"
    first = index_date - timedelta(days=feature.window_days)
    days = f"{first} to {last} ({feature.window_days} days)"
    if feature.statistic is Statistic.TREND:
        return f"{days}, compared with {index_date - timedelta(days=feature.covered_days)} to {first - timedelta(days=1)}"
    return days


def covered_window(feature: Feature, index_date: date) -> tuple[date, date]:
    """Return the first and last day that the feature's feeds must cover; the feature is null otherwise."""
    return index_date - timedelta(days=feature.covered_days), index_date - timedelta(days=1)


def feature_and_inputs(feature: Feature, catalogue: Catalogue) -> tuple[Feature, ...]:
    """Return a feature and every feature that it is computed from, in the order of the inputs."""
    parts = {feature.name: feature}
    for name in feature.inputs:
        parts |= {each.name: each for each in feature_and_inputs(catalogue.by_name[name], catalogue)}
    return tuple(parts.values())


class Evidence:
    """A person's events, checked for one index date; `birth_date` is the earliest possible day of birth."""

    def __init__(self, catalogue: Catalogue, events: Sequence[PersonEvent], index_date: date, birth_date: date | None) -> None:
        self.catalogue, self.index_date, self.birth_date = catalogue, index_date, birth_date
        self.events = events
        self._of_concept: dict[str, tuple[int, ...]] = {}

    def checked_events(self, feature: Feature) -> list[CheckedEvent]:
        """Return every event of a feature's concepts with its verdict, in order of date."""
        checked = [
            (place, CheckedEvent(self.events[place], name, self._verdict(self.events[place], name, feature)))
            for name in feature.concepts
            for place in self._places(name)
        ]
        return [one for _, one in sorted(checked, key=lambda pair: (pair[1].event.event_date, pair[0], pair[1].concept))]

    def counted(self, feature: Feature) -> int:
        """Return the number of different events that count for a feature or for the features it is computed from."""
        return len(
            {
                place
                for part in feature_and_inputs(feature, self.catalogue)
                for name in part.concepts
                for place in self._places(name)
                if self._verdict(self.events[place], name, part) == COUNTS
            }
        )

    def _places(self, name: str) -> tuple[int, ...]:
        if name not in self._of_concept:
            concept = self.catalogue.concepts[name]
            covering = self.catalogue.covering(concept)
            keys = {(event.event_type, event.code_system, event.code) for event in self.events}
            members = {key for key in keys if _is_of(concept, covering, *key)}
            self._of_concept[name] = tuple(
                place for place, event in enumerate(self.events) if (event.event_type, event.code_system, event.code) in members
            )
        return self._of_concept[name]

    def _verdict(self, event: PersonEvent, concept: str, feature: Feature) -> str:
        return next(self._reasons(event, concept, feature), COUNTS)

    def _reasons(self, event: PersonEvent, concept: str, feature: Feature) -> Iterator[str]:
        if event.event_date >= self.index_date:
            yield "on the index date" if event.event_date == self.index_date else "after the index date"
        if event.available_date >= self.index_date:
            yield f"not known before the index date: available on {event.available_date}"
        if self.birth_date and event.event_date < self.birth_date:
            yield f"before birth ({self.birth_date})"
        days = _window_of(concept, feature)
        if days is not None and event.event_date < self.index_date - timedelta(days=days):
            yield f"before the window, which starts on {self.index_date - timedelta(days=days)}"
        if feature.statistic in _OF_VALUES:
            yield from _unusable_value(event, self.catalogue.concepts[concept])


def _is_of(concept: Concept, covering: CodeList, event_type: str, system: str, code: str) -> bool:
    if event_type not in concept.event_types:
        return False
    return not concept.code_lists or covering.covers(system, code)


def _window_of(concept: str, feature: Feature) -> int | None:
    """Return the days before the index date in which events of a concept count for a feature; None for all time."""
    before_window = feature.statistic is Statistic.RETURNS and concept == feature.after
    if feature.window_days is None or feature.statistic in _OF_ALL_TIME or before_window:
        return None
    return feature.covered_days if feature.statistic is Statistic.TREND else feature.window_days


def _unusable_value(event: PersonEvent, concept: Concept) -> Iterator[str]:
    if event.value is None:
        yield "it has no value, or its value was set aside because of its unit or size"
    elif concept.minimum is not None and event.value < concept.minimum:
        yield f"its value is below {concept.minimum:g}: it is not a plausible measurement"
    elif concept.maximum is not None and event.value > concept.maximum:
        yield f"its value is above {concept.maximum:g}: it is not a plausible measurement"


def meaning(catalogue: Catalogue, system: str, code: str, lists: Iterable[str]) -> str:
    """Return the meaning of a code from the first of these code lists that covers it, a medicine by its substance; '' where none does."""
    products = catalogue.code_lists.get(PRODUCTS)
    substance = products.meaning(system, code) if products else ""
    for name in dict.fromkeys(reference.partition("/")[0] for reference in lists):
        if name != PRODUCTS and (found := catalogue.code_lists[name].meaning(system, code)):
            return f"{substance or found} (list {name})"
    return substance


def concept_text(concept: Concept) -> str:
    """Return the events of a concept in plain English: event types, code lists and range of values."""
    codes = f" with a code of {', '.join(concept.code_lists)}" if concept.code_lists else ""
    limits = [f"{end} {limit:g}" for end, limit in (("from", concept.minimum), ("to", concept.maximum)) if limit is not None]
    return f"{', '.join(concept.event_types)}{codes}{', values ' + ' '.join(limits) if limits else ''}"


def coverage_text(feature: Feature) -> str:
    """Return how many days before the index date a feature's feeds must cover."""
    why = f" ({EVER_NEEDS_DAYS} days is the rule for features without a window)" if feature.window_days is None else ""
    return f"{feature.covered_days} days before the index date{why}"

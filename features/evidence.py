"""What a feature of one person rests on, in words: its definition, its window, and which of the person's events count and why not.

The kernel computes the value; here each event is judged by itself, from the declarations alone, for a reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from features.catalogue import Catalogue
from features.declaration import DERIVED, EVER_NEEDS_DAYS, Concept, Feature, Statistic

COUNTS = "counts"
_OF_VALUES = (Statistic.LATEST_VALUE, Statistic.VALUE_CHANGE)
_OF_ALL_TIME = (Statistic.NEW, Statistic.YEARS_SINCE_FIRST)  # the first event of all decides

_WORDS = {
    Statistic.COUNT: "the number of {concept} events",
    Statistic.SUM: "the sum of the values of {concept} events",
    Statistic.MAXIMUM: "the highest value of {concept} events; 0 without one",
    Statistic.FLAG: "1 if there is a {concept} event, else 0",
    Statistic.NEW: "1 if the first {concept} event of all lies in the window, else 0",
    Statistic.DAYS_SINCE_LAST: "days from the last {concept} event to the index date; null without one",
    Statistic.YEARS_SINCE_FIRST: "years from the first {concept} event to the index date; null without one",
    Statistic.LATEST_VALUE: "the mean value of the latest day with a {concept} value in range; null without one",
    Statistic.VALUE_CHANGE: "the {concept} value of the latest day less that of the earliest; null with fewer than two days",
    Statistic.DISTINCT_CODES: "the number of distinct codes (of medicines: substances) of {concept} events",
    Statistic.DISTINCT_DAYS: "the number of days with a {concept} event",
    Statistic.DISTINCT_PROVIDERS: "the number of distinct organisations of {concept} events",
    Statistic.TREND: "the number of {concept} events in the window less the number in the window of equal length before it",
    Statistic.RETURNS: "the number of {concept} events within {within} days after a {after} event of an earlier day",
    Statistic.SCORE: "the points of the groups that were seen, each once; null unless there is a {after} event",
    Statistic.LATEST_OF: "1 if {concept} was recorded as late as any of {among}; null without any of them",
    Statistic.RATIO: "{first} divided by {second}; null if that is 0",
    Statistic.NUMBER_OF: "how many of these are above 0: {inputs}",
    Statistic.SHARE_OF: "the share above 0 of these: {inputs}",
    Statistic.AT_LEAST: "1 if {first} is at least {thresholds}, else 0",
    Statistic.BAND: "how many of the thresholds {thresholds} {first} reaches",
    Statistic.BOTH: "1 if all of these are above 0: {inputs}",
    Statistic.WITHOUT: "1 if {first} is above 0 and {second} is not",
    Statistic.ATTRIBUTE: "read from the list, the registration, the address or its area as they stand on the index date",
}


@dataclass(frozen=True)
class PersonEvent:
    """An event of core__event with its numbers read back to names; `code_system` and `code` are empty where it has no code."""

    event_date: date
    available_date: date
    event_type: str
    code_system: str
    code: str
    value: float | None
    provider: str


@dataclass(frozen=True)
class Judged:
    """An event of one of a feature's concepts: whether it counts, or the reason why not."""

    event: PersonEvent
    concept: str
    verdict: str


def definition(feature: Feature) -> str:
    """Say in plain words what a feature is."""
    if is_of_the_board(feature):
        return f"{feature.label}: from everyone's events before the index date, the person's own left out"
    inputs = feature.inputs
    return _WORDS[feature.statistic].format(
        concept=feature.concept, within=feature.within_days, after=feature.after, among=", ".join(feature.among),
        inputs=", ".join(inputs), first=inputs[0] if inputs else "", second=inputs[1] if len(inputs) > 1 else "",
        thresholds=", ".join(f"{limit:g}" for limit in feature.thresholds),
    )  # fmt: skip


def is_of_the_board(feature: Feature) -> bool:
    """Tell whether a feature is a rate of the person's area or practice, which takes the whole board to compute."""
    return feature.statistic is Statistic.ATTRIBUTE and bool(feature.concept)


def window(feature: Feature, index_date: date) -> str:
    """Give a feature's window with its days; both ends belong to it."""
    last = index_date - timedelta(days=1)
    if feature.window_days is None or feature.statistic in (*DERIVED, Statistic.ATTRIBUTE):
        return f"everything known, up to {last}"
    first = index_date - timedelta(days=feature.window_days)
    words = f"{first} to {last} ({feature.window_days} days)"
    if feature.statistic is Statistic.TREND:
        return f"{words}, and before it {index_date - timedelta(days=feature.covered_days)} to {first - timedelta(days=1)}"
    return words


def covered_window(feature: Feature, index_date: date) -> tuple[date, date]:
    """Give the first and last day that the feature's feeds must cover for it not to be null."""
    return index_date - timedelta(days=feature.covered_days), index_date - timedelta(days=1)


def rests_on(feature: Feature, catalogue: Catalogue) -> tuple[Feature, ...]:
    """List a feature and, for a derived one, every feature it is computed from, inputs first named first."""
    found = {feature.name: feature}
    for name in feature.inputs:
        found |= {each.name: each for each in rests_on(catalogue.by_name[name], catalogue)}
    return tuple(found.values())


class Evidence:
    """A person's events before the eyes of one index date; `birth_date` is the earliest possible day of birth."""

    def __init__(self, catalogue: Catalogue, events: Sequence[PersonEvent], index_date: date, birth_date: date | None) -> None:
        self.catalogue, self.index_date, self.birth_date = catalogue, index_date, birth_date
        self.events = events
        self._of_concept: dict[str, tuple[int, ...]] = {}

    def judged(self, feature: Feature) -> list[Judged]:
        """Judge every event of a feature's concepts, in order of date."""
        found = [
            (place, Judged(self.events[place], name, self._verdict(self.events[place], name, feature)))
            for name in feature.concepts
            for place in self._places(name)
        ]
        return [one for _, one in sorted(found, key=lambda pair: (pair[1].event.event_date, pair[0], pair[1].concept))]

    def counted(self, feature: Feature) -> int:
        """Count the distinct events that count for a feature or for what it is computed from."""
        return len(
            {
                place
                for part in rests_on(feature, self.catalogue)
                for name in part.concepts
                for place in self._places(name)
                if self._verdict(self.events[place], name, part) == COUNTS
            }
        )

    def _places(self, name: str) -> tuple[int, ...]:
        if name not in self._of_concept:
            concept = self.catalogue.concepts[name]
            told = {(event.event_type, event.code_system, event.code) for event in self.events}
            mine = {key for key in told if self._is_of(concept, *key)}
            self._of_concept[name] = tuple(
                place for place, event in enumerate(self.events) if (event.event_type, event.code_system, event.code) in mine
            )
        return self._of_concept[name]

    def _is_of(self, concept: Concept, event_type: str, system: str, code: str) -> bool:
        if event_type not in concept.event_types:
            return False
        return not concept.code_lists or any(entry.covers(system, code) for entry in self.catalogue.entries(concept))

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
            yield f"before the window, which begins on {self.index_date - timedelta(days=days)}"
        if feature.statistic in _OF_VALUES:
            yield from _unusable_value(event, self.catalogue.concepts[concept])


def _window_of(concept: str, feature: Feature) -> int | None:
    """Give the days within which events of a concept count for a feature; None for all of a life."""
    looked_back_to = feature.statistic is Statistic.RETURNS and concept == feature.after
    if feature.window_days is None or feature.statistic in _OF_ALL_TIME or looked_back_to:
        return None
    return feature.covered_days if feature.statistic is Statistic.TREND else feature.window_days


def _unusable_value(event: PersonEvent, concept: Concept) -> Iterator[str]:
    if event.value is None:
        yield "it has no value"
    elif concept.minimum is not None and event.value < concept.minimum:
        yield f"its value lies below {concept.minimum:g}: another unit, or no measurement"
    elif concept.maximum is not None and event.value > concept.maximum:
        yield f"its value lies above {concept.maximum:g}: another unit, or no measurement"


def meaning(catalogue: Catalogue, system: str, code: str, lists: Iterable[str]) -> str:
    """Say what a code means by the first of these code lists that covers it; '' where none does."""
    for name in dict.fromkeys(reference.partition("/")[0] for reference in lists):
        for entry in catalogue.code_lists[name].entries:
            if entry.covers(system, code):
                return f"{entry.description} (list {name})"
    return ""


def concept_words(concept: Concept) -> str:
    """Say which events a concept is."""
    codes = f" with a code of {', '.join(concept.code_lists)}" if concept.code_lists else ""
    limits = [f"{word} {limit:g}" for word, limit in (("from", concept.minimum), ("to", concept.maximum)) if limit is not None]
    return f"{', '.join(concept.event_types)}{codes}{'; values ' + ' '.join(limits) if limits else ''}"


def null_words(feature: Feature) -> str:
    """Say how far back a feature's feeds must be covered."""
    without = feature.window_days is None or feature.statistic is Statistic.DAYS_SINCE_LAST
    why = f" (the {EVER_NEEDS_DAYS} days that a feature without a window, or of recency, needs)" if without else ""
    return f"{feature.covered_days} days before the index date{why}"

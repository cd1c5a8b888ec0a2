"""Whether code lists match a feed, and which features a list that matches nothing makes unknown.

A list that matches no one is no observation where several people would be expected to match: the feed uses other codes than the list. Its
features are then null with that reason. So is a current condition whose list of ending codes matches no one. In a feed of few people 0 may be true, so it
stays.

A list matches people of any age who ever had an entry. The published shares are of people of all ages who are on a register now. A list of a condition
that often ends therefore matches more people than are on the register. `FAR` leaves room for that. `features/registers.py` compares like with like.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain

from features.catalogue import Catalogue
from features.declaration import FEED_OF_TYPE, Concept, Feature, Statistic
from features.prevalence import ENDED_FLOORS, RARELY_ENDED, RAREST, floor_of, published_share

LEAST_EXPECTED = 10  # people: with so many expected, none by chance has a probability below 1 in 20,000 (Poisson)
FAR = 3.0  # the ratio of the matched and the expected share from which they are far apart
PREVALENCE_SYSTEM = "snomed"  # published shares are those of GP records
# The events that hold the codes of a terminology.
EVENTS_OF = {"snomed": "gp_observation", "dmd": "gp_medication", "icd10": "hospital_diagnosis"}
_COUNTS = (Statistic.NUMBER_OF, Statistic.SHARE_OF)


class Match(StrEnum):
    """How the people whom a list matches compare with those expected."""

    MATCHED = "matched"
    NOTHING = "nothing"
    FEW_PEOPLE = "few_people"
    BELOW_EXPECTED = "below_expected"
    ABOVE_EXPECTED = "above_expected"
    NO_ENTRIES = "no_entries"


@dataclass(frozen=True)
class ListMatch:
    """The people whom a list's codes of one terminology match, among all people with an entry in that terminology."""

    name: str
    system: str
    people: int
    all_people: int

    @property
    def expected(self) -> float | None:
        """Return the published share of people with the condition of the list; None if none is known for the feed."""
        return published_share([self.name]) if self.system == PREVALENCE_SYSTEM else None

    @property
    def result(self) -> Match:
        """Return how the people matched compare with those expected."""
        return compared(self.people, self.all_people, self.expected, self.floor)

    @property
    def floor(self) -> float:
        """Return the least share that is expected where none is published."""
        return floor_of(self.name, self.system)


def compared(people: int, all_people: int, share: float | None, floor: float = RAREST) -> Match:
    """Return how people matched compare with an expected share of all people, or with a floor if none is known."""
    expected = all_people * (share or floor)
    if not all_people:
        return Match.NO_ENTRIES
    if expected < LEAST_EXPECTED:
        return Match.MATCHED if people else Match.FEW_PEOPLE
    if not people:
        return Match.NOTHING
    if share and people * FAR < expected:
        return Match.BELOW_EXPECTED
    return Match.ABOVE_EXPECTED if share and people > expected * FAR else Match.MATCHED


@dataclass(frozen=True)
class PracticeMatch:
    """The people of one practice whom a list matches, compared with a published share, or else with that of the whole feed."""

    practice: ListMatch
    everywhere: ListMatch

    @property
    def expected(self) -> float | None:
        """Return the share of people who are expected to be matched; None if the list matches no one anywhere and none is published."""
        published, everywhere = self.practice.expected, self.everywhere
        return published or (everywhere.people / everywhere.all_people if everywhere.people else None)

    @property
    def result(self) -> Match:
        """Return how the people matched compare with those expected."""
        return compared(self.practice.people, self.practice.all_people, self.expected, self.practice.floor)


@dataclass(frozen=True)
class Unmatched:
    """A catalogue without the inputs that cannot be known, and the features that are not computed, with the reason."""

    catalogue: Catalogue
    reasons: Mapping[str, str]


def unmatched(catalogue: Catalogue, matches: Collection[ListMatch]) -> Unmatched:
    """Return the features whose lists match nothing, and those computed from them.

    A count of conditions is null without a condition whose prevalence is published. It leaves out a rarer one, because such codes may be
    withheld from a whole feed, as those of HIV often are. Its description names it.
    """
    by_list: dict[str, list[ListMatch]] = {}
    for match in matches:
        by_list.setdefault(match.name, []).append(match)
    silent = {name: reason for name, concept in catalogue.concepts.items() if (reason := _why_unmatched(concept, by_list))}
    reasons: dict[str, str] = {}
    features = []
    for declared in catalogue.features:
        feature = _without_rare(declared, catalogue, reasons)
        if reason := _reason(feature, silent, reasons) or _why_never_ended(feature, catalogue, by_list):
            reasons[feature.name] = reason
        features.append(feature)
    return Unmatched(replace(catalogue, features=tuple(features)) if reasons else catalogue, reasons)


def _why_unmatched(concept: Concept, by_list: Mapping[str, Sequence[ListMatch]]) -> str:
    """Return why a concept's events cannot be found in a feed, or in any feed; '' if they can, or too few people are expected.

    One feed is enough where the prevalence is published. Otherwise no feed may have any person whom a list matches.
    """
    names = _lists_of(concept)
    by_system = _by_system(names, concept.event_types, by_list)
    nothing = [system for system, matches in by_system.items() if _match_nothing(matches)]
    if published := [system for system in nothing if _expected(by_system[system])]:
        return _text(names, published[0])
    has_people = any(match.people for match in chain.from_iterable(by_system.values()))
    return _text(names, nothing[0]) if nothing and not has_people else ""


def _why_never_ended(feature: Feature, catalogue: Catalogue, by_list: Mapping[str, Sequence[ListMatch]]) -> str:
    """Return why it is not known whether a condition is current: no code ends it although some would; '' if that is known.

    The people who would have such a code are a share of those whom a list of the condition matches in the same terminology.
    """
    if not feature.ended_by:
        return ""
    ends, condition = catalogue.concepts[feature.ended_by], catalogue.concepts[feature.concept]
    names = _lists_of(ends)
    floor = max((ENDED_FLOORS.get(name, RARELY_ENDED) for name in names), default=RARELY_ENDED)
    with_condition = _by_system(_lists_of(condition), ends.event_types, by_list)
    for system, matches in _by_system(names, ends.event_types, by_list).items():
        people, of_people = (
            max((match.people for match in some), default=0) for some in (matches, with_condition.get(system, ()))
        )
        if compared(people, of_people, None, floor) is Match.NOTHING:
            return _text(names, system)
    return ""


def _lists_of(concept: Concept) -> dict[str, None]:
    """Return the names of a concept's code lists, in order."""
    return dict.fromkeys(reference.partition("/")[0] for reference in concept.code_lists)


def _by_system(
    names: Iterable[str], event_types: Container[str], by_list: Mapping[str, Sequence[ListMatch]]
) -> dict[str, list[ListMatch]]:
    """Return the matches of some lists in the terminologies of some events."""
    by_system: dict[str, list[ListMatch]] = {}
    for match in (match for name in names for match in by_list.get(name, ())):
        if EVENTS_OF.get(match.system) in event_types:
            by_system.setdefault(match.system, []).append(match)
    return by_system


def _expected(matches: Sequence[ListMatch]) -> float | None:
    """Return the published share of people with a condition of any of the lists; None if none is known for the feed."""
    return published_share(match.name for match in matches if match.expected)


def _match_nothing(matches: Sequence[ListMatch]) -> bool:
    """Return whether none of a feed's lists matches anyone although people are expected."""
    people = max(match.people for match in matches)
    floor = max(match.floor for match in matches)
    return compared(people, matches[0].all_people, _expected(matches), floor) is Match.NOTHING


def _text(names: Collection[str], system: str) -> str:
    lists = f"the code list {next(iter(names))} matches" if len(names) == 1 else f"the code lists {', '.join(names)} match"
    return f"{lists} no entry of the feed {FEED_OF_TYPE[EVENTS_OF[system]]}"


def _reason(feature: Feature, silent: Mapping[str, str], reasons: Mapping[str, str]) -> str:
    """Return why a feature is not computed: its concept, every concept among which it chooses, or an input cannot be found."""
    if lacking := next((name for name in feature.inputs if name in reasons), ""):
        return f"{lacking} is not computed: {reasons[lacking]}"
    if feature.concept:
        return silent.get(feature.concept, "")
    options = feature.among or feature.groups
    return silent[options[0]] if options and all(name in silent for name in options) else ""


def _without_rare(feature: Feature, catalogue: Catalogue, reasons: Mapping[str, str]) -> Feature:
    """Return a count without the inputs that are not computed and whose conditions have no published prevalence."""
    if feature.statistic not in _COUNTS:
        return feature
    rare = [name for name in feature.inputs if name in reasons and not _is_published(catalogue.by_name[name], catalogue)]
    if not rare or len(rare) == len(feature.inputs):
        return feature
    kept = tuple(name for name in feature.inputs if name not in rare)
    note = f"Without {', '.join(rare)}, whose code lists match nothing."
    return replace(feature, inputs=kept, description=f"{feature.description} {note}".strip())


def _is_published(feature: Feature, catalogue: Catalogue) -> bool:
    """Return whether the prevalence of a feature's condition is published, or of one that it counts."""
    if feature.concept:
        return published_share(_lists_of(catalogue.concepts[feature.concept])) is not None
    return any(_is_published(catalogue.by_name[name], catalogue) for name in feature.inputs)

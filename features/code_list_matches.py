"""Whether code lists match a feed, and which features a list that matches nothing makes unknown.

A list that matches no one is no observation where several people would be expected to match: the feed uses other codes than the list. Its
features are then null with that reason. So are those of a current condition whose list of ending codes matches no one. In a feed of few people 0 may
be true, so it stays.

`ListMatch.result` alone says whether a list matches no one of those expected. `monitoring__code_lists`, its alert and the features all follow it.
A list of codes that end a condition is compared with the people of the condition, any other list with everyone in the feed.

A list matches people of any age who ever had an entry. The published shares are of people of all ages who are on a register now. A list of a condition
that often ends therefore matches more people than are on the register. `FAR` leaves room for that. `features/registers.py` compares like with like.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from features.catalogue import Catalogue
from features.declaration import FEED_OF_TYPE, Concept, Feature, Statistic
from features.prevalence import RAREST, ended_floor_of, floor_of, published_share

LEAST_EXPECTED = 10  # people: with so many expected, none by chance has a probability below 1 in 20,000 (Poisson)
FAR = 3.0  # the ratio of the matched and the expected share from which they are far apart
PREVALENCE_SYSTEM = "snomed"  # published shares are those of GP records
# The events among which the codes of a terminology are counted. Other events of a list have codes that these have as well: the stays for
# ambulatory-care-sensitive conditions have those of their diagnoses.
EVENTS_OF = {
    "snomed": "gp_observation",
    "dmd": "gp_medication",
    "icd10": "hospital_diagnosis",
    "department_type": "ae_attendance",
}
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
    """The people whom a list's codes of one terminology match, among all people with an entry in that terminology.

    `ended` is the number of people with the conditions that the codes of the list end; None for a list that ends none.
    """

    name: str
    system: str
    people: int
    all_people: int
    ended: int | None = None

    @property
    def expected(self) -> float | None:
        """Return the published share of people with the condition of the list; None if none is known for the feed."""
        return published_share([self.name]) if self.system == PREVALENCE_SYSTEM else None

    @property
    def expected_people(self) -> float:
        """Return how many people are expected: by the published share, or else at least, by a floor."""
        if self.ended is not None:
            return self.ended * ended_floor_of(self.name)
        return self.all_people * (self.expected or floor_of(self.name, self.system))

    @property
    def result(self) -> Match:
        """Return how the people matched compare with those expected."""
        return _result(self.people, self.all_people, self.expected_people, self.expected is not None)


def against_conditions(catalogue: Catalogue, matches: Iterable[ListMatch]) -> list[ListMatch]:
    """Return the matches, those of lists that end a condition with the people whom a list of the condition matches in the same terminology."""
    matches = list(matches)
    people = {(match.name, match.system): match.people for match in matches}
    conditions: dict[str, dict[str, None]] = {}
    for feature in (feature for feature in catalogue.features if feature.ended_by):
        for name in catalogue.concepts[feature.ended_by].list_names:
            conditions.setdefault(name, {}).update(catalogue.concepts[feature.concept].list_names)
    return [
        replace(match, ended=max(people.get((name, match.system), 0) for name in conditions[match.name]))
        if match.name in conditions
        else match
        for match in matches
    ]


def compared(people: int, all_people: int, share: float | None, floor: float = RAREST) -> Match:
    """Return how people matched compare with an expected share of all people, or with a floor if none is known."""
    return _result(people, all_people, all_people * (share or floor), bool(share))


def _result(people: int, all_people: int, expected: float, is_known: bool) -> Match:
    if not all_people:
        return Match.NO_ENTRIES
    if expected < LEAST_EXPECTED:
        return Match.MATCHED if people else Match.FEW_PEOPLE
    if not people:
        return Match.NOTHING
    if is_known and people * FAR < expected:
        return Match.BELOW_EXPECTED
    return Match.ABOVE_EXPECTED if is_known and people > expected * FAR else Match.MATCHED


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
        if self.expected is None:
            return self.practice.result
        return compared(self.practice.people, self.practice.all_people, self.expected)


Key = tuple[str, str]  # a list and a terminology


@dataclass(frozen=True)
class Lack:
    """Why a feature is not computed, and every list that leaves it so because it matches no one."""

    reason: str
    lists: frozenset[Key]


@dataclass(frozen=True)
class Unmatched:
    """A catalogue without the inputs that cannot be known, and the features that are not computed."""

    catalogue: Catalogue
    lacks: Mapping[str, Lack]

    @property
    def reasons(self) -> dict[str, str]:
        """Return why each feature is not computed."""
        return {name: lack.reason for name, lack in self.lacks.items()}

    @property
    def features_by_list(self) -> dict[Key, int]:
        """Return how many features are not computed because of each list, in each terminology in which any feature reads the list."""
        read = dict.fromkeys(name for feature in self.catalogue.features for name in feature.concepts)
        concepts = [self.catalogue.concepts[name] for name in read]
        numbers = {(name, system): 0 for concept in concepts for name in concept.list_names for system in concept.code_systems}
        for key in (key for lack in self.lacks.values() for key in lack.lists):
            numbers[key] += 1
        return numbers


def unmatched(catalogue: Catalogue, matches: Collection[ListMatch]) -> Unmatched:
    """Return the features whose lists match nothing, and those computed from them.

    A count of conditions is null without a condition whose prevalence is published. It leaves out a rarer one, because such codes may be
    withheld from a whole feed, as those of HIV often are. Its description names it.
    """
    by_list: dict[str, list[ListMatch]] = {}
    for match in against_conditions(catalogue, matches):
        by_list.setdefault(match.name, []).append(match)
    silent = {name: lack for name, concept in catalogue.concepts.items() if (lack := _silence([concept], by_list))}
    lacks: dict[str, Lack] = {}
    features = []
    for declared in catalogue.features:
        feature = _without_rare(declared, catalogue, lacks)
        options = [catalogue.concepts[name] for name in feature.among or feature.groups]
        found = [
            *(_of_input(name, lacks[name]) for name in feature.inputs if name in lacks),
            *(silent[name] for name in (feature.concept, feature.after) if name in silent),
            *(lack for lack in [_silence(options, by_list)] if lack),
        ]
        if found:
            lacks[feature.name] = Lack(found[0].reason, frozenset().union(*(lack.lists for lack in found)))
        features.append(feature)
    return Unmatched(replace(catalogue, features=tuple(features)) if lacks else catalogue, lacks)


def _of_input(name: str, lack: Lack) -> Lack:
    return Lack(f"{name} is not computed: {lack.reason}", lack.lists)


def _silence(concepts: Iterable[Concept], by_list: Mapping[str, Iterable[ListMatch]]) -> Lack | None:
    """Return why the events of some concepts cannot be found in a feed, or in any feed; None if they can, or too few people are expected.

    No list of a feed may match anyone, and one of them must be expected to. One feed is enough where that list's prevalence is published.
    Otherwise no feed may have any person whom a list matches.
    """
    by_system: dict[str, dict[str, ListMatch]] = {}
    for concept in concepts:
        for match in (match for name in concept.list_names for match in by_list.get(name, ())):
            if match.system in concept.code_systems:
                by_system.setdefault(match.system, {})[match.name] = match
    has_people = {system for system, found in by_system.items() if any(match.people for match in found.values())}
    nothing = {
        system: [match for match in found.values() if match.result is Match.NOTHING]
        for system, found in by_system.items()
        if system not in has_people
    }
    published = [system for system, found in nothing.items() if any(match.expected for match in found)]
    silent = (
        published if has_people else [*published, *(system for system in nothing if nothing[system] and system not in published)]
    )
    if not silent:
        return None
    named = [match.name for match in nothing[silent[0]]]
    return Lack(_text(named, silent[0]), frozenset((match.name, system) for system in silent for match in nothing[system]))


def _text(names: Collection[str], system: str) -> str:
    lists = f"the code list {next(iter(names))} matches" if len(names) == 1 else f"the code lists {', '.join(names)} match"
    return f"{lists} no entry of the feed {FEED_OF_TYPE[EVENTS_OF[system]]}"


def _without_rare(feature: Feature, catalogue: Catalogue, lacks: Collection[str]) -> Feature:
    """Return a count without the inputs that are not computed and whose conditions have no published prevalence."""
    if feature.statistic not in _COUNTS:
        return feature
    rare = [name for name in feature.inputs if name in lacks and not _is_published(catalogue.by_name[name], catalogue)]
    if not rare or len(rare) == len(feature.inputs):
        return feature
    kept = tuple(name for name in feature.inputs if name not in rare)
    note = f"Without {', '.join(rare)}, whose code lists match nothing."
    return replace(feature, inputs=kept, description=f"{feature.description} {note}".strip())


def _is_published(feature: Feature, catalogue: Catalogue) -> bool:
    """Return whether the prevalence of a feature's condition is published, or of one that it counts."""
    if feature.concept:
        return published_share(catalogue.concepts[feature.concept].list_names) is not None
    return any(_is_published(catalogue.by_name[name], catalogue) for name in feature.inputs)

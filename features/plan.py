"""The compiled form of a catalogue: small tables of integers that map an event to the cells in which it counts.

Every pair of event type and code has a signature: the set of concepts it belongs to. Each kind of statistic has its own space of columns.
Signatures that are equal for the concepts of the statistic share a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from itertools import chain
from operator import or_

import numpy as np
from numpy.typing import NDArray

from features.catalogue import Catalogue
from features.code_lists import NumberedCodes
from features.declaration import DERIVED, Concept, Feature, Statistic
from features.events import NUMBER_OF

EVER = np.iinfo(np.int32).max  # the reach of a statistic without a window
DAY_VALUES = 1 << 16  # days before an index date are stored in 16 bits: more days than any life are one value
MAX_WINDOW = DAY_VALUES - 3  # a longer window would include events that are stored under one value

_COUNTED = (Statistic.COUNT, Statistic.TREND)
_RECENCY = (Statistic.FLAG, Statistic.DAYS_SINCE_LAST, Statistic.LATEST_OF, Statistic.CURRENT, Statistic.SCORE)
_FIRST = (Statistic.NEW, Statistic.YEARS_SINCE_FIRST)
_VALUES = (Statistic.LATEST_VALUE, Statistic.VALUE_CHANGE)
_DISTINCT = (Statistic.DISTINCT_CODES, Statistic.DISTINCT_DAYS, Statistic.DISTINCT_PROVIDERS)


class Facet(StrEnum):
    """Kinds of statistic that few events matter for, so that each kind reads only its own events."""

    AMOUNT = "amount"
    FIRST = "first"
    VALUE = "value"
    RETURN = "return"


_FACET_OF = {
    Statistic.SUM: Facet.AMOUNT, Statistic.MAXIMUM: Facet.AMOUNT, Statistic.NEW: Facet.FIRST,
    Statistic.YEARS_SINCE_FIRST: Facet.FIRST, Statistic.LATEST_VALUE: Facet.VALUE, Statistic.VALUE_CHANGE: Facet.VALUE,
    Statistic.RETURNS: Facet.RETURN,
}  # fmt: skip
_MOST_FACETS = 32


def facet_of(feature: Feature) -> str | None:
    """Return the kind of events that a feature reads: one for each concept of distinct items, None for all events."""
    if feature.statistic in _DISTINCT:
        return f"{feature.statistic.value} of {feature.concept}"
    return _FACET_OF.get(feature.statistic)


@dataclass(frozen=True)
class Space:
    """Columns of one kind of statistic: `column` maps signatures to columns (`size` for none), `columns_of` maps concepts."""

    column: NDArray[np.int64]
    columns_of: Mapping[str, tuple[int, ...]]
    size: int


@dataclass(frozen=True)
class ValueSlot:
    """A concept and a window whose values are read, with the range of usable values."""

    concept: str
    window: int
    minimum: float
    maximum: float


@dataclass(frozen=True)
class Plan:
    """Tables that the kernel needs to compute the event features of a catalogue."""

    features: tuple[Feature, ...]
    slot_of_type: NDArray[np.int64]  # by type number: start of its row in `signature`
    signature: NDArray[np.int64]  # 0 where no concept includes the pair
    reach: NDArray[np.int32]  # by signature: the most days before an index date at which an event still counts
    facets: Mapping[str, np.uint32]  # the bit of each facet
    facets_of: NDArray[np.uint32]  # by signature: the bits of the facets that need it
    longest: Mapping[str, int]  # by facet of distinct items: the longest window
    statistic_of: Mapping[str, Statistic]  # by facet of distinct items
    codes: int
    members: Mapping[str, NDArray[np.bool_]]  # by concept: the signatures that belong to it
    counted: Space
    summed: Space
    highest: Space
    last: Space
    first: Space
    edges: tuple[int, ...]  # upper ends of the buckets, ascending
    bucket: NDArray[np.uint8]  # by days: the first edge that is not smaller, or the number of edges
    values: tuple[ValueSlot, ...]
    substance: NDArray[np.int32]  # by code number: the number of its substance


def compile_plan(catalogue: Catalogue, codes: Sequence[tuple[int, str, str]], excluded: Iterable[str] = ()) -> Plan:
    """Compile the event features of a catalogue against the numbered codes (number, system, code) of core__code."""
    features = _event_features(catalogue, set(excluded))
    _check_windows(features)
    concepts = [catalogue.concepts[name] for name in dict.fromkeys(name for feature in features for name in feature.concepts)]
    count = max((number for number, _, _ in codes), default=0) + 1
    slot_of_type, signature, sets = _signatures(catalogue, concepts, codes, count)
    edges, facets = _edges(features), _facets(features)
    return Plan(
        features=features, slot_of_type=slot_of_type, signature=signature, reach=_reach(sets, features),
        facets=facets, facets_of=_facets_of(sets, features, facets), longest=_longest(features), codes=count,
        statistic_of={str(facet_of(feature)): feature.statistic for feature in features if feature.statistic in _DISTINCT},
        members={concept.name: np.array([concept.name in members for members in sets]) for concept in concepts},
        counted=_space(sets, _concepts_of(features, _COUNTED)),
        summed=_space(sets, _concepts_of(features, (Statistic.SUM,))),
        highest=_space(sets, _concepts_of(features, (Statistic.MAXIMUM,))),
        last=_space(sets, _dated_last(features)),
        first=_space(sets, tuple(dict.fromkeys(feature.concept for feature in features if feature.statistic in _FIRST))),
        edges=edges, bucket=np.searchsorted(np.asarray(edges), np.arange(DAY_VALUES)).astype(np.uint8),
        values=_value_slots(catalogue, features), substance=_substances(catalogue, codes, count),
    )  # fmt: skip


def _event_features(catalogue: Catalogue, excluded: set[str]) -> tuple[Feature, ...]:
    others = (*DERIVED, Statistic.ATTRIBUTE)
    return tuple(feature for feature in catalogue.features if feature.name not in excluded and feature.statistic not in others)


def _check_windows(features: Iterable[Feature]) -> None:
    for feature in features:
        longest = feature.covered_days if feature.window_days is not None else 0
        if longest > MAX_WINDOW:
            raise ValueError(
                f"Feature {feature.name!r} has a window of {longest:,} days. The longest possible window is {MAX_WINDOW:,} days."
            )
        needs_window = feature.statistic not in (*_RECENCY, *_FIRST)
        if needs_window and feature.window_days is None:
            raise ValueError(
                f"Feature {feature.name!r} has no window, and the statistic '{feature.statistic.value}' needs one. Declare window_days."
            )


def _concepts_of(features: Iterable[Feature], statistics: tuple[Statistic, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for feature in features if feature.statistic in statistics for name in feature.concepts))


def _dated_last(features: Iterable[Feature]) -> tuple[str, ...]:
    """Return the concepts whose last event is read, also those of a condition and of the events that end it."""
    read = (feature for feature in features if feature.statistic in _RECENCY or feature.ended_by)
    return tuple(dict.fromkeys(name for feature in read for name in feature.concepts))


def _signatures(
    catalogue: Catalogue, concepts: Sequence[Concept], codes: Sequence[tuple[int, str, str]], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[frozenset[str]]]:
    """Number the sets of concepts of all pairs of type and code; slot 0 is for types that no concept uses."""
    types = list(dict.fromkeys(chain.from_iterable(concept.event_types for concept in concepts)))
    slot_of_type = np.zeros(max(NUMBER_OF.values()) + 1, dtype=np.int64)
    signature = np.zeros((len(types) + 1, count), dtype=np.int64)
    numbers: dict[frozenset[str], int] = {frozenset(): 0}
    numbered = NumberedCodes(codes)
    covered = {concept.name: numbered.members(catalogue.covering(concept)) for concept in concepts if concept.code_lists}
    for slot, name in enumerate(types, start=1):
        slot_of_type[NUMBER_OF[name]] = slot * count
        here = [concept for concept in concepts if name in concept.event_types]
        always = frozenset(concept.name for concept in here if not concept.code_lists)
        signature[slot, :] = numbers.setdefault(always, len(numbers))
        for code, names in _concepts_of_codes(here, covered).items():
            signature[slot, code] = numbers.setdefault(always | names, len(numbers))
    return slot_of_type, signature.reshape(-1), list(numbers)


def _concepts_of_codes(concepts: Iterable[Concept], covered: Mapping[str, Iterable[int]]) -> dict[int, set[str]]:
    """Return the concepts of each code that any of them covers."""
    names: dict[int, set[str]] = {}
    for concept in concepts:
        for code in covered.get(concept.name, ()):
            names.setdefault(code, set()).add(concept.name)
    return names


def _space(sets: Sequence[frozenset[str]], concepts: tuple[str, ...]) -> Space:
    """Build the columns of some concepts; signatures that these concepts do not distinguish share a column."""
    columns: dict[frozenset[str], int] = {}
    column = np.full(len(sets), -1, dtype=np.int64)
    for number, members in enumerate(sets):
        present = members & frozenset(concepts)
        if present:
            column[number] = columns.setdefault(present, len(columns))
    columns_of = {name: tuple(place for present, place in columns.items() if name in present) for name in concepts}
    column[column < 0] = len(columns)
    return Space(column, columns_of, len(columns))


def _reach(sets: Sequence[frozenset[str]], features: Iterable[Feature]) -> NDArray[np.int32]:
    """Return for each signature the most days before an index date at which its events matter for any feature."""
    furthest: dict[str, int] = {}
    for feature in features:
        for concept in feature.concepts:
            furthest[concept] = max(furthest.get(concept, 0), _days_read(feature, concept))
    return np.array([max((furthest[name] for name in members), default=0) for members in sets], dtype=np.int32)


def _days_read(feature: Feature, concept: str) -> int:
    if feature.window_days is None or feature.statistic in _FIRST:
        return int(EVER)
    if feature.statistic is Statistic.RETURNS and concept == feature.after:
        return feature.window_days + feature.within_days
    return max(feature.window_days, feature.covered_days)


def _facets(features: Iterable[Feature]) -> dict[str, np.uint32]:
    names = dict.fromkeys([*Facet, *(name for feature in features if (name := facet_of(feature)))])
    if len(names) > _MOST_FACETS:
        raise ValueError(
            f"The catalogue counts distinct items of {len(names) - len(Facet)} concepts. The limit is {_MOST_FACETS - len(Facet)}: remove some of them."
        )
    return {name: np.uint32(1 << bit) for bit, name in enumerate(names)}


def _facets_of(
    sets: Sequence[frozenset[str]], features: Iterable[Feature], facets: Mapping[str, np.uint32]
) -> NDArray[np.uint32]:
    bits: dict[str, int] = {}
    for feature in features:
        facet = facet_of(feature)
        for concept in feature.concepts if facet else ():
            bits[concept] = bits.get(concept, 0) | int(facets[str(facet)])
    return np.array([reduce(or_, (bits.get(name, 0) for name in members), 0) for members in sets], dtype=np.uint32)


def _longest(features: Iterable[Feature]) -> dict[str, int]:
    longest: dict[str, int] = {}
    for feature in features:
        if feature.statistic in _DISTINCT:
            facet = str(facet_of(feature))
            longest[facet] = max(longest.get(facet, 0), feature.window_days or 0)
    return longest


def _edges(features: Iterable[Feature]) -> tuple[int, ...]:
    bucketed = (Statistic.COUNT, Statistic.TREND, Statistic.SUM, Statistic.MAXIMUM)
    days = {
        edge
        for feature in features
        if feature.statistic in bucketed and feature.window_days is not None
        for edge in (feature.window_days, feature.covered_days)
    }
    return tuple(sorted(days))


def _value_slots(catalogue: Catalogue, features: Iterable[Feature]) -> tuple[ValueSlot, ...]:
    pairs = dict.fromkeys(
        (feature.concept, feature.window_days)
        for feature in features
        if feature.statistic in _VALUES and feature.window_days is not None
    )
    return tuple(
        ValueSlot(
            name,
            window,
            -np.inf if catalogue.concepts[name].minimum is None else float(catalogue.concepts[name].minimum or 0),
            np.inf if catalogue.concepts[name].maximum is None else float(catalogue.concepts[name].maximum or 0),
        )
        for name, window in pairs
    )


def _substances(catalogue: Catalogue, codes: Sequence[tuple[int, str, str]], count: int) -> NDArray[np.int32]:
    substance_of = catalogue.substances()
    lowest: dict[str, int] = {}
    same = np.arange(count, dtype=np.int32)
    for number, system, code in sorted(codes):
        if system == "dmd" and code in substance_of:
            same[number] = lowest.setdefault(substance_of[code], number)
    return same

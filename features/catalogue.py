"""The catalogue: every feature as a row, put together from the families, with what each needs to be computed."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cached_property

from features import (
    demographics,
    deprivation,
    frailty,
    inequality,
    long_term_conditions,
    measurements,
    medicines,
    other_sources,
    utilisation,
)
from features.code_lists import CodeEntry, CodeList
from features.declaration import BASIS_OF_FEED, DERIVED, PUBLIC_BASIS, Concept, Feature, Statistic

NAME = re.compile(r"[a-z][a-z0-9_]*")
MEDICINE_SYSTEM = "dmd"
DEFINED_HERE = "Strata"


class CatalogueError(ValueError):
    """The declarations contradict one another."""


@dataclass(frozen=True)
class Catalogue:
    """All declared features with their concepts and code lists, in the order they are computed and stored."""

    features: tuple[Feature, ...]
    concepts: dict[str, Concept]
    code_lists: dict[str, CodeList]

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """Give the features by name."""
        return {feature.name: feature for feature in self.features}

    def entries(self, concept: Concept) -> tuple[CodeEntry, ...]:
        """Give the code list lines of a concept; a list may be named as 'list/CODE' for one line of it."""
        lines: list[CodeEntry] = []
        for reference in concept.code_lists:
            name, _, code = reference.partition("/")
            lines += [entry for entry in self.code_lists[name].entries if code in ("", entry.code)]
        return tuple(lines)

    def substances(self) -> dict[str, str]:
        """Map each listed medicine code to the first listed code of the same substance."""
        first: dict[str, str] = {}
        return {
            entry.code: first.setdefault(entry.description, entry.code)
            for name in sorted(self.code_lists)
            for entry in self.code_lists[name].entries
            if entry.system == MEDICINE_SYSTEM
        }


def build_catalogue(code_lists: dict[str, CodeList], imd_edition: int) -> Catalogue:
    """Put the catalogue together and check it: names, references, order of inputs, feeds."""
    concepts = _unique_concepts(code_lists)
    known: dict[str, Feature] = {}
    waiting = list(_declared(code_lists, imd_edition))
    while waiting:
        ready = [feature for feature in waiting if all(name in known for name in feature.inputs)]
        if not ready:
            raise CatalogueError(f"features with inputs that no feature gives: {sorted(feature.name for feature in waiting)}")
        for feature in ready:
            _check(feature, concepts, known)
            known[feature.name] = _with_feeds(feature, concepts, known)
        waiting = [feature for feature in waiting if feature.name not in known]
    return Catalogue(tuple(known.values()), concepts, code_lists)


def unavailable(catalogue: Catalogue, present_feeds: Collection[str], allowed_feeds: Collection[str] | None) -> dict[str, str]:
    """Give the features that cannot be computed and why: a feed that is absent, or that the purpose does not allow."""
    reasons: dict[str, str] = {}
    for feature in catalogue.features:
        for feed in feature.feeds:
            if allowed_feeds is not None and feed not in allowed_feeds:
                reasons.setdefault(feature.name, f"the purpose does not allow the feed {feed}")
            elif feed not in present_feeds:
                reasons.setdefault(feature.name, f"the feed {feed} is absent")
    return reasons


def not_chosen(catalogue: Catalogue, families: Collection[str] | None) -> dict[str, str]:
    """Give the predictors of families that a study does not ask for, but for those that a wanted feature is made of; None asks for all."""
    if families is None:
        return {}
    wanted = [feature for feature in catalogue.features if feature.family in families or feature.role != "predictor"]
    needed: set[str] = set()
    while wanted:
        feature = wanted.pop()
        if feature.name not in needed:
            needed.add(feature.name)
            wanted += [catalogue.by_name[name] for name in feature.inputs]
    return {
        feature.name: f"the study does not ask for the family {feature.family}"
        for feature in catalogue.features
        if feature.name not in needed
    }


def catalogue_rows(catalogue: Catalogue, reasons: dict[str, str]) -> list[dict[str, object]]:
    """Give the rows of features__catalogue."""
    return [
        {
            "name": feature.name, "label": feature.label, "family": feature.family,
            "concept": feature.concept or ", ".join(feature.inputs or feature.groups) or None, "statistic": feature.statistic.value,
            "window_days": feature.window_days, "feed": ", ".join(feature.feeds),
            "legal_basis": "; ".join(dict.fromkeys([*(BASIS_OF_FEED[feed] for feed in feature.feeds),
                                                    *([PUBLIC_BASIS] if feature.uses_deprivation else [])])),
            "unit": feature.unit, "description": feature.description or feature.label, "source": _source(catalogue, feature),
            "role": feature.role, "kind": "number", "uses_deprivation": feature.uses_deprivation,
            "status": "not_computed" if feature.name in reasons else "computed", "reason": reasons.get(feature.name, ""),
        }
        for feature in catalogue.features
    ]  # fmt: skip


def _source(catalogue: Catalogue, feature: Feature) -> str:
    """Give where the definition comes from, with the version of each code list it reads."""
    lists = dict.fromkeys(
        name.partition("/")[0] for concept in feature.concepts for name in catalogue.concepts[concept].code_lists
    )
    versions = ", ".join(f"{name} {catalogue.code_lists[name].version}" for name in lists)
    return f"{feature.source or DEFINED_HERE} [{versions}]" if versions else feature.source or DEFINED_HERE


def _declared(code_lists: dict[str, CodeList], imd_edition: int) -> tuple[Feature, ...]:
    return (
        *demographics.FEATURES, *utilisation.FEATURES, *long_term_conditions.FEATURES, *medicines.FEATURES,
        *frailty.features(code_lists), *measurements.FEATURES, *deprivation.features(imd_edition), *inequality.FEATURES,
        *other_sources.FEATURES,
    )  # fmt: skip


def _unique_concepts(code_lists: dict[str, CodeList]) -> dict[str, Concept]:
    declared = (
        *utilisation.CONCEPTS, *long_term_conditions.CONCEPTS, *medicines.CONCEPTS, *frailty.concepts(code_lists), *measurements.CONCEPTS,
        *inequality.CONCEPTS, *other_sources.CONCEPTS,
    )  # fmt: skip
    concepts: dict[str, Concept] = {}
    for concept in declared:
        missing = [name for name in concept.code_lists if name.partition("/")[0] not in code_lists]
        if missing or concept.name in concepts:
            raise CatalogueError(f"concept {concept.name}: declared twice, or without its code lists {missing}")
        concepts[concept.name] = concept
    return concepts


def _check(feature: Feature, concepts: dict[str, Concept], known: dict[str, Feature]) -> None:
    unknown = [name for name in feature.concepts if name not in concepts]
    if unknown or feature.name in known or not NAME.fullmatch(feature.name):
        raise CatalogueError(
            f"feature {feature.name!r}: declared twice, badly named, or with concepts {unknown} that nothing declares"
        )
    if len(feature.groups) != len(feature.points):
        raise CatalogueError(f"feature {feature.name!r}: every group needs its points")
    if (feature.statistic in DERIVED) != bool(feature.inputs):
        raise CatalogueError(f"feature {feature.name!r}: inputs belong to derived statistics, and only to them")
    if feature.statistic is not Statistic.ATTRIBUTE and not feature.concepts and not feature.inputs:
        raise CatalogueError(f"feature {feature.name!r}: needs a concept or inputs")


def _with_feeds(feature: Feature, concepts: dict[str, Concept], known: dict[str, Feature]) -> Feature:
    feeds = dict.fromkeys(feature.feeds)
    for name in feature.concepts:
        feeds |= dict.fromkeys(concepts[name].feeds)
    for name in feature.inputs:
        feeds |= dict.fromkeys(known[name].feeds)
    deprived = feature.uses_deprivation or any(known[name].uses_deprivation for name in feature.inputs)
    return replace(feature, feeds=tuple(feeds), uses_deprivation=deprived)

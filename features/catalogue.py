"""The feature catalogue: all features of all families, with the feeds that each needs.

A feature is declared in the module of its family, such as `utilisation.py`.
"""

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
from features.code_lists import PRODUCTS, CodeEntry, CodeList
from features.declaration import BASIS_OF_FEED, DERIVED, PUBLIC_BASIS, Concept, Feature, Statistic

NAME = re.compile(r"[a-z][a-z0-9_]*")
MEDICINE_SYSTEM = "dmd"
DEFINED_HERE = "Strata"


class CatalogueError(ValueError):
    """Raised when declarations of features, concepts or code lists contradict one another."""


@dataclass(frozen=True)
class Catalogue:
    """All declared features with their concepts and code lists, in the order in which they are computed and stored."""

    features: tuple[Feature, ...]
    concepts: dict[str, Concept]
    code_lists: dict[str, CodeList]

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """Return the features by name."""
        return {feature.name: feature for feature in self.features}

    def entries(self, concept: Concept) -> tuple[CodeEntry, ...]:
        """Return the code list entries of a concept. The reference 'list/CODE' names a single entry of a list."""
        entries: list[CodeEntry] = []
        for reference in concept.code_lists:
            name, _, code = reference.partition("/")
            entries += [entry for entry in self.code_lists[name].entries if code in ("", entry.code)]
        return tuple(entries)

    def covering(self, concept: Concept) -> CodeList:
        """Return the codes of a concept as one list."""
        return CodeList(concept.name, self.entries(concept))

    def substances(self) -> dict[str, str]:
        """Return, for each known medicine code, the first code of the same substance.

        The list of products has the substances. The description of another list's code counts if it is not the label of the list.
        """
        first: dict[str, str] = {}
        found: dict[str, str] = {}
        for name in sorted(self.code_lists, key=lambda name: (name != PRODUCTS, name)):
            labels = {half.label for half in self.code_lists[name].halves} - {""} if name != PRODUCTS else set()
            for entry in self.code_lists[name].entries:
                if entry.system == MEDICINE_SYSTEM and entry.code not in found and entry.description not in labels:
                    found[entry.code] = first.setdefault(entry.description, entry.code)
        return found


def build_catalogue(code_lists: dict[str, CodeList], imd_edition: int) -> Catalogue:
    """Build the catalogue and check names, references, inputs and feeds; raise CatalogueError where they contradict one another."""
    concepts = _unique_concepts(code_lists)
    declared: dict[str, Feature] = {}
    waiting = list(_declared(code_lists, imd_edition))
    while waiting:
        ready = [feature for feature in waiting if all(name in declared for name in feature.inputs)]
        if not ready:
            names = ", ".join(sorted(feature.name for feature in waiting))
            raise CatalogueError(f"These features have inputs that no other feature provides: {names}. Declare the inputs first.")
        for feature in ready:
            _check(feature, concepts, declared)
            declared[feature.name] = _with_feeds(feature, concepts, declared)
        waiting = [feature for feature in waiting if feature.name not in declared]
    return Catalogue(tuple(declared.values()), concepts, code_lists)


def unavailable(catalogue: Catalogue, present_feeds: Collection[str], allowed_feeds: Collection[str] | None) -> dict[str, str]:
    """Return the features that cannot be computed, with the reason: a feed that is absent, or that the purpose does not allow."""
    reasons: dict[str, str] = {}
    for feature in catalogue.features:
        for feed in feature.feeds:
            if allowed_feeds is not None and feed not in allowed_feeds:
                reasons.setdefault(feature.name, f"the purpose does not allow the feed {feed}")
            elif feed not in present_feeds:
                reasons.setdefault(feature.name, f"the feed {feed} is absent")
    return reasons


def not_chosen(catalogue: Catalogue, families: Collection[str] | None) -> dict[str, str]:
    """Return the predictors of families that a study does not use, with the reason; None uses every family.

    Features that a used feature is computed from are not among them.
    """
    if families is None:
        return {}
    requested = [feature for feature in catalogue.features if feature.family in families or feature.role != "predictor"]
    needed: set[str] = set()
    while requested:
        feature = requested.pop()
        if feature.name not in needed:
            needed.add(feature.name)
            requested += [catalogue.by_name[name] for name in feature.inputs]
    return {
        feature.name: f"the study does not ask for the family {feature.family}"
        for feature in catalogue.features
        if feature.name not in needed
    }


def catalogue_rows(catalogue: Catalogue, reasons: dict[str, str]) -> list[dict[str, object]]:
    """Return the rows of features__catalogue."""
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
    """Return the source of a feature's definition, with the version of each code list it reads."""
    lists = dict.fromkeys(
        name.partition("/")[0] for concept in feature.concepts for name in catalogue.concepts[concept].code_lists
    )
    versions = ", ".join(f"{name} {catalogue.code_lists[name].version}" for name in lists)
    return f"{feature.source or DEFINED_HERE} [{versions}]" if versions else feature.source or DEFINED_HERE


def _declared(code_lists: dict[str, CodeList], imd_edition: int) -> tuple[Feature, ...]:
    return (
        *demographics.FEATURES, *utilisation.FEATURES, *long_term_conditions.features(code_lists), *medicines.FEATURES,
        *frailty.features(code_lists), *measurements.FEATURES, *deprivation.features(imd_edition), *inequality.features(code_lists),
        *other_sources.FEATURES,
    )  # fmt: skip


def _unique_concepts(code_lists: dict[str, CodeList]) -> dict[str, Concept]:
    declared = (
        *utilisation.CONCEPTS, *long_term_conditions.concepts(code_lists), *medicines.CONCEPTS, *frailty.concepts(code_lists), *measurements.CONCEPTS,
        *inequality.CONCEPTS, *other_sources.CONCEPTS,
    )  # fmt: skip
    concepts: dict[str, Concept] = {}
    for concept in declared:
        missing = [name for name in concept.code_lists if name.partition("/")[0] not in code_lists]
        if missing:
            raise CatalogueError(
                f"Concept '{concept.name}' uses code lists that do not exist: {', '.join(missing)}. Add them or correct the names."
            )
        if concept.name in concepts:
            raise CatalogueError(f"Concept '{concept.name}' is declared twice. Remove one declaration.")
        concepts[concept.name] = concept
    return concepts


def _check(feature: Feature, concepts: dict[str, Concept], declared: dict[str, Feature]) -> None:
    unknown = [name for name in feature.concepts if name not in concepts]
    reads = feature.concepts or feature.inputs or feature.statistic is Statistic.ATTRIBUTE
    rules = (
        (not unknown, f"uses concepts that are not declared: {', '.join(unknown)}. Declare them."),
        (feature.name not in declared, "is declared twice. Remove one declaration."),
        (NAME.fullmatch(feature.name),
         "has an invalid name. Start with a letter and use only lower case letters, digits and underscores."),
        (len(feature.groups) == len(feature.points), "has groups and points of different number. Give each group its points."),
        ((feature.statistic in DERIVED) == bool(feature.inputs),
         "has inputs without a derived statistic, or the reverse. Only derived statistics have inputs."),
        (reads, "has no concept and no inputs. Declare what it reads."),
    )  # fmt: skip
    for kept, fault in rules:
        if not kept:
            raise CatalogueError(f"Feature {feature.name!r} {fault}")


def _with_feeds(feature: Feature, concepts: dict[str, Concept], declared: dict[str, Feature]) -> Feature:
    feeds = dict.fromkeys(feature.feeds)
    for name in feature.concepts:
        feeds |= dict.fromkeys(concepts[name].feeds)
    for name in feature.inputs:
        feeds |= dict.fromkeys(declared[name].feeds)
    deprived = feature.uses_deprivation or any(declared[name].uses_deprivation for name in feature.inputs)
    return replace(feature, feeds=tuple(feeds), uses_deprivation=deprived)

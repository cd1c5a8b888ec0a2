"""Features of an OMOP source, whose conditions, drugs and procedures keep its own vocabulary."""

from __future__ import annotations

from features.declaration import Concept, Feature, Statistic

_DOMAINS = {
    "omop_condition": "conditions", "omop_drug": "drugs", "omop_procedure": "procedures", "omop_measurement": "measurements",
    "omop_observation": "observations",
}  # fmt: skip
CONCEPTS = tuple(Concept(name, (name,)) for name in _DOMAINS)
FEATURES = tuple(
    feature
    for name, plural in _DOMAINS.items()
    for days in (30, 365)
    for feature in (
        Feature(f"{name}s_{days}d", f"{plural.capitalize()} recorded, last {days} days", "OMOP source", Statistic.COUNT, name, days, "events",
                source="OMOP CDM"),
        Feature(f"distinct_{name}s_{days}d", f"Distinct {plural}, last {days} days", "OMOP source", Statistic.DISTINCT_CODES, name, days,
                "concepts", source="OMOP CDM"),
    )
)  # fmt: skip

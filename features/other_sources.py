"""Features of an OMOP source: counts of conditions, drugs, procedures, measurements and observations in its own vocabulary."""

from __future__ import annotations

from expectations.time_window import in_the_last
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
        Feature(f"{name}s_{days}d", f"{plural.capitalize()} recorded {in_the_last(days)}", "OMOP source", Statistic.COUNT, name, days, "events",
                source="OMOP CDM"),
        Feature(f"distinct_{name}s_{days}d", f"Different {plural} recorded {in_the_last(days)}", "OMOP source", Statistic.DISTINCT_CODES, name, days,
                "concepts", source="OMOP CDM"),
    )
)  # fmt: skip

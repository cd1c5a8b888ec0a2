"""Features whose window is not longer than the lag of what they count: nothing in it is ever known, so a 0 would be no observation.

A count of the last 30 days of events that are known after 30 days is 0 for everyone, on every date.
"""

from __future__ import annotations

from collections.abc import Mapping

from features.catalogue import Catalogue
from features.declaration import Feature


def never_known(catalogue: Catalogue, lag_days: Mapping[str, int]) -> dict[str, str]:
    """Return the features that cannot count anything, and those computed from them, with the reason.

    `lag_days` has the days after which an event of a type is known; a type that is not in it has none. An event of d days before the
    index date was known before it if d is more than the lag.
    """
    reasons: dict[str, str] = {}
    for feature in catalogue.features:
        lag = _least_lag(catalogue, feature, lag_days)
        if feature.window_days is not None and feature.concepts and lag >= feature.window_days:
            reasons[feature.name] = (
                f"its events are known after {lag} days, and it counts those of the last {feature.window_days} days"
            )
        elif absent := [name for name in feature.inputs if name in reasons]:
            reasons[feature.name] = f"{absent[0]} is not computed: {reasons[absent[0]]}"
    return reasons


def _least_lag(catalogue: Catalogue, feature: Feature, lag_days: Mapping[str, int]) -> int:
    """Return the shortest lag of the events that a feature counts."""
    counted = [feature.concept] if feature.concept else [*feature.groups, *feature.among]
    kinds = [kind for name in counted for kind in catalogue.concepts[name].event_types]
    return min((lag_days.get(kind, 0) for kind in kinds), default=0)

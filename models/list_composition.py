"""Who is on the review list at capacity: each group's share of it compared with its share of the people and of the events, and at equal age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.intervals import NOT_KNOWN, Estimate, on_log_scale, on_logit_scale, wilson


@dataclass(frozen=True)
class ListCounts:
    """How many of some people are on the review list, how many there are, and how many have the outcome."""

    listed: int
    people: int
    events: int


def composition(group: ListCounts, everyone: ListCounts) -> dict[str, Estimate]:
    """Return a group's share of the list, of the people and of the events, and the ratio of the first to each of the others.

    The number of people is fixed, so the limits of the ratio to their share are those of the list's share. The number of events is random as
    well, so both errors count.
    """
    of_list, of_events = wilson(group.listed, everyone.listed), wilson(group.events, everyone.events)
    of_people = group.people / max(everyone.people, 1)
    shares = {"list_share": of_list, "population_share": Estimate(of_people), "event_share": of_events}
    if of_people > 0 and group.listed > 0:
        shares["list_share_over_population_share"] = Estimate(
            of_list.value / of_people, of_list.lower / of_people, of_list.upper / of_people
        )
    else:
        shares["list_share_over_population_share"] = NOT_KNOWN
    shares["list_share_over_event_share"] = _ratio(of_list, group.listed, of_events, group.events)
    return shares


def age_standardised_selection(
    chosen: np.ndarray, people: np.ndarray, all_chosen: np.ndarray, all_people: np.ndarray
) -> dict[str, Estimate]:
    """Return the share of a group that is listed, standardised to everyone's ages, and its ratio to everyone's share (inputs by age band).

    Bands in which the group has no people are excluded on both sides.
    """
    present = people > 0
    weights = all_people[present] / max(all_people[present].sum(), 1)
    if not present.any() or not weights.sum():
        return {"age_standardised_selection_rate": NOT_KNOWN, "age_standardised_selection_ratio": NOT_KNOWN}
    share, n = chosen[present] / people[present], people[present]
    rate = float(weights @ share)
    smoothed = (chosen[present] + 0.5) / (n + 1)  # keeps the variance above 0 in a band in which no one or everyone is listed
    error = float(np.sqrt(weights**2 @ (smoothed * (1 - smoothed) / n)))
    everyone = float(weights @ (all_chosen[present] / all_people[present]))
    ratio = on_log_scale(rate / everyone, error / rate) if rate > 0 and everyone > 0 else NOT_KNOWN
    return {"age_standardised_selection_rate": on_logit_scale(rate, error), "age_standardised_selection_ratio": ratio}


def _ratio(first: Estimate, count: int, second: Estimate, other: int) -> Estimate:
    """Return the ratio of two shares, limits on the log scale from the errors of both."""
    if not (count and other and first.value > 0 and second.value > 0):
        return NOT_KNOWN
    log_error = np.hypot(first.error / first.value, second.error / second.value)
    return on_log_scale(first.value / second.value, float(log_error))

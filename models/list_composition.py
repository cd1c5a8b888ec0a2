"""Who is on the list at capacity: each group's share of it against its share of the people and of the events, and at equal age."""

from __future__ import annotations

import numpy as np

from models.intervals import NOT_KNOWN, Estimate, on_log_scale, on_logit_scale, wilson


def composition(chosen: int, people: int, events: int, all_chosen: int, all_people: int, all_events: int) -> dict[str, Estimate]:
    """Give a group's share of the list, of the people and of the events, and the first over each of the others.

    The people are given, so the limits of the ratio to their share are those of the list's share; the events happened by
    chance too, and both errors count.
    """
    of_list, of_people, of_events = wilson(chosen, all_chosen), people / max(all_people, 1), wilson(events, all_events)
    found = {"list_share": of_list, "population_share": Estimate(of_people), "event_share": of_events}
    if of_people > 0 and chosen > 0:
        found["list_share_over_population_share"] = Estimate(
            of_list.value / of_people, of_list.lower / of_people, of_list.upper / of_people
        )
    else:
        found["list_share_over_population_share"] = NOT_KNOWN
    found["list_share_over_event_share"] = _ratio(of_list, chosen, of_events, events)
    return found


def age_standardised_selection(
    chosen: np.ndarray, people: np.ndarray, all_chosen: np.ndarray, all_people: np.ndarray
) -> dict[str, Estimate]:
    """Give the share of a group that is listed as it would be with everyone's ages, and that over everyone's (by age band).

    Bands in which the group has nobody take no part on either side.
    """
    held = people > 0
    weights = all_people[held] / max(all_people[held].sum(), 1)
    if not held.any() or not weights.sum():
        return {"age_standardised_selection_rate": NOT_KNOWN, "age_standardised_selection_ratio": NOT_KNOWN}
    share, n = chosen[held] / people[held], people[held]
    rate = float(weights @ share)
    smoothed = (chosen[held] + 0.5) / (n + 1)  # keeps the variance of a band in which nobody or everyone is listed above 0
    error = float(np.sqrt(weights**2 @ (smoothed * (1 - smoothed) / n)))
    everyone = float(weights @ (all_chosen[held] / all_people[held]))
    ratio = on_log_scale(rate / everyone, error / rate) if rate > 0 and everyone > 0 else NOT_KNOWN
    return {"age_standardised_selection_rate": on_logit_scale(rate, error), "age_standardised_selection_ratio": ratio}


def _ratio(first: Estimate, count: int, second: Estimate, other: int) -> Estimate:
    """Give the ratio of two shares, limits on the log scale from the errors of both."""
    if not (count and other and first.value > 0 and second.value > 0):
        return NOT_KNOWN
    log_error = np.hypot(first.error / first.value, second.error / second.value)
    return on_log_scale(first.value / second.value, float(log_error))

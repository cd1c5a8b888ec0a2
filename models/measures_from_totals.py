"""The measures of a group computed again from other totals than its own, as from rounded ones.

Rates, ratios and their limits follow from the totals alone. A measure that depends on more (the spread of the risks, ages) moves with
the rate it depends on, and its limits widen or narrow with the square root of the count behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import logit

from models.intervals import NOT_KNOWN, Z95, Estimate, on_log_scale, on_logit_scale, wilson
from models.list_composition import ListCounts, composition

Counts = tuple[float, float]  # of a share: the count and its total
LISTED = "_top_"  # in the name of a measure of a list: ppv_top_5pct


@dataclass(frozen=True)
class GroupTotals:
    """The counts behind a group's measures: people, rows, events, and for each list the listed rows and the events among them."""

    people: float
    rows: float
    events: float
    listed: Mapping[str, float] = field(default_factory=dict)
    found: Mapping[str, float] = field(default_factory=dict)

    def each(self, change: Callable[[float], float]) -> GroupTotals:
        """Return the totals with every count changed."""
        lists = ({name: change(count) for name, count in counts.items()} for counts in (self.listed, self.found))
        return GroupTotals(change(self.people), change(self.rows), change(self.events), *lists)


def list_of(metric: str) -> str:
    """Return the list that a measure is about ('top_5pct'), or ''."""
    _, mark, name = metric.partition(LISTED)
    return mark.strip("_") + "_" + name if mark else ""


def totals_behind(measures: Mapping[str, Estimate], people: float, events: float) -> GroupTotals:
    """Return the counts that a group's exact measures were computed from; NaN where they cannot be known.

    Rows may be more than people, where one person has several. They follow from events and their share of the rows.
    """
    rate = _value(measures, "base_rate")
    rows = float(np.rint(events / rate)) if rate > 0 else people
    listed, found = {}, {}
    for at in sorted({list_of(name) for name in measures} - {""}):
        found[at] = float(np.rint(_value(measures, f"sensitivity_{at}") * events)) if events else 0.0
        share, ppv = _value(measures, f"selection_rate_{at}"), _value(measures, f"ppv_{at}")
        listed[at] = (
            float(np.rint(share * rows)) if np.isfinite(share) else float(np.rint(found[at] / ppv)) if ppv > 0 else np.nan
        )
    return GroupTotals(float(people), rows, float(events), listed, found)


def from_totals(
    measures: Mapping[str, Estimate], exact: GroupTotals, totals: GroupTotals, everyone: GroupTotals | None = None
) -> dict[str, Estimate]:
    """Return the measures as they are with `totals` in the place of the `exact` ones; `everyone` holds the totals of all rows.

    What cannot be computed stays so. A measure that depends on no count stays as it is.
    """
    again = {**_of_all_rows(measures, exact, totals)}
    for at in exact.listed:
        again |= {f"{name}_{at}": estimate for name, estimate in _of_list(measures, at, exact, totals, everyone).items()}
    return {
        name: again[name] if name in again and np.isfinite(estimate.value) else estimate for name, estimate in measures.items()
    }


def _of_all_rows(measures: Mapping[str, Estimate], exact: GroupTotals, totals: GroupTotals) -> dict[str, Estimate]:
    rate = wilson(totals.events, totals.rows)
    found = {"base_rate": rate}
    if "observed_over_expected" in measures:
        found["observed_over_expected"] = _observed_over_expected(measures["observed_over_expected"], exact, totals)
    if "calibration_in_the_large" in measures:  # its error is 1 over the root of how the expected events move with it
        of = measures["calibration_in_the_large"]
        more = rate.value * exact.rows - exact.events
        found["calibration_in_the_large"] = _shifted(of, more * ((of.upper - of.lower) / (2 * Z95)) ** 2)
    variance = rate.value * (1 - rate.value)
    if {"brier", "scaled_brier"} <= set(measures):
        by_rate = 1 - measures["brier"].value / variance if variance > 0 else np.nan
        found["scaled_brier"] = _shifted(measures["scaled_brier"], by_rate - measures["scaled_brier"].value)
    return found


def _observed_over_expected(estimate: Estimate, exact: GroupTotals, totals: GroupTotals) -> Estimate:
    """Return the ratio to the same mean risk; its limits lie on the log scale, where their width is one over the root of the events."""
    per_row = exact.rows / totals.rows if totals.rows else np.nan
    if not exact.events or not totals.events:
        return Estimate(estimate.value, estimate.lower, estimate.upper * per_row)
    value = estimate.value * totals.events / exact.events * per_row
    narrower = exact.events / totals.events / np.sqrt(per_row)
    lower, upper = ((limit / estimate.value) ** narrower * value for limit in (estimate.lower, estimate.upper))
    return Estimate(value, lower, upper)


def _of_list(
    measures: Mapping[str, Estimate], at: str, exact: GroupTotals, totals: GroupTotals, everyone: GroupTotals | None
) -> dict[str, Estimate]:
    listed, found, events, rows = totals.listed[at], totals.found[at], totals.events, totals.rows
    selection, ppv, sensitivity = wilson(listed, rows), wilson(found, listed), wilson(found, events)
    again = {
        "selection_rate": selection,
        "ppv": ppv,
        "sensitivity": sensitivity,
        "false_negative_rate": wilson(events - found, events),
        "lift": _each(ppv, lambda value: value * rows / events if events else np.nan),
        "number_needed_to_evaluate": _inverse(ppv),
        "age_standardised_sensitivity": _moved_share(
            measures.get(f"age_standardised_sensitivity_{at}", NOT_KNOWN), (exact.found[at], exact.events), (found, events)
        ),
        "age_standardised_selection_rate": _moved_share(
            measures.get(f"age_standardised_selection_rate_{at}", NOT_KNOWN), (exact.listed[at], exact.rows), (listed, rows)
        ),
        "age_standardised_selection_ratio": _moved_ratio(
            measures.get(f"age_standardised_selection_ratio_{at}", NOT_KNOWN), (exact.listed[at], exact.rows), (listed, rows)
        ),
    }
    if everyone is not None and everyone.listed.get(at, 0) > 0:
        board = ListCounts(everyone.listed[at], everyone.rows, everyone.events)  # type: ignore[arg-type]
        again |= composition(ListCounts(listed, rows, events), board)  # type: ignore[arg-type]
    return again


def _moved_share(estimate: Estimate, before: Counts, after: Counts) -> Estimate:
    """Return a share standardised by age as its crude one moves from `before` to `after` (count and total), limits on the logit scale."""
    if not 0 < estimate.value < 1 or not before[0] or not after[0]:
        return estimate
    error = (logit(estimate.upper) - logit(estimate.lower)) / (2 * Z95) * estimate.value * (1 - estimate.value)
    value = min(1.0, estimate.value * (after[0] / after[1]) / (before[0] / before[1]))
    return on_logit_scale(value, float(error * _error(after) / _error(before)))


def _moved_ratio(estimate: Estimate, before: Counts, after: Counts) -> Estimate:
    """Return a ratio of such a share to everyone's, limits on the log scale."""
    if not estimate.lower > 0 or not before[0] or not after[0]:
        return estimate
    by = (after[0] / after[1]) / (before[0] / before[1])
    log_error = (np.log(estimate.upper) - np.log(estimate.lower)) / (2 * Z95)
    return on_log_scale(estimate.value * by, float(log_error * _error(after) / _error(before) / by))


def _error(counts: Counts) -> float:
    """Return the standard error of a share, smoothed as where it is standardised: not 0 where none or all are counted."""
    smoothed = (counts[0] + 0.5) / (counts[1] + 1)
    return float(np.sqrt(smoothed * (1 - smoothed) / counts[1]))


def _shifted(estimate: Estimate, by: float) -> Estimate:
    return _each(estimate, lambda value: value + by)


def _inverse(estimate: Estimate) -> Estimate:
    value, upper, lower = (1 / part if part > 0 else np.nan for part in (estimate.value, estimate.lower, estimate.upper))
    return Estimate(value, lower, upper)


def _each(estimate: Estimate, change: Callable[[float], float]) -> Estimate:
    return Estimate(change(estimate.value), change(estimate.lower), change(estimate.upper))


def _value(measures: Mapping[str, Estimate], name: str) -> float:
    return measures[name].value if name in measures else float("nan")

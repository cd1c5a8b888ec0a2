"""Intervals against limits: Holm's adjustment, and the pooling of groups with too few events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from models.gate_settings import GateSettings
from models.group_labels import group_label
from models.intervals import Estimate
from models.scored_rows import ScoredRows, group_masks

ONE_SIDE = 0.025  # of a 95% interval


@dataclass(frozen=True, eq=False)
class IntervalCheck:
    """One estimate against its limits, on the scale (`log` or plain) on which its error is normal."""

    subject: str
    measure: str
    estimate: Estimate
    limits: tuple[float, float]
    events: int
    error: float
    log: bool
    minimum_events: int = 0

    @classmethod
    def of_ratio(
        cls, subject: str, measure: str, estimate: Estimate, limits: tuple[float, float], events: int, log_error: bool = False
    ) -> IntervalCheck:
        """Check a ratio on the log scale; with `log_error` its error is that of the logarithm."""
        error = estimate.error if log_error else estimate.error / estimate.value if estimate.value > 0 else float("nan")
        return cls(subject, measure, estimate, limits, events, error, True)

    @classmethod
    def of_value(
        cls, subject: str, measure: str, estimate: Estimate, limits: tuple[float, float], events: int, minimum_events: int
    ) -> IntervalCheck:
        """Check a value as it is."""
        return cls(subject, measure, estimate, limits, events, estimate.error, False, minimum_events)

    def needing(self, minimum_events: int) -> IntervalCheck:
        """Return the check with at least this minimum of events."""
        return replace(self, minimum_events=max(self.minimum_events, minimum_events))

    @property
    def enough(self) -> bool:
        """Whether there are enough events to decide."""
        return self.events >= self.minimum_events and bool(np.isfinite(self.estimate.value))

    @property
    def inside(self) -> bool:
        """Whether the 95% interval lies inside the limits."""
        return self.enough and self.limits[0] <= self.estimate.lower and self.estimate.upper <= self.limits[1]

    @property
    def p_value(self) -> float:
        """One-sided p value of lying within the limits; 1 without enough events."""
        if not self.enough or not self.error > 0:
            return 1.0
        scale = np.log if self.log else np.asarray
        with np.errstate(divide="ignore"):  # a limit of 0 lies infinitely far
            value, lower, upper = (float(scale(number)) for number in (self.estimate.value, *self.limits))
        return float(norm.sf(max(lower - value, value - upper) / self.error))

    def text(self, verdict: str) -> str:
        """Return the estimate with its limits as text."""
        subject = f"{group_label(self.subject)}: {self.measure}"
        if not self.enough:
            return f"{subject} cannot be compared, {self.events} events where {self.minimum_events} are needed"
        estimate = f"{self.estimate.value:.2f} ({self.estimate.lower:.2f} to {self.estimate.upper:.2f})"
        return f"{subject} {estimate} {verdict} {self.limits[0]:g} to {self.limits[1]:g}"

    def to_dict(self, failed: bool) -> dict[str, Any]:
        """Return the check as plain data; what cannot be computed is None."""
        numbers = {"value": self.estimate.value, "lower": self.estimate.lower, "upper": self.estimate.upper}
        return {
            "subject": self.subject,
            "measure": self.measure,
            **{name: float(value) if np.isfinite(value) else None for name, value in numbers.items()},
            "limits": list(self.limits),
            "events": self.events,
            "answer": "fail" if failed else "pass" if self.inside else "cannot_tell",
        }


def holm_failures(checks: Sequence[IntervalCheck]) -> set[int]:
    """Return the ids of the checks whose interval, adjusted by Holm over all of them, lies wholly outside the limits."""
    compared = sorted((check for check in checks if check.enough), key=lambda check: check.p_value)
    failures: set[int] = set()
    for place, check in enumerate(compared):
        if check.p_value > ONE_SIDE / (len(compared) - place):
            break
        failures.add(id(check))
    return failures


def judged_groups(
    rows: ScoredRows,
    groups: pd.DataFrame,
    kind: str,
    settings: GateSettings,
    least_events: int | None = None,
    counted: np.ndarray | None = None,
) -> list[tuple[str, np.ndarray]]:
    """Return the groups of a kind to compare (name, mask in order of risk), with groups of too few events pooled.

    Events are outcomes, or the rows where `counted` (in order of risk) is true. Neighbours of an ordered kind are pooled. Its
    groups without a place in the order (not known) are compared if they are large enough. In other kinds the small groups are
    pooled. A pool that is still too small is returned as well: its check then has too few events to decide.
    """
    minimum = least_events or settings.minimum_events
    if kind not in groups:
        return []
    events = rows.labels if counted is None else counted
    found = [(name, mask, int(events[mask].sum())) for name, mask in group_masks(groups[kind], rows.position)]
    pool = _pooled_in_order if kind in settings.ordered_kinds else _pooled_together
    return [(f"{kind} {name}", mask) for name, mask, _ in pool(found, minimum)]


Group = tuple[str, np.ndarray, int]


def _pooled_in_order(groups: list[Group], minimum: int) -> list[Group]:
    placed = [group for group in groups if group[0][:1].isdigit()]
    unplaced = [group for group in groups if not group[0][:1].isdigit() and group[2] >= minimum]
    return [*_pooled_neighbours(sorted(placed, key=lambda group: _place(group[0])), minimum), *unplaced]


def _pooled_neighbours(groups: list[Group], minimum: int) -> list[Group]:
    groups = list(groups)
    while len(groups) > 1:
        smallest = min(range(len(groups)), key=lambda place: groups[place][2])
        if groups[smallest][2] >= minimum:
            break
        neighbours = [place for place in (smallest - 1, smallest + 1) if 0 <= place < len(groups)]
        other = min(neighbours, key=lambda place: groups[place][2])
        first, second = sorted((smallest, other))
        groups[first : second + 1] = [_together([groups[first], groups[second]])]
    return groups


def _pooled_together(groups: list[Group], minimum: int) -> list[Group]:
    small = [group for group in groups if group[2] < minimum]
    large = [group for group in groups if group[2] >= minimum]
    return [*large, _together(small)] if len(small) > 1 else groups


def _together(groups: list[Group]) -> Group:
    mask = np.logical_or.reduce([mask for _, mask, _ in groups])
    return " + ".join(name for name, _, _ in groups), mask, sum(events for _, _, events in groups)


def _place(name: str) -> int:
    digits = "".join(character if character.isdigit() else " " for character in name).split()
    return int(digits[0])

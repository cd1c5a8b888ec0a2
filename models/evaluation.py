"""Every measure of a model on rows that did not train it, each with its limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.blas import one_blas_thread
from models.calibration_measures import (
    SMOOTHER,
    brier,
    calibration_in_the_large,
    calibration_slope,
    observed_over_expected,
    scaled_brier,
    smooth_calibration,
)
from models.capacity import at_capacity, per_team, share_name, team_size_name
from models.discrimination import Discrimination, discrimination
from models.intervals import NOT_KNOWN, Estimate, wilson
from models.scored_rows import ScoredRows
from models.settings import CapacitySettings


@dataclass(frozen=True)
class Evaluation:
    """The measures of one model on one set of rows, by stable names, with the methods of the limits and of the smoother."""

    measures: dict[str, Estimate]
    rows: int
    people: int
    events: int
    limits: str
    smoother: str = SMOOTHER

    @property
    def ranking(self) -> Discrimination:
        """Return how well the model ranks."""
        return Discrimination(self.measures["auroc"], self.measures["average_precision"], self.limits)

    def value(self, name: str) -> float:
        """Return the value of one measure."""
        return self.measures[name].value

    def as_metrics(self) -> dict[str, float]:
        """Return values and limits by name (`auroc`, `auroc_lower`, ...), without those that cannot be computed."""
        metrics = {"rows": float(self.rows), "people": float(self.people), "events": float(self.events)}
        for name, estimate in self.measures.items():
            for suffix, value in (("", estimate.value), ("_lower", estimate.lower), ("_upper", estimate.upper)):
                if np.isfinite(value):
                    metrics[name + suffix] = float(value)
        return metrics


@one_blas_thread()
def evaluate(
    rows: ScoredRows, capacity: CapacitySettings, seed: int, analytic: bool = False, teams: np.ndarray | None = None
) -> Evaluation:
    """Measure risks against outcomes.

    `teams` names the team on whose list a row is, in the rows' original order. `analytic` computes analytic limits for any number of people (see
    discrimination).
    """
    ranked = discrimination(rows, seed, analytic)
    smooth = smooth_calibration(rows)
    measures = {
        "base_rate": wilson(rows.events, rows.rows),
        "mean_risk": Estimate(float(rows.risk.mean()) if rows.rows else float("nan")),
        "auroc": ranked.auroc,
        "average_precision": ranked.average_precision,
        "brier": brier(rows),
        "scaled_brier": scaled_brier(rows),
        "calibration_in_the_large": calibration_in_the_large(rows),
        "calibration_slope": calibration_slope(rows),
        "observed_over_expected": observed_over_expected(rows),
        **(smooth.errors(seed) if smooth else dict.fromkeys(("ici", "e50", "e90"), NOT_KNOWN)),
    }
    for share in capacity.shares:
        for name, estimate in at_capacity(rows, share).items():
            measures[f"{name}_{share_name(share)}"] = estimate
    if teams is not None and capacity.team_size:
        for name, estimate in per_team(rows, teams, capacity.team_size).items():
            measures[f"{name}_{team_size_name(capacity.team_size)}"] = estimate
    return Evaluation(measures, rows.rows, rows.people, rows.events, ranked.limits)

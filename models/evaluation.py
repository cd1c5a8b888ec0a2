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
from models.capacity import at_capacity, share_name
from models.discrimination import discrimination
from models.intervals import Estimate, wilson
from models.scored_rows import ScoredRows, scored_rows
from models.settings import CapacitySettings


@dataclass(frozen=True)
class Evaluation:
    """The measures of one model on one set of rows, by stable names, and how the limits and the smoother work."""

    measures: dict[str, Estimate]
    rows: int
    people: int
    events: int
    limits: str
    smoother: str = SMOOTHER

    def value(self, name: str) -> float:
        """Give one measure's value."""
        return self.measures[name].value

    def as_metrics(self) -> dict[str, float]:
        """Give values and limits by name (`auroc`, `auroc_lower`, ...), without those that cannot be computed."""
        metrics = {"rows": float(self.rows), "people": float(self.people), "events": float(self.events)}
        for name, estimate in self.measures.items():
            for suffix, value in (("", estimate.value), ("_lower", estimate.lower), ("_upper", estimate.upper)):
                if np.isfinite(value):
                    metrics[name + suffix] = float(value)
        return metrics


def evaluate(
    risk: np.ndarray,
    labels: np.ndarray,
    person: np.ndarray,
    capacity: CapacitySettings,
    seed: int,
    keys: np.ndarray | None = None,
) -> Evaluation:
    """Measure risks against labels; `keys` break ties of risk (the person where not given)."""
    return evaluate_rows(scored_rows(risk, labels, person, keys), capacity, seed)


def evaluate_rows(rows: ScoredRows, capacity: CapacitySettings, seed: int, analytic: bool = False) -> Evaluation:
    """Measure rows that are already in order of risk; `analytic` limits whatever the number of people (see discrimination)."""
    with one_blas_thread():
        return _evaluate_rows(rows, capacity, seed, analytic)


def _evaluate_rows(rows: ScoredRows, capacity: CapacitySettings, seed: int, analytic: bool) -> Evaluation:
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
        "ici": Estimate(smooth.ici if smooth else float("nan")),
        "e50": Estimate(smooth.gap_quantile(0.5) if smooth else float("nan")),
        "e90": Estimate(smooth.gap_quantile(0.9) if smooth else float("nan")),
    }
    for share in capacity.shares:
        for name, estimate in at_capacity(rows, share).items():
            measures[f"{name}_{share_name(share)}"] = estimate
    return Evaluation(measures, rows.rows, rows.people, rows.events, ranked.limits)

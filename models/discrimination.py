"""How well a model ranks: AUROC and average precision with limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.intervals import NOT_KNOWN, Estimate, clustered_variance, on_logit_scale, wald
from models.scored_rows import ScoredRows

BOOTSTRAP_PEOPLE = 100_000  # up to this many people limits come from a bootstrap by person, above it they are analytic
RESAMPLES = 200


@dataclass(frozen=True)
class Discrimination:
    """AUROC and average precision, and where their limits come from."""

    auroc: Estimate
    average_precision: Estimate
    limits: str


def discrimination(rows: ScoredRows, seed: int, analytic: bool = False) -> Discrimination:
    """Give AUROC and average precision; NaN where one of the classes is empty.

    `analytic` asks for analytic limits whatever the number of people, as for a group of a board too large to resample.
    """
    if not 0 < rows.events < rows.rows:
        return Discrimination(NOT_KNOWN, NOT_KNOWN, "none")
    area, precision = areas(rows, np.ones(rows.rows))
    if analytic or rows.people > BOOTSTRAP_PEOPLE:
        return Discrimination(delong(rows), _binomial_precision(precision, rows.events), "DeLong")
    draws = bootstrap_areas(rows, seed)
    error = draws.std(axis=0, ddof=1)
    return Discrimination(
        on_logit_scale(area, float(error[0])), on_logit_scale(precision, float(error[1])), "bootstrap by person"
    )


def areas(rows: ScoredRows, weights: np.ndarray) -> tuple[float, float]:
    """Give AUROC (ties count half) and average precision of weighted rows."""
    positive = weights * rows.labels
    negative = weights - positive
    if len(rows.tie_starts) < rows.rows:
        positive, negative = np.add.reduceat(positive, rows.tie_starts), np.add.reduceat(negative, rows.tie_starts)
    seen_positive, seen_negative = np.cumsum(positive), np.cumsum(negative)
    all_positive, all_negative = seen_positive[-1], seen_negative[-1]
    if all_positive <= 0 or all_negative <= 0:
        return float("nan"), float("nan")
    below = all_negative - seen_negative + 0.5 * negative
    seen = np.maximum(seen_positive + seen_negative, 1e-300)
    return float(positive @ below / (all_positive * all_negative)), float(positive @ (seen_positive / seen) / all_positive)


def bootstrap_areas(rows: ScoredRows, seed: int, resamples: int = RESAMPLES) -> np.ndarray:
    """Give AUROC and average precision of people drawn with replacement (resamples x 2), the rows of a person together."""
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        times = np.bincount(generator.integers(rows.people, size=rows.people), minlength=rows.people)
        drawn.append(areas(rows, (times if rows.person is None else times[rows.person]).astype(np.float64)))
    table = np.asarray(drawn)
    return table[~np.isnan(table).any(axis=1)]


def delong(rows: ScoredRows) -> Estimate:
    """Give AUROC with DeLong's limits by midranks (Sun and Xu 2014); rows of one person count together."""
    value, influence = auroc_influence(rows)
    return on_logit_scale(value, float(np.sqrt(clustered_variance(influence, rows.person))))


def auroc_influence(rows: ScoredRows) -> tuple[float, np.ndarray]:
    """Give AUROC and each row's influence on it; their squares sum to DeLong's variance for one row a person."""
    label = rows.labels > 0
    positive, negative = np.add.reduceat(rows.labels, rows.tie_starts), np.add.reduceat(1.0 - rows.labels, rows.tie_starts)
    run = np.repeat(np.arange(len(rows.tie_starts)), np.diff(np.append(rows.tie_starts, rows.rows)))
    all_positive, all_negative = positive.sum(), negative.sum()
    below = ((all_negative - np.cumsum(negative) + 0.5 * negative) / all_negative)[run]  # share of non-events ranked lower
    above = ((np.cumsum(positive) - 0.5 * positive) / all_positive)[run]  # share of events ranked higher
    value = float(below[label].mean())
    scale = np.where(label, _unbiased(all_positive), _unbiased(all_negative))
    return value, (np.where(label, below, above) - value) * scale


def auroc_gain(rows: ScoredRows, baseline: ScoredRows) -> Estimate:
    """Give the gain in AUROC over another model's risks of the same rows, with limits that know both ranked the same people."""
    value, influence = auroc_influence(rows)
    other, other_influence = auroc_influence(baseline)
    difference = np.empty(rows.rows)
    difference[rows.position] = influence
    difference[baseline.position] -= other_influence
    person = None
    if rows.person is not None:
        person = np.empty(rows.rows, dtype=np.intp)
        person[rows.position] = rows.person
    return wald(value - other, float(np.sqrt(clustered_variance(difference, person))))


def _unbiased(count: float) -> float:
    """Scale so that a sum of squares equals a variance with n - 1 divided by n."""
    return float(1.0 / np.sqrt(count * max(count - 1.0, 1.0)))


def _binomial_precision(value: float, events: int) -> Estimate:
    """Give average precision with limits on the logit scale for a sample of that many events (Boyd 2013)."""
    return on_logit_scale(value, float(np.sqrt(value * (1 - value) / events)))

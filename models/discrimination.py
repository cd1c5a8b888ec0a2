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
    """AUROC and average precision, and the method of their limits."""

    auroc: Estimate
    average_precision: Estimate
    limits: str


def discrimination(rows: ScoredRows, seed: int, analytic: bool = False) -> Discrimination:
    """Return AUROC and average precision; NaN if one of the classes is empty.

    `analytic` computes analytic limits for any number of people, as for a group of a board that is too large to resample.
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
    """Return AUROC (ties count half) and average precision of weighted rows."""
    return _areas(_RunsWithEvents.of(rows), weights)


def bootstrap_areas(rows: ScoredRows, seed: int, resamples: int = RESAMPLES) -> np.ndarray:
    """Return AUROC and average precision of people drawn with replacement (resamples x 2), the rows of a person together.

    The order of risk is the same in every draw, so a draw costs only its random numbers and a running sum of how often each row was drawn.
    """
    generator, runs, drawn = np.random.default_rng(seed), _RunsWithEvents.of(rows), []
    for _ in range(resamples):
        times = np.bincount(generator.integers(rows.people, size=rows.people), minlength=rows.people)
        drawn.append(_areas(runs, times if rows.person is None else times[rows.person]))
    table = np.asarray(drawn)
    return table[~np.isnan(table).any(axis=1)]


@dataclass(frozen=True)
class _RunsWithEvents:
    """The runs of equal risks that hold an event: the areas depend only on these and on running sums."""

    events: np.ndarray  # places of the events in order of risk
    begins: np.ndarray  # where among `events` each run begins
    first: np.ndarray  # place of each run's first row
    last: np.ndarray  # and of its last one

    @classmethod
    def of(cls, rows: ScoredRows) -> _RunsWithEvents:
        events, starts = np.flatnonzero(rows.labels > 0), rows.tie_starts
        run = np.searchsorted(starts, events, side="right") - 1
        begins = np.flatnonzero(np.diff(run, prepend=-1))
        ends = np.append(starts[1:], rows.rows) - 1
        return cls(events, begins, starts[run[begins]], ends[run[begins]])


def _areas(runs: _RunsWithEvents, weights: np.ndarray) -> tuple[float, float]:
    seen = np.cumsum(weights)
    positive = np.add.reduceat(weights[runs.events], runs.begins) if len(runs.begins) else np.zeros(0)
    events_so_far = np.cumsum(positive)
    all_positive = float(events_so_far[-1]) if len(events_so_far) else 0.0
    all_negative = float(seen[-1]) - all_positive if len(seen) else 0.0
    if all_positive <= 0 or all_negative <= 0:
        return float("nan"), float("nan")
    upto = seen[runs.last]
    negative = upto - seen[runs.first] + weights[runs.first] - positive
    below = all_negative - (upto - events_so_far) + 0.5 * negative
    precision = events_so_far / np.maximum(upto, 1e-300)
    return float(positive @ below / (all_positive * all_negative)), float(positive @ precision / all_positive)


def delong(rows: ScoredRows) -> Estimate:
    """Return AUROC with DeLong's limits by midranks (Sun and Xu 2014); rows of one person count together."""
    value, influence = auroc_influence(rows)
    return on_logit_scale(value, float(np.sqrt(clustered_variance(influence, rows.person))))


def auroc_influence(rows: ScoredRows) -> tuple[float, np.ndarray]:
    """Return AUROC and each row's influence on it; their squares sum to DeLong's variance for one row a person."""
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
    """Return the gain in AUROC over another model's risks of the same rows, with limits that account for both ranking the same people."""
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
    """Return average precision with limits on the logit scale for a sample of that many events (Boyd 2013)."""
    return on_logit_scale(value, float(np.sqrt(value * (1 - value) / events)))

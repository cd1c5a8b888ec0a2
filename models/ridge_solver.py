"""The solver of the ridge-penalised logistic regression: Newton steps that reuse a curvature as long as they shrink fast.

Library solvers take 1.6 to 3.5 times the CPU seconds on Strata's sizes (benchmarks/solvers.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse
from scipy.special import expit, logit

MOST_STEPS = 200
PRECISION = 1e-13  # of the loss: the solver ends when a further step would gain less
SLOW = 0.6  # a step that would gain more than this share of the step before needs a new curvature


@dataclass(frozen=True)
class Design:
    """The columns of the curated predictors."""

    numbers: np.ndarray  # rows x number columns, float64
    levels: sparse.csr_matrix  # rows x category columns, 0 and 1
    places: tuple[np.ndarray, ...]  # positions of each transform's coefficients

    @property
    def width(self) -> int:
        return self.numbers.shape[1] + self.levels.shape[1]

    @property
    def means(self) -> np.ndarray:
        """Mean of each column."""
        return np.concatenate([self.numbers.mean(axis=0), np.asarray(self.levels.mean(axis=0)).ravel()])

    def times(self, coefficients: np.ndarray) -> np.ndarray:
        count = self.numbers.shape[1]
        return np.asarray(self.numbers @ coefficients[:count] + self.levels @ coefficients[count:])

    def gradient(self, residual: np.ndarray) -> np.ndarray:
        return np.concatenate([self.numbers.T @ residual, self.levels.T @ residual])

    def gram(self, curvature: np.ndarray) -> np.ndarray:
        """Return the weighted cross products in single precision: they set the direction of the steps, not where the steps end."""
        root = np.sqrt(curvature)
        scaled = np.multiply(self.numbers, root[:, None], dtype=np.float32, casting="same_kind")
        if not self.levels.shape[1]:
            return scaled.T @ scaled
        levels = sparse.diags_array(root) @ self.levels
        cross = np.asarray(levels.T @ scaled)
        return np.block([[scaled.T @ scaled, cross.T], [cross, (levels.T @ levels).toarray()]])


@dataclass(frozen=True)
class _PenalisedLoss:
    """The weighted log loss plus the ridge penalty, which leaves the intercept (the first coefficient) free."""

    design: Design
    labels: np.ndarray
    weights: np.ndarray
    penalty: np.ndarray

    def margin(self, solution: np.ndarray) -> np.ndarray:
        return self.design.times(solution[1:]) + solution[0]

    def value(self, solution: np.ndarray, margin: np.ndarray) -> float:
        loss = np.sum(self.weights * (np.logaddexp(0, margin) - self.labels * margin))
        return float(loss + 0.5 * np.sum(self.penalty * solution**2))

    def slope(self, solution: np.ndarray, risk: np.ndarray) -> np.ndarray:
        residual = self.weights * (risk - self.labels)
        return np.concatenate([[residual.sum()], self.design.gradient(residual)]) + self.penalty * solution

    def curvature(self, risk: np.ndarray) -> tuple[np.ndarray, bool]:
        """Return the factored second derivatives."""
        by_row = self.weights * risk * (1 - risk)
        hessian = np.empty((len(self.penalty), len(self.penalty)))
        hessian[0, 0] = by_row.sum()
        hessian[0, 1:] = hessian[1:, 0] = self.design.gradient(by_row)
        hessian[1:, 1:] = self.design.gram(by_row)
        diagonal = np.diag_indices_from(hessian)
        hessian[diagonal] = hessian[diagonal] * (1 + 1e-6) + self.penalty + 1e-9  # rounding must not make it indefinite
        return linalg.cho_factor(hessian, check_finite=False)


@dataclass(frozen=True)
class _Step:
    """A step that was taken: the share of it, and where it led."""

    share: float
    solution: np.ndarray
    margin: np.ndarray
    loss: float


def minimise(
    design: Design, labels: np.ndarray, weights: np.ndarray, prior_variance: float, start: np.ndarray | None = None
) -> np.ndarray:
    """Return the intercept and the coefficients that minimise the weighted log loss plus ridge, by Newton steps.

    A step is halved if it does not descend. The curvature costs far more than the slope, so steps keep it as long as they shrink fast.
    """
    solution = np.zeros(design.width + 1) if start is None else start.copy()
    if start is None:
        solution[0] = logit(np.clip(np.average(labels, weights=weights), 1e-6, 1 - 1e-6))
    penalty = np.full(design.width + 1, 1.0 / prior_variance)
    penalty[0] = 0.0
    loss = _PenalisedLoss(design, labels, weights, penalty)
    margin = loss.margin(solution)
    current, gain, curvature = loss.value(solution, margin), np.inf, None
    for _ in range(MOST_STEPS):
        risk = expit(margin)
        if curvature is None:
            curvature = loss.curvature(risk)
        slope = loss.slope(solution, risk)
        direction = linalg.cho_solve(curvature, slope, check_finite=False)
        expected = float(slope @ direction)
        if expected <= PRECISION * max(1.0, abs(current)):
            break
        step = _descend(loss, solution, direction, current)
        solution, margin, current = step.solution, step.margin, step.loss
        curvature = curvature if step.share == 1.0 and expected < SLOW * gain else None
        gain = expected
    return solution


def _descend(loss: _PenalisedLoss, solution: np.ndarray, direction: np.ndarray, current: float) -> _Step:
    """Take a step against the direction, halved until it does not raise the loss."""
    share = 1.0
    while True:
        candidate = solution - share * direction
        margin = loss.margin(candidate)
        value = loss.value(candidate, margin)
        if value <= current + 1e-10 * abs(current) or share < 1e-4:
            return _Step(share, candidate, margin, value)
        share /= 2

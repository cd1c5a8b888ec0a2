"""Unpenalised logistic regression on a handful of columns, as calibration and its measures need it."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

MOST_STEPS = 100


def fit_small_logistic(
    terms: np.ndarray, labels: np.ndarray, start: np.ndarray, offset: np.ndarray | None = None, weights: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (one per column of `terms`) and the inverse of the information, by Newton steps.

    A step is halved until it descends, so separated or collinear columns end at a finite answer.
    """
    counts = np.ones(len(labels)) if weights is None else weights
    fixed = np.zeros(len(labels)) if offset is None else offset

    def loss(candidate: np.ndarray) -> float:
        margin = terms @ candidate + fixed
        return float(counts @ (np.logaddexp(0, margin) - labels * margin))

    solution, current = start.astype(np.float64), loss(start)
    for _ in range(MOST_STEPS):
        risk = expit(terms @ solution + fixed)
        information = terms.T @ (terms * (counts * risk * (1 - risk))[:, None])
        step = np.linalg.lstsq(information, terms.T @ (counts * (labels - risk)), rcond=None)[0]
        while (reached := loss(solution + step)) > current + 1e-12 * abs(current) and np.abs(step).max() > 1e-12:
            step = step / 2
        solution, current = solution + step, reached
        if np.abs(step).max() < 1e-9:
            break
    return solution, np.linalg.pinv(information)

"""Limits of counts, shares and estimates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import chi2, norm

Z95 = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and limits; NaN where something cannot be computed."""

    value: float
    lower: float = float("nan")
    upper: float = float("nan")
    error: float = float("nan")


NOT_KNOWN = Estimate(float("nan"))


def wilson(count: float, total: float, z: float = Z95) -> Estimate:
    """Return a share with Wilson limits (2x + z^2 -+ z sqrt(z^2 + 4xq)) / 2(n + z^2)."""
    if total <= 0:
        return NOT_KNOWN
    share = count / total
    spread = z * np.sqrt(z**2 + 4 * count * (1 - share))
    middle, width = 2 * count + z**2, 2 * (total + z**2)
    error = float(np.sqrt(share * (1 - share) / total))
    return Estimate(share, max(0.0, float((middle - spread) / width)), min(1.0, float((middle + spread) / width)), error)


def count_limits(count: float, z: float = Z95) -> tuple[float, float]:
    """Return the limits of a count of independent events: exact below 10, Byar's from there."""
    if count < 10:
        tail = float(norm.sf(z))
        lower = float(chi2.ppf(tail, 2 * count) / 2) if count > 0 else 0.0
        return lower, float(chi2.ppf(1 - tail, 2 * count + 2) / 2)
    lower = count * (1 - 1 / (9 * count) - z / (3 * np.sqrt(count))) ** 3
    upper = (count + 1) * (1 - 1 / (9 * (count + 1)) + z / (3 * np.sqrt(count + 1))) ** 3
    return float(lower), float(upper)


def on_logit_scale(value: float, error: float, z: float = Z95) -> Estimate:
    """Return limits of a value between 0 and 1 that stay there (delta method on the log odds)."""
    if not 0 < value < 1 or not np.isfinite(error):
        return Estimate(value, value, value, 0.0) if value in (0.0, 1.0) else NOT_KNOWN
    step = z * error / (value * (1 - value))
    return Estimate(value, float(expit(logit(value) - step)), float(expit(logit(value) + step)), error)


def wald(value: float, error: float, z: float = Z95) -> Estimate:
    """Return symmetric limits."""
    return Estimate(value, value - z * error, value + z * error, error)


def on_log_scale(value: float, log_error: float, z: float = Z95) -> Estimate:
    """Return limits of a positive ratio from the standard error of its logarithm."""
    return Estimate(value, float(value * np.exp(-z * log_error)), float(value * np.exp(z * log_error)), value * log_error)


def clustered_variance(influence: np.ndarray, person: np.ndarray | None) -> float:
    """Return the variance of a sum of influences; rows of one person (dense codes) count together, None for one row each."""
    if person is None:
        return float(influence @ influence)
    sums = np.bincount(person, weights=influence)
    people = max(2, int(np.count_nonzero(np.bincount(person))))
    return float(sums @ sums) * people / (people - 1)

"""From a model's margin to a probability that means what it says: fitted on people who did not train the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from models.settings import CalibrationMethod
from models.small_logistic import fit_small_logistic
from models.splitting import person_folds

CHOOSING_FOLDS = 5
MOST_LOGIT = 30.0


@dataclass(frozen=True)
class Calibrator:
    """A monotone map of the margin, as plain numbers.

    logistic: logit = a + b margin. beta: logit = a + b ln p - c ln(1 - p). isotonic: straight lines between points.
    """

    method: CalibrationMethod
    numbers: tuple[float, ...]

    def risk(self, margin: np.ndarray) -> np.ndarray:
        """Give the calibrated probability of each margin, strictly between 0 and 1."""
        if self.method == "isotonic":
            half = len(self.numbers) // 2
            return np.interp(margin, self.numbers[:half], self.numbers[half:])
        logits = np.full(len(margin), self.numbers[0])
        for term, number in zip(_terms(self.method, margin).T, self.numbers[1:], strict=True):
            logits += term * number  # term by term: a row's risk must not depend on the rows beside it
        return expit(np.clip(logits, -MOST_LOGIT, MOST_LOGIT))

    def to_dict(self) -> dict[str, Any]:
        """Give the map as plain data."""
        return {"method": self.method, "numbers": list(self.numbers)}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Calibrator:
        """Rebuild the map from plain data."""
        return cls(content["method"], tuple(content["numbers"]))


def fit_calibrator(method: CalibrationMethod, margin: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Calibrator:
    """Fit one method by maximum likelihood (isotonic: least squares)."""
    if method == "isotonic":
        return _fit_isotonic(margin, labels, weights)
    terms = np.column_stack([np.ones(len(margin)), _terms(method, margin)])
    kept = np.arange(terms.shape[1])
    while True:
        start = (kept > 0).astype(np.float64)
        found, _ = fit_small_logistic(terms[:, kept], labels, start, weights=weights)
        falling = [place for place, value in zip(kept[1:], found[1:], strict=True) if value <= 0]
        if not falling:
            break
        kept = np.setdiff1d(kept, falling)  # a map that falls would turn the ranking round
    numbers = np.zeros(terms.shape[1])
    numbers[kept] = found
    return Calibrator(method, tuple(float(value) for value in numbers))


def choose_calibrator(
    methods: tuple[CalibrationMethod, ...],
    margin: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    person: np.ndarray,
    seed: int,
) -> Calibrator:
    """Choose a method by log loss on folds of people and fit it on all rows.

    Methods stand simplest first: a later one is taken only when it is better by more than one standard error.
    """
    if len(methods) == 1:
        return fit_calibrator(methods[0], margin, labels, weights)
    fold = person_folds(person, CHOOSING_FOLDS, seed + 4)
    losses = {method: _held_out_losses(method, margin, labels, weights, fold) for method in methods}
    chosen = methods[0]
    for method in methods[1:]:
        gain = weights * (losses[chosen] - losses[method])
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            chosen = method
    return fit_calibrator(chosen, margin, labels, weights)


def cross_fitted_risk(
    method: CalibrationMethod, margin: np.ndarray, labels: np.ndarray, weights: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """Give each row's risk by a map fitted on the other folds."""
    risk = np.empty(len(margin))
    for held_out in np.unique(fold):
        rows = fold == held_out
        risk[rows] = fit_calibrator(method, margin[~rows], labels[~rows], weights[~rows]).risk(margin[rows])
    return risk


def _held_out_losses(
    method: CalibrationMethod, margin: np.ndarray, labels: np.ndarray, weights: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    risk = np.clip(cross_fitted_risk(method, margin, labels, weights, fold), 1e-7, 1 - 1e-7)
    return -(labels * np.log(risk) + (1 - labels) * np.log1p(-risk))


def _terms(method: CalibrationMethod, margin: np.ndarray) -> np.ndarray:
    if method == "logistic":
        return margin[:, None].astype(np.float64)
    return np.column_stack([-np.logaddexp(0, -margin), np.logaddexp(0, margin)])


def _fit_isotonic(margin: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Calibrator:
    fitted = IsotonicRegression(out_of_bounds="clip", y_min=1e-4, y_max=1 - 1e-4).fit(margin, labels, sample_weight=weights)
    places, start = np.unique(fitted.predict(margin), return_inverse=True)
    centres = np.bincount(start, weights=margin * weights) / np.bincount(start, weights=weights)
    return Calibrator("isotonic", (*centres.tolist(), *places.tolist()))

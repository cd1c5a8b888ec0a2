"""The calibration of a model: a map from its margin to a probability, fitted on people who did not train the model."""

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
        """Return the calibrated probability of each margin, strictly between 0 and 1."""
        if self.method == "isotonic":
            half = len(self.numbers) // 2
            return np.interp(margin, self.numbers[:half], self.numbers[half:])
        logits = np.full(len(margin), self.numbers[0])
        for term, number in zip(_terms(self.method, margin).T, self.numbers[1:], strict=True):
            logits += term * number  # term by term: a row's risk must not depend on other rows
        return expit(np.clip(logits, -MOST_LOGIT, MOST_LOGIT))

    def to_dict(self) -> dict[str, Any]:
        """Return the map as plain data."""
        return {"method": self.method, "numbers": list(self.numbers)}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Calibrator:
        """Rebuild the map from plain data."""
        return cls(content["method"], tuple(content["numbers"]))


@dataclass(frozen=True)
class CalibrationRows:
    """Rows that fit a calibration: their margins, outcomes (0 or 1) and weights."""

    margin: np.ndarray
    labels: np.ndarray
    weights: np.ndarray

    def take(self, rows: np.ndarray) -> CalibrationRows:
        """Return some of the rows (mask)."""
        return CalibrationRows(self.margin[rows], self.labels[rows], self.weights[rows])


def fit_calibrator(method: CalibrationMethod, rows: CalibrationRows) -> Calibrator:
    """Fit one method by maximum likelihood (isotonic: least squares)."""
    if method == "isotonic":
        return _fit_isotonic(rows)
    terms = np.column_stack([np.ones(len(rows.margin)), _terms(method, rows.margin)])
    kept = np.arange(terms.shape[1])
    while True:
        start = (kept > 0).astype(np.float64)
        coefficients, _ = fit_small_logistic(terms[:, kept], rows.labels, start, weights=rows.weights)
        falling = [place for place, value in zip(kept[1:], coefficients[1:], strict=True) if value <= 0]
        if not falling:
            break
        kept = np.setdiff1d(kept, falling)  # a map that falls would reverse the ranking
    numbers = np.zeros(terms.shape[1])
    numbers[kept] = coefficients
    return Calibrator(method, tuple(float(value) for value in numbers))


def choose_calibrator(methods: tuple[CalibrationMethod, ...], rows: CalibrationRows, person: np.ndarray, seed: int) -> Calibrator:
    """Choose a method by log loss on folds of people and fit it on all rows.

    Methods are listed simplest first. A later one is chosen only if it is better by more than one standard error.
    """
    if len(methods) == 1:
        return fit_calibrator(methods[0], rows)
    fold = person_folds(person, CHOOSING_FOLDS, seed + 4)
    losses = {method: _held_out_losses(method, rows, fold) for method in methods}
    chosen = methods[0]
    for method in methods[1:]:
        gain = rows.weights * (losses[chosen] - losses[method])
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            chosen = method
    return fit_calibrator(chosen, rows)


def cross_fitted_risk(method: CalibrationMethod, rows: CalibrationRows, fold: np.ndarray) -> np.ndarray:
    """Return each row's risk by a map fitted on the other folds."""
    risk = np.empty(len(rows.margin))
    for number in np.unique(fold):
        held_out = fold == number
        risk[held_out] = fit_calibrator(method, rows.take(~held_out)).risk(rows.margin[held_out])
    return risk


def _held_out_losses(method: CalibrationMethod, rows: CalibrationRows, fold: np.ndarray) -> np.ndarray:
    risk = np.clip(cross_fitted_risk(method, rows, fold), 1e-7, 1 - 1e-7)
    return -(rows.labels * np.log(risk) + (1 - rows.labels) * np.log1p(-risk))


def _terms(method: CalibrationMethod, margin: np.ndarray) -> np.ndarray:
    if method == "logistic":
        return margin[:, None].astype(np.float64)
    return np.column_stack([-np.logaddexp(0, -margin), np.logaddexp(0, margin)])


def _fit_isotonic(rows: CalibrationRows) -> Calibrator:
    regression = IsotonicRegression(out_of_bounds="clip", y_min=1e-4, y_max=1 - 1e-4)
    fitted = regression.fit(rows.margin, rows.labels, sample_weight=rows.weights)
    places, start = np.unique(fitted.predict(rows.margin), return_inverse=True)
    centres = np.bincount(start, weights=rows.margin * rows.weights) / np.bincount(start, weights=rows.weights)
    return Calibrator("isotonic", (*centres.tolist(), *places.tolist()))

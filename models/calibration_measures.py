"""Whether predicted probabilities agree with outcomes: O/E, calibration in the large, slope, ICI and the Brier score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from models.intervals import NOT_KNOWN, Estimate, clustered_variance, count_limits, on_log_scale, wald
from models.scored_rows import ScoredRows
from models.small_logistic import fit_small_logistic

SMOOTHER = "logistic regression on a restricted cubic spline of logit(risk), four knots"
KNOT_PLACES = (0.05, 0.35, 0.65, 0.95)
MOST_BINS = 20_000  # above this many rows the smoother reads equal-sized bins of neighbouring risks
DRAWS, DRAWN_BINS = 300, 2_000  # of the smoother's coefficients, for limits; and the bins at which the drawn curves are read
FEW_EVENTS = 10


@dataclass(frozen=True)
class SmoothCalibration:
    """Observed risk as a smooth function of predicted risk, over bins of rows."""

    predicted: np.ndarray
    observed: np.ndarray
    rows: np.ndarray
    terms: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray

    @property
    def gaps(self) -> np.ndarray:
        """Absolute difference of predicted and smoothed observed risk."""
        return np.abs(self.predicted - self.observed)

    @property
    def ici(self) -> float:
        """Integrated calibration index: the mean gap over the rows."""
        return float(np.average(self.gaps, weights=self.rows))

    def gap_quantile(self, share: float) -> float:
        """Return the gap that a share of the rows does not exceed."""
        order = np.argsort(self.gaps, kind="stable")
        reached = np.cumsum(self.rows[order]) / self.rows.sum()
        return float(self.gaps[order][min(int(np.searchsorted(reached, share)), len(order) - 1)])

    def errors(self, seed: int) -> dict[str, Estimate]:
        """Return ICI, E50 and E90 with limits: percentiles over curves drawn by the covariance of the smoother's coefficients.

        A gap has no sign, so chance only adds to it: the lower limit is never above the value.
        """
        step = max(1, len(self.rows) // DRAWN_BINS)
        terms, predicted, rows = self.terms[::step], self.predicted[::step], self.rows[::step]
        draws = np.random.default_rng(seed).multivariate_normal(
            self.coefficients, self.covariance, DRAWS, method="eigh", check_valid="ignore"
        )
        drawn = np.abs(expit(terms @ draws.T) - predicted[:, None])
        gaps = {
            "ici": (self.ici, np.average(drawn, axis=0, weights=rows)),
            "e50": (self.gap_quantile(0.5), np.quantile(drawn, 0.5, axis=0)),
            "e90": (self.gap_quantile(0.9), np.quantile(drawn, 0.9, axis=0)),
        }
        limits = {name: np.quantile(values, (0.025, 0.975)) for name, (_, values) in gaps.items()}
        return {
            name: Estimate(value, min(value, float(limits[name][0])), max(value, float(limits[name][1])))
            for name, (value, _) in gaps.items()
        }


def observed_over_expected(rows: ScoredRows) -> Estimate:
    """Return outcomes over expected outcomes; limits by person on the log scale, those of the count below 10 outcomes."""
    expected = float(rows.risk.sum())
    if expected <= 0:
        return NOT_KNOWN
    ratio = rows.events / expected
    if rows.events < FEW_EVENTS:
        lower, upper = count_limits(rows.events)
        return Estimate(ratio, lower / expected, upper / expected, float(np.sqrt(max(rows.events, 1))) / expected)
    error = np.sqrt(clustered_variance(rows.labels - rows.risk, rows.person))
    return on_log_scale(ratio, float(error) / rows.events)


def calibration_in_the_large(rows: ScoredRows) -> Estimate:
    """Return the intercept of a logistic model of the outcome with offset logit(risk)."""
    if not 0 < rows.events < rows.rows:
        return NOT_KNOWN
    solution, covariance = _logistic(np.ones((rows.rows, 1)), rows, np.zeros(1), _log_odds(rows.risk))
    return wald(float(solution[0]), float(np.sqrt(covariance[0, 0])))


def calibration_slope(rows: ScoredRows) -> Estimate:
    """Return the slope of a logistic model of the outcome on logit(risk)."""
    if not 0 < rows.events < rows.rows or rows.risk[0] == rows.risk[-1]:
        return NOT_KNOWN
    terms = np.column_stack([np.ones(rows.rows), _log_odds(rows.risk)])
    solution, covariance = _logistic(terms, rows, np.array([0.0, 1.0]))
    return wald(float(solution[1]), float(np.sqrt(covariance[1, 1])))


def brier(rows: ScoredRows) -> Estimate:
    """Return the mean squared error of the risks."""
    errors = (rows.labels - rows.risk) ** 2
    value = float(errors.mean())
    return wald(value, float(np.sqrt(clustered_variance((errors - value) / rows.rows, rows.person))))


def scaled_brier(rows: ScoredRows) -> Estimate:
    """Return 1 less the Brier score over that of everyone at the mean risk."""
    rate = rows.events / rows.rows
    if not 0 < rate < 1:
        return NOT_KNOWN
    errors, variance = (rows.labels - rows.risk) ** 2, rate * (1 - rate)
    score = float(errors.mean())
    by_rate = score * (1 - 2 * rate) / variance**2  # the effect of the mean risk's own score
    influence = (by_rate * (rows.labels - rate) - (errors - score) / variance) / rows.rows
    return wald(1 - score / variance, float(np.sqrt(clustered_variance(influence, rows.person))))


def smooth_calibration(rows: ScoredRows) -> SmoothCalibration | None:
    """Smooth the outcome over the risk (see SMOOTHER); None if there is nothing to smooth."""
    if not 0 < rows.events < rows.rows or rows.risk[0] == rows.risk[-1]:
        return None
    edges = np.linspace(0, rows.rows, min(rows.rows, MOST_BINS) + 1).astype(np.intp)
    counts = np.diff(edges).astype(np.float64)
    risk, outcomes = np.add.reduceat(rows.risk, edges[:-1]) / counts, np.add.reduceat(rows.labels, edges[:-1]) / counts
    terms = _spline(_log_odds(risk))
    start = np.zeros(terms.shape[1])
    start[1] = 1.0  # the risks themselves
    solution, inverse = fit_small_logistic(terms, outcomes, start, weights=counts)
    observed = expit(terms @ solution)
    return SmoothCalibration(risk, observed, counts, terms, solution, inverse * _repeats(rows))


def _repeats(rows: ScoredRows) -> float:
    """Return the factor by which the dependent rows of one person widen a variance."""
    if rows.person is None:
        return 1.0
    return max(1.0, float(clustered_variance(rows.labels - rows.risk, rows.person) / (rows.risk * (1 - rows.risk)).sum()))


def _spline(position: np.ndarray) -> np.ndarray:
    knots = np.unique(np.quantile(position, KNOT_PLACES))
    columns = [np.ones(len(position)), position]
    if len(knots) >= 3:
        last, before = knots[-1], knots[-2]

        def cubed(knot: float) -> np.ndarray:
            return np.maximum(position - knot, 0) ** 3 / (last - knots[0]) ** 2

        columns += [
            cubed(knot) - cubed(before) * (last - knot) / (last - before) + cubed(last) * (before - knot) / (last - before)
            for knot in knots[:-2]
        ]
    return np.column_stack(columns)


def _logistic(
    terms: np.ndarray, rows: ScoredRows, start: np.ndarray, offset: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients and their covariance: a sandwich by person where people have several rows."""
    solution, inverse = fit_small_logistic(terms, rows.labels, start, offset)
    if rows.person is None:
        return solution, inverse
    residual = rows.labels - expit(terms @ solution + (0.0 if offset is None else offset))
    return solution, inverse @ _meat(terms * residual[:, None], rows.person) @ inverse


def _meat(scores: np.ndarray, person: np.ndarray) -> np.ndarray:
    sums = np.column_stack([np.bincount(person, weights=column) for column in scores.T])
    people = max(2, len(sums))
    return sums.T @ sums * people / (people - 1)


def _log_odds(risk: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(risk, 1e-9, 1 - 1e-9)))

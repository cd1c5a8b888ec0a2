"""Lasso-penalised logistic regression on thousands of code-level columns next to the curated predictors.

The solver is scikit-learn's liblinear, whose coordinate descent reads only the values that are not zero. It starts from zero for every
penalty, which still costs less than other solvers' warm starts on such data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from models.blas import one_blas_thread
from models.fitting import Fitting
from models.logistic import LogisticEstimator, fit_transforms, make_design
from models.ridge_solver import Design
from models.settings import LogisticSettings
from models.splitting import person_folds, sampled_people
from models.training_data import TrainingData
from models.transforms import Transform

TUNING_ROWS = 100_000
SMALL = 10_000  # rows up to which the penalty is chosen by three folds instead of one split
SCALING = 0.5  # 0 would penalise codes by their unit, which favours frequent ones; 1 by their spread, which favours rare ones
FITTING, CHOOSING = 1e-4, 1e-3  # the solver's tolerance: losses differ by 1e-5 between the two, by 1e-3 from penalty to penalty
FREE_INTERCEPT = 100.0  # liblinear penalises the intercept; so scaled, its penalty does not matter


@dataclass(frozen=True)
class _Columns:
    """What is fitted on training rows before the coefficients: transforms, each number column's median, scales of codes."""

    transforms: tuple[Transform, ...]
    medians: np.ndarray  # of the curated number columns: with it subtracted, most entries are 0 and take no memory
    scales: np.ndarray  # of the codes

    def matrix(self, data: TrainingData, rows: np.ndarray) -> tuple[sparse.csr_matrix, Design]:
        """Return the columns of some rows: numbers, levels, codes."""
        design = make_design(self.transforms, data.frame.iloc[rows])
        numbers = sparse.csr_matrix(design.numbers - self.medians)
        codes = data.code_matrix(rows)
        scaled = sparse.csr_matrix((codes.data * self.scales[codes.indices], codes.indices, codes.indptr), shape=codes.shape)
        return sparse.hstack([numbers, design.levels, scaled], "csr"), design


def fit_lasso(
    data: TrainingData, rows: np.ndarray, prior_variance: float, settings: LogisticSettings, fitting: Fitting
) -> LogisticEstimator:
    """Fit on the given rows (positions); people are sampled above the settings' maximum. Only codes with an effect are kept."""
    rows = sampled_people(data.person, _training_rows(data, rows), settings.maximum_rows, fitting.seed)
    columns = _fit_columns(data, rows, settings)
    matrix, design = columns.matrix(data, rows)
    coefficients, intercept = _solve(_solver(prior_variance, fitting, FITTING), matrix, data, rows)
    numbers, curated = design.numbers.shape[1], design.width
    intercept -= float(coefficients[:numbers] @ columns.medians)
    effects = design.means * coefficients[:curated]
    codes, used = coefficients[curated:] * columns.scales, np.flatnonzero(coefficients[curated:])
    means = np.asarray(data.code_matrix(rows).mean(axis=0)).ravel()
    return LogisticEstimator(
        columns.transforms,
        tuple(tuple(float(value) for value in coefficients[places]) for places in design.places),
        tuple(float(effects[places].sum()) for places in design.places),
        intercept,
        tuple(data.code_columns[place] for place in used),
        tuple(float(value) for value in codes[used]),
        tuple(float(value) for value in means[used]),
    )


def choose_lasso_variance(data: TrainingData, rows: np.ndarray, settings: LogisticSettings, fitting: Fitting) -> float:
    """Choose the penalty with the least log loss on held-out people: from the middle up or down for as long as that gains.

    The best penalty for n rows grows with the root of n, so the variance is converted to the number of rows that will be fitted.
    """
    variances = sorted(settings.code_prior_variances)
    if len(variances) == 1:
        return variances[0]
    rows = _training_rows(data, rows)
    fitted = min(len(rows), settings.maximum_rows)
    rows = sampled_people(data.person, rows, TUNING_ROWS, fitting.seed + 1)
    fold = person_folds(data.person[rows], 3, fitting.seed + 2)
    splits = [_Split.of(data, rows[fold != k], rows[fold == k], settings) for k in range(3 if len(rows) <= SMALL else 1)]
    losses: dict[int, float] = {}

    def loss(place: int) -> float:
        if place not in losses:
            losses[place] = sum(split.loss(data, variances[place], fitting) for split in splits)
        return losses[place]

    best = len(variances) // 2
    for step in (1, -1):
        while 0 <= best + step < len(variances) and loss(best + step) < loss(best):
            best += step
    return variances[best] * min(1.0, float(np.mean([len(split.train) for split in splits])) / fitted)


@dataclass(frozen=True)
class _Split:
    train: np.ndarray
    test: np.ndarray
    matrix: sparse.csr_matrix
    held_out: sparse.csr_matrix

    @classmethod
    def of(cls, data: TrainingData, train: np.ndarray, test: np.ndarray, settings: LogisticSettings) -> _Split:
        columns = _fit_columns(data, train, settings)
        return cls(train, test, columns.matrix(data, train)[0], columns.matrix(data, test)[0])

    def loss(self, data: TrainingData, prior_variance: float, fitting: Fitting) -> float:
        coefficients, intercept = _solve(_solver(prior_variance, fitting, CHOOSING), self.matrix, data, self.train)
        margin = self.held_out @ coefficients + intercept
        return float(np.sum(data.row_weights(self.test) * (np.logaddexp(0, margin) - data.labels[self.test] * margin)))


def _training_rows(data: TrainingData, rows: np.ndarray) -> np.ndarray:
    return rows[data.has_weight[rows]]


def _fit_columns(data: TrainingData, rows: np.ndarray, settings: LogisticSettings) -> _Columns:
    frame = data.frame.iloc[rows]
    transforms = fit_transforms(data.curated, frame, settings)
    medians = np.median(make_design(transforms, frame).numbers, axis=0)
    return _Columns(transforms, medians, _scales(data.code_matrix(rows)))


def _scales(codes: sparse.csr_matrix) -> np.ndarray:
    """Return the factor of each code; a code that none or all of the rows have gets 0 and so no effect."""
    mean = np.asarray(codes.mean(axis=0)).ravel()
    squares = np.bincount(codes.indices, codes.data.astype(np.float64) ** 2, codes.shape[1]) / max(codes.shape[0], 1)
    spread = np.sqrt(np.maximum(squares - mean**2, 0))
    varies = spread > 1e-9
    typical = np.median(spread[varies]) if varies.any() else 1.0
    return np.where(varies, (np.where(varies, spread, 1.0) / typical) ** -SCALING, 0.0)


def _solver(prior_variance: float, fitting: Fitting, tolerance: float) -> LogisticRegression:
    """Return the solver of the weighted log loss plus sqrt(2 / prior variance) times the sum of absolute coefficients."""
    return LogisticRegression(
        C=float(np.sqrt(prior_variance / 2)), l1_ratio=1, solver="liblinear", intercept_scaling=FREE_INTERCEPT,
        random_state=fitting.seed % 2**31, max_iter=1_000, tol=tolerance,
    )  # fmt: skip


@one_blas_thread()
def _solve(
    solver: LogisticRegression, matrix: sparse.csr_matrix, data: TrainingData, rows: np.ndarray
) -> tuple[np.ndarray, float]:
    """Return the coefficients and the intercept."""
    solver.fit(matrix, data.labels[rows], sample_weight=None if data.weights is None else data.weights[rows])
    return np.asarray(solver.coef_[0], dtype=np.float64), float(solver.intercept_[0])

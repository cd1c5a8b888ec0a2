"""Lasso-penalised logistic regression where thousands of code-level columns stand beside the curated predictors.

The solver is scikit-learn's liblinear, whose coordinate descent touches only what is not zero. It starts anew for every
penalty, which still costs less than other solvers' warm starts on such data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from models.blas import one_blas_thread
from models.logistic import Design, LogisticEstimator, fit_transforms, make_design
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
    """What was fitted on training rows before the coefficients: transforms, each column's commonest value, scales of codes."""

    transforms: tuple[Transform, ...]
    usual: np.ndarray  # of the curated number columns: measured from it, most entries are 0 and take no room
    scales: np.ndarray  # of the codes

    def matrix(self, data: TrainingData, rows: np.ndarray) -> tuple[sparse.csr_matrix, Design]:
        """Give the columns of some rows: numbers, levels, codes."""
        design = make_design(self.transforms, data.frame.iloc[rows])
        numbers = sparse.csr_matrix(design.numbers - self.usual)
        codes = data.code_matrix(rows)
        scaled = sparse.csr_matrix((codes.data * self.scales[codes.indices], codes.indices, codes.indptr), shape=codes.shape)
        return sparse.hstack([numbers, design.levels, scaled], "csr"), design


def fit_lasso(
    data: TrainingData, rows: np.ndarray, prior_variance: float, settings: LogisticSettings, seed: int
) -> LogisticEstimator:
    """Fit on the given rows (positions); people are sampled above the settings' maximum. Keeps the codes with an effect."""
    rows = sampled_people(data.person, _training_rows(data, rows), settings.maximum_rows, seed)
    columns = _fit_columns(data, rows, settings)
    matrix, design = columns.matrix(data, rows)
    coefficients, intercept = _solve(matrix, data, rows, prior_variance, seed)
    numbers, curated = design.numbers.shape[1], design.width
    intercept -= float(coefficients[:numbers] @ columns.usual)
    effects = (
        np.concatenate([design.numbers.mean(axis=0), np.asarray(design.levels.mean(axis=0)).ravel()]) * coefficients[:curated]
    )
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


def choose_lasso_variance(data: TrainingData, rows: np.ndarray, settings: LogisticSettings, seed: int) -> float:
    """Choose the penalty with the least log loss on held-out people: from the middle up or down for as long as that gains.

    The penalty that suits n rows grows with the root of n, so the variance is given for as many rows as will be fitted.
    """
    variances = sorted(settings.code_prior_variances)
    if len(variances) == 1:
        return variances[0]
    rows = _training_rows(data, rows)
    fitted = min(len(rows), settings.maximum_rows)
    rows = sampled_people(data.person, rows, TUNING_ROWS, seed + 1)
    fold = person_folds(data.person[rows], 3, seed + 2)
    splits = [_Split.of(data, rows[fold != k], rows[fold == k], settings) for k in range(3 if len(rows) <= SMALL else 1)]
    known: dict[int, float] = {}

    def loss(place: int) -> float:
        if place not in known:
            known[place] = sum(split.loss(data, variances[place], seed) for split in splits)
        return known[place]

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

    def loss(self, data: TrainingData, prior_variance: float, seed: int) -> float:
        coefficients, intercept = _solve(self.matrix, data, self.train, prior_variance, seed, CHOOSING)
        margin = self.held_out @ coefficients + intercept
        return float(np.sum(data.row_weights(self.test) * (np.logaddexp(0, margin) - data.labels[self.test] * margin)))


def _training_rows(data: TrainingData, rows: np.ndarray) -> np.ndarray:
    return rows[data.has_weight[rows]]


def _fit_columns(data: TrainingData, rows: np.ndarray, settings: LogisticSettings) -> _Columns:
    frame = data.frame.iloc[rows]
    transforms = fit_transforms(data.curated, frame, settings)
    usual = np.median(make_design(transforms, frame).numbers, axis=0)
    return _Columns(transforms, usual, _scales(data.code_matrix(rows)))


def _scales(codes: sparse.csr_matrix) -> np.ndarray:
    """Give what each code is multiplied with; a code that none or all of the rows have gets 0 and so no effect."""
    mean = np.asarray(codes.mean(axis=0)).ravel()
    squares = np.bincount(codes.indices, codes.data.astype(np.float64) ** 2, codes.shape[1]) / max(codes.shape[0], 1)
    spread = np.sqrt(np.maximum(squares - mean**2, 0))
    varies = spread > 1e-9
    typical = np.median(spread[varies]) if varies.any() else 1.0
    return np.where(varies, (np.where(varies, spread, 1.0) / typical) ** -SCALING, 0.0)


def _solve(
    matrix: sparse.csr_matrix, data: TrainingData, rows: np.ndarray, prior_variance: float, seed: int, tolerance: float = FITTING
) -> tuple[np.ndarray, float]:
    """Minimise the weighted log loss plus sqrt(2 / prior variance) times the sum of absolute coefficients."""
    solver = LogisticRegression(
        C=float(np.sqrt(prior_variance / 2)), l1_ratio=1, solver="liblinear", intercept_scaling=FREE_INTERCEPT,
        random_state=seed % 2**31, max_iter=1_000, tol=tolerance,
    )  # fmt: skip
    with one_blas_thread():
        solver.fit(matrix, data.labels[rows], sample_weight=None if data.weights is None else data.weights[rows])
    return np.asarray(solver.coef_[0], dtype=np.float64), float(solver.intercept_[0])

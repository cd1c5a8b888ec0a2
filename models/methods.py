"""The methods: how each is tuned and fitted. A method is asked for what it does; nothing else compares its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.boosting import BoostedEstimator, choose_rounds, fit_boosted, fit_with_stopping
from models.candidates import Method
from models.fitting import Fitting
from models.logistic import LogisticEstimator, choose_penalty, fit_logistic
from models.settings import CandidateSettings, LightGBMSettings, LogisticSettings
from models.sparse_logistic import choose_lasso_variance, fit_lasso
from models.training_data import TrainingData
from models.tuned import Tuned

Estimator = LogisticEstimator | BoostedEstimator


class FittingMethod(Protocol):
    """A method with its settings. Rows are positions in the data."""

    @property
    def maximum_rows(self) -> int:
        """Training rows above which people are sampled."""

    def tune(self, data: TrainingData, rows: np.ndarray) -> Tuned:
        """Choose the tuned number and the form on held-out people of the rows."""

    def fit(self, data: TrainingData, rows: np.ndarray, tuned: Tuned) -> Estimator:
        """Fit on the rows."""

    def fit_once(
        self, data: TrainingData, rows: np.ndarray, stopping: np.ndarray, tuned: Tuned | None
    ) -> tuple[Estimator, Tuned]:
        """Tune (unless it is tuned) and fit a large table in one go; rows in `stopping` (a mask of the rows) may stop the fit."""


@dataclass(frozen=True)
class LogisticMethod:
    """Logistic regression: ridge on curated predictors, lasso where code-level columns are among them."""

    settings: LogisticSettings
    fitting: Fitting

    @property
    def maximum_rows(self) -> int:
        return self.settings.maximum_rows

    def tune(self, data: TrainingData, rows: np.ndarray) -> Tuned:
        """Choose the prior variance, and with few events the form."""
        if data.code_columns:
            return Tuned(choose_lasso_variance(data, rows, self.settings, self.fitting))
        return choose_penalty(data, rows, self.settings, self.fitting)

    def fit(self, data: TrainingData, rows: np.ndarray, tuned: Tuned) -> LogisticEstimator:
        """Fit with the tuned prior variance."""
        if data.code_columns:
            return fit_lasso(data, rows, tuned.number, self.settings, self.fitting)
        return fit_logistic(data, rows, tuned, self.settings, self.fitting)

    def fit_once(
        self, data: TrainingData, rows: np.ndarray, stopping: np.ndarray, tuned: Tuned | None
    ) -> tuple[Estimator, Tuned]:
        """Tune and fit on all rows: a regression needs none to stop."""
        tuned = tuned or self.tune(data, rows)
        return self.fit(data, rows, tuned), tuned


@dataclass(frozen=True)
class BoostingMethod:
    """Gradient boosting with LightGBM."""

    settings: LightGBMSettings
    fitting: Fitting

    @property
    def maximum_rows(self) -> int:
        return self.settings.maximum_rows

    def tune(self, data: TrainingData, rows: np.ndarray) -> Tuned:
        """Choose the number of trees, and with few events the form."""
        return choose_rounds(data, rows, self.settings, self.fitting)

    def fit(self, data: TrainingData, rows: np.ndarray, tuned: Tuned) -> BoostedEstimator:
        """Grow the tuned number of trees."""
        return fit_boosted(data, rows, tuned, self.settings, self.fitting)

    def fit_once(
        self, data: TrainingData, rows: np.ndarray, stopping: np.ndarray, tuned: Tuned | None
    ) -> tuple[Estimator, Tuned]:
        """Grow trees on the other rows until the stopping ones stop improving; an earlier tuning is not needed."""
        boosted = fit_with_stopping(data, rows[~stopping], rows[stopping], self.settings, self.fitting)
        return boosted, Tuned(boosted.booster.num_trees())


def fitting_method(method: Method, settings: CandidateSettings, fitting: Fitting) -> FittingMethod:
    """Return a method with its settings."""
    return LogisticMethod(settings.logistic, fitting) if method == "logistic" else BoostingMethod(settings.lightgbm, fitting)


def method_of(estimator: Estimator) -> Method:
    """Return the method that fitted an estimator."""
    return "lightgbm" if isinstance(estimator, BoostedEstimator) else "logistic"

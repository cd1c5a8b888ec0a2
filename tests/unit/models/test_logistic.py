import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.fitting import Fitting
from models.logistic import LogisticEstimator, choose_penalty, fit_logistic
from models.predictors import Predictor
from models.settings import LogisticSettings
from models.training_data import training_data
from models.transforms import NumberTransform
from models.tuned import Tuned

SETTINGS = LogisticSettings()


def _design(estimator, frame):
    """The estimator's columns, put together by other means."""
    columns = []
    for transform in estimator.transforms:
        if isinstance(transform, NumberTransform):
            columns += list(transform.columns(frame))
        else:
            columns += [(transform.positions(frame) == place).astype(float) for place in range(transform.width)]
    return np.column_stack(columns)


def test_coefficients_are_those_of_scikit_learn(small_board):
    estimator = fit_logistic(small_board, np.arange(small_board.rows), Tuned(0.1), SETTINGS, Fitting(1))
    design = _design(estimator, small_board.frame)
    theirs = LogisticRegression(C=0.1, tol=1e-12, max_iter=5000).fit(design, small_board.labels)
    ours = np.concatenate([np.asarray(values) for values in estimator.coefficients])
    assert ours == pytest.approx(theirs.coef_[0], abs=1e-6)
    assert expit(estimator.margin(small_board.features(slice(None)))) == pytest.approx(
        theirs.predict_proba(design)[:, 1], abs=1e-6
    )


def test_contributions_sum_to_the_margin_and_average_to_nothing(small_board):
    estimator = fit_logistic(small_board, np.arange(small_board.rows), Tuned(0.1), SETTINGS, Fitting(1))
    values, base = estimator.contributions(small_board.features(slice(None)))
    assert values.sum(axis=1) + base == pytest.approx(estimator.margin(small_board.features(slice(None))), abs=1e-9)
    assert values.mean(axis=0) == pytest.approx(0, abs=1e-9)


def test_weights_count_rows(small_board):
    doubled = np.concatenate([np.arange(small_board.rows), np.flatnonzero(small_board.labels)])
    twice = fit_logistic(small_board, doubled, Tuned(1.0), SETTINGS, Fitting(1))
    assert np.average(expit(twice.margin(small_board.features(doubled)))) == pytest.approx(
        small_board.labels[doubled].mean(), abs=1e-6
    )


def test_a_constant_column_is_not_used(small_board):
    estimator = fit_logistic(small_board, np.arange(small_board.rows), Tuned(0.1), SETTINGS, Fitting(1))
    assert "always_one" not in estimator.used and "age_years" in estimator.used


def test_the_penalty_is_one_of_those_offered(small_board):
    assert choose_penalty(small_board, np.arange(small_board.rows), SETTINGS, Fitting(1)).number in SETTINGS.prior_variances


def test_it_reads_back_the_same(small_board):
    estimator = fit_logistic(small_board, np.arange(small_board.rows), Tuned(0.1), SETTINGS, Fitting(1))
    assert LogisticEstimator.from_dict(estimator.to_dict()) == estimator


def test_few_events_in_straight_lines_are_not_bent():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.normal(size=(400, 10)), columns=[f"x{place}" for place in range(10)])
    labels = (rng.random(400) < expit(frame["x0"] - 0.7 * frame["x1"] - 1)).astype(int)
    data = training_data(frame, [Predictor(name) for name in frame], labels, np.arange(400))
    assert choose_penalty(data, np.arange(400), SETTINGS, Fitting(1)).plain

    bent = (rng.random(400) < expit(2 * frame["x0"] ** 2 - 2)).astype(int)
    data = training_data(frame, data.predictors, bent, np.arange(400))
    assert not choose_penalty(data, np.arange(400), SETTINGS, Fitting(1)).plain

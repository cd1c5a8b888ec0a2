import numpy as np
import pytest

from models.boosting import BoostedEstimator, choose_rounds, fit_boosted, fit_with_stopping
from models.feature_rows import FeatureRows
from models.fitting import Fitting
from models.settings import LightGBMSettings
from models.tuned import Tuned

SETTINGS = LightGBMSettings(rounds=60, patience=5, learning_rate=0.3)


@pytest.fixture(scope="module")
def fitted(small_board):
    return fit_boosted(small_board, np.arange(small_board.rows), Tuned(30), SETTINGS, Fitting(1, threads=1))


def test_contributions_sum_to_the_margin(fitted, small_board):
    values, base = fitted.contributions(small_board.features(slice(None)))
    assert values.sum(axis=1) + base == pytest.approx(fitted.margin(small_board.features(slice(None))), abs=1e-9)


def test_unseen_and_rare_levels_count_as_missing(fitted, small_board):
    frame = small_board.frame.head(3).copy()
    margins = []
    for value in ("never seen", "rare:code{x}", None):
        frame["diagnosis"] = np.array([value] * 3, dtype=object)
        margins.append(fitted.margin(FeatureRows(frame)))
    assert (margins[0] == margins[1]).all() and (margins[0] == margins[2]).all()


def test_the_same_seed_grows_the_same_trees(fitted, small_board):
    again = fit_boosted(small_board, np.arange(small_board.rows), Tuned(30), SETTINGS, Fitting(1, threads=1))
    assert again.text == fitted.text


def test_the_number_of_threads_changes_nothing(fitted, small_board):
    two = fit_boosted(small_board, np.arange(small_board.rows), Tuned(30), SETTINGS, Fitting(1, threads=2))
    assert two == fitted


def test_a_constant_column_is_not_used(fitted):
    assert "always_one" not in fitted.used


def test_stopping_keeps_the_best_trees_and_rounds_follow_it(small_board):
    rows = np.arange(small_board.rows)
    stopped = fit_with_stopping(small_board, rows[:2000], rows[2000:], SETTINGS, Fitting(1))
    assert 1 <= stopped.booster.num_trees() < SETTINGS.rounds
    assert 10 <= choose_rounds(small_board, rows, SETTINGS, Fitting(1)).number < SETTINGS.rounds


def test_it_reads_back_bit_for_bit(fitted, small_board):
    again = BoostedEstimator.from_dict(fitted.to_dict(), fitted.text)
    assert (again.margin(small_board.features(slice(None))) == fitted.margin(small_board.features(slice(None)))).all()

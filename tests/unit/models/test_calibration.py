import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit

from models.calibration import CalibrationRows, Calibrator, choose_calibrator, cross_fitted_risk, fit_calibrator


def _draw(rows=20_000, seed=1):
    rng = np.random.default_rng(seed)
    margin = rng.normal(-2, 1, rows)
    labels = (rng.random(rows) < expit(0.5 + 0.6 * margin)).astype(float)
    return margin, labels, np.ones(rows)


def test_logistic_recalibration_is_that_of_statsmodels():
    margin, labels, weights = _draw()
    theirs = sm.Logit(labels, sm.add_constant(margin)).fit(disp=0).params
    assert fit_calibrator("logistic", CalibrationRows(margin, labels, weights)).numbers == pytest.approx(theirs, abs=1e-5)


def test_beta_is_a_regression_on_both_logarithms():
    margin, labels, weights = _draw()
    terms = sm.add_constant(np.column_stack([np.log(expit(margin)), -np.log(1 - expit(margin))]))
    theirs = sm.Logit(labels, terms).fit(disp=0).params
    assert fit_calibrator("beta", CalibrationRows(margin, labels, weights)).numbers == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize("method", ["logistic", "beta", "isotonic"])
def test_every_method_repairs_and_keeps_the_order(method):
    margin, labels, weights = _draw()
    risk = fit_calibrator(method, CalibrationRows(margin, labels, weights)).risk(np.sort(margin))
    assert risk.mean() == pytest.approx(labels.mean(), abs=0.002)
    assert (np.diff(risk) >= 0).all() and risk.min() > 0 and risk.max() < 1


def test_the_simple_method_is_kept_where_it_is_right():
    margin, labels, weights = _draw()
    assert (
        choose_calibrator(("logistic", "beta"), CalibrationRows(margin, labels, weights), np.arange(len(margin)), 1).method
        == "logistic"
    )


def test_a_bent_relation_gets_the_more_flexible_method():
    margin, labels, weights = _draw()
    labels = (np.random.default_rng(2).random(len(margin)) < expit(margin + 0.8 * np.maximum(margin + 2, 0) ** 2)).astype(float)
    assert (
        choose_calibrator(("logistic", "beta"), CalibrationRows(margin, labels, weights), np.arange(len(margin)), 1).method
        == "beta"
    )


def test_a_row_is_calibrated_without_its_own_fold():
    margin, labels, weights = _draw(1000)
    fold = np.arange(1000) % 2
    changed = np.where(fold == 1, 1 - labels, labels)
    ours, theirs = (
        cross_fitted_risk("logistic", CalibrationRows(margin, outcome, weights), fold) for outcome in (labels, changed)
    )
    assert (ours[fold == 1] == theirs[fold == 1]).all() and (ours[fold == 0] != theirs[fold == 0]).all()


def test_it_reads_back_the_same():
    calibrator = fit_calibrator("isotonic", CalibrationRows(*_draw(500)))
    assert Calibrator.from_dict(calibrator.to_dict()) == calibrator

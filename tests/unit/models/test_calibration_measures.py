import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss

from models.calibration_measures import (
    brier,
    calibration_in_the_large,
    calibration_slope,
    observed_over_expected,
    scaled_brier,
    smooth_calibration,
)
from models.intervals import count_limits, wilson
from models.scored_rows import scored_rows


def _draw(rows=4000, seed=1):
    rng = np.random.default_rng(seed)
    risk = expit(rng.normal(-2, 1, rows))
    return risk, (rng.random(rows) < expit(0.3 + 0.8 * logit(risk))).astype(float)


RISK, LABELS = _draw()
ROWS = scored_rows(RISK, LABELS, np.arange(len(RISK)))


def test_the_intercept_has_logit_risk_as_its_offset():
    theirs = sm.GLM(LABELS, np.ones((len(RISK), 1)), family=sm.families.Binomial(), offset=logit(RISK)).fit()
    ours = calibration_in_the_large(ROWS)
    assert (ours.value, ours.error) == pytest.approx((theirs.params[0], theirs.bse[0]), abs=1e-7)
    assert (ours.lower, ours.upper) == pytest.approx(tuple(theirs.conf_int()[0]), abs=1e-6)


def test_the_slope_is_that_of_statsmodels():
    theirs = sm.Logit(LABELS, sm.add_constant(logit(RISK))).fit(disp=0, tol=1e-12)
    ours = calibration_slope(ROWS)
    assert (ours.value, ours.error) == pytest.approx((theirs.params[1], theirs.bse[1]), abs=1e-6)


def test_repeated_rows_of_a_person_do_not_narrow_the_limits():
    person = np.repeat(np.arange(len(RISK)), 2)
    twice = scored_rows(np.repeat(RISK, 2), np.repeat(LABELS, 2), person)
    terms = sm.add_constant(logit(np.repeat(RISK, 2)))
    theirs = sm.GLM(np.repeat(LABELS, 2), terms, family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": person}
    )
    assert calibration_slope(twice).error == pytest.approx(theirs.bse[1], rel=1e-3)
    assert observed_over_expected(twice).error == pytest.approx(observed_over_expected(ROWS).error, rel=1e-3)


def test_observed_over_expected_and_its_limits_cover():
    ours = observed_over_expected(ROWS)
    assert ours.value == pytest.approx(LABELS.sum() / RISK.sum(), abs=1e-12)
    rng = np.random.default_rng(4)
    draws = [
        observed_over_expected(scored_rows(RISK, (rng.random(len(RISK)) < RISK).astype(int), np.arange(len(RISK))))
        for _ in range(200)
    ]
    assert np.mean([draw.lower <= 1 <= draw.upper for draw in draws]) == pytest.approx(0.95, abs=0.04)


def test_few_events_have_the_limits_of_their_count():
    rows = scored_rows(np.full(100, 0.02), np.eye(1, 100)[0], np.arange(100))
    ours = observed_over_expected(rows)
    assert (ours.value, ours.lower, ours.upper) == pytest.approx((0.5, 0.0253 / 2, 5.5716 / 2), abs=1e-4)


def test_brier_scores():
    assert brier(ROWS).value == pytest.approx(brier_score_loss(LABELS, RISK), abs=1e-12)
    rate = LABELS.mean()
    assert scaled_brier(ROWS).value == pytest.approx(1 - brier_score_loss(LABELS, RISK) / (rate * (1 - rate)), abs=1e-12)


def test_the_limits_of_the_scaled_brier_score_are_those_of_a_bootstrap():
    rng, drawn = np.random.default_rng(5), []
    for _ in range(300):
        who = rng.integers(0, len(RISK), len(RISK))
        rate = LABELS[who].mean()
        drawn.append(1 - ((LABELS[who] - RISK[who]) ** 2).mean() / (rate * (1 - rate)))
    assert scaled_brier(ROWS).error == pytest.approx(np.std(drawn), rel=0.12)


def test_the_smooth_curve_finds_a_known_bend():
    smooth = smooth_calibration(scored_rows(*_draw(200_000, 2), np.arange(200_000)))
    truth = expit(0.3 + 0.8 * logit(smooth.predicted))
    assert np.average(np.abs(smooth.observed - truth), weights=smooth.rows) < 0.003
    assert smooth.ici == pytest.approx(np.average(np.abs(truth - smooth.predicted), weights=smooth.rows), abs=0.003)
    assert smooth.gap_quantile(0.5) < smooth.gap_quantile(0.9)


def test_limits_of_the_smoothed_errors_hold_the_truth_and_agree_with_a_bootstrap():
    smooth = smooth_calibration(ROWS)
    result = smooth.errors(seed=1)
    gaps = np.abs(expit(0.3 + 0.8 * logit(RISK)) - RISK)
    truth = {"ici": gaps.mean(), "e50": np.quantile(gaps, 0.5), "e90": np.quantile(gaps, 0.9)}
    assert all(result[name].lower < value < result[name].upper for name, value in truth.items())
    rng, drawn = np.random.default_rng(3), []
    for _ in range(150):
        who = rng.integers(0, len(RISK), len(RISK))
        drawn.append(smooth_calibration(scored_rows(RISK[who], LABELS[who], np.arange(len(who)))).ici)
    width = result["ici"].upper - result["ici"].lower
    assert width == pytest.approx(np.subtract(*np.quantile(drawn, (0.975, 0.025))), rel=0.3)


def test_risks_near_0_do_not_upset_the_smoother():
    rng = np.random.default_rng(0)
    risk = rng.beta(0.6, 9, 2000).round(4) + 1e-6
    smooth = smooth_calibration(scored_rows(risk, rng.random(2000) < risk, np.arange(2000)))
    assert smooth.ici < 0.02


def test_one_outcome_or_one_risk_has_no_curve():
    assert smooth_calibration(scored_rows(np.array([0.1, 0.2]), np.array([0, 0]), np.arange(2))) is None
    assert np.isnan(calibration_slope(scored_rows(np.array([0.2, 0.2]), np.array([0, 1]), np.arange(2))).value)


def test_wilson_and_byar_limits():
    from statsmodels.stats.proportion import proportion_confint

    ours = wilson(12, 80)
    assert (ours.lower, ours.upper) == pytest.approx(proportion_confint(12, 80, method="wilson"), abs=1e-9)
    assert count_limits(0)[0] == 0.0 and count_limits(0)[1] == pytest.approx(3.6889, abs=1e-4)
    assert count_limits(20) == pytest.approx((12.2107, 30.8885), abs=2e-3)

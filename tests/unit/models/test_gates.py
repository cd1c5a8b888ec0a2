import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from models.gate_settings import GateSettings
from models.gates import JudgedRows, judge, no_gate_failed, undecided_gates
from models.intervals import Estimate
from models.settings import CapacitySettings

SETTINGS, CAPACITY = GateSettings(), CapacitySettings()
QUINTILES = np.array([0.26, 0.13, 0.0, -0.13, -0.26])  # rates at equal age differ 1.7-fold


def _fair(rows, rng):
    """A perfectly calibrated model: age and deprivation drive the outcome."""
    age, quintile = rng.uniform(0, 95, rows), rng.integers(1, 6, rows)
    group = rng.choice(["white", "asian", "black", "mixed", "not_stated"], rows, p=[0.7, 0.13, 0.08, 0.05, 0.04])
    by_age = -3.6 + 0.04 * (age - 50)
    risk = expit(by_age + QUINTILES[quintile - 1] + rng.normal(0, 0.8, rows))
    bands = np.array(["0-17", "18-64", "65-79", "80+"])[np.searchsorted([18, 65, 80], age, side="right")]
    groups = pd.DataFrame({"imd_quintile": quintile, "ethnic_group": group, "age_band": bands})
    return JudgedRows(risk, expit(by_age + 0.3), (rng.random(rows) < risk).astype(int), np.arange(rows), groups)


def _judge(judged, features=None, training_events=1000, settings=SETTINGS):
    features = {"age_years": Estimate(0.7, 0.69, 0.71, 0.005)} if features is None else features
    return {result.gate: result for result in judge(judged, features, training_events, 100, settings, CAPACITY, seed=1)}


@pytest.fixture(scope="module")
def fair():
    return _fair(120_000, np.random.default_rng(1))


def _changed(judged, risk):
    return JudgedRows(risk, judged.baseline_risk, judged.labels, judged.person, judged.groups)


def test_a_fair_model_with_events_enough_passes_every_gate(fair):
    results = _judge(fair, settings=GateSettings(group_observed_over_expected=(0.8, 1.25)))
    assert {result.answer for result in results.values()} == {"pass"}, results
    assert no_gate_failed(tuple(results.values())) and undecided_gates(tuple(results.values())) == ()
    assert "deprivation quintile 1: O/E" in results["calibration_by_imd_quintile"].reason


def test_a_miscalibrated_quintile_fails_and_is_named(fair):
    wrong = np.where(fair.groups["imd_quintile"] == 1, fair.risk / 1.5, fair.risk)
    result = _judge(_changed(fair, wrong))["calibration_by_imd_quintile"]
    assert result.answer == "fail" and result.reason.startswith("deprivation quintile 1: O/E 1.5")
    assert [detail["answer"] for detail in result.details].count("fail") == 1
    assert not no_gate_failed((result,))


def test_a_model_too_sure_of_itself_fails_by_its_slope(fair):
    assert _judge(_changed(fair, expit(1.6 * logit(fair.risk))))["calibration_slope"].answer == "fail"


def test_a_quintile_left_out_of_the_list_fails_by_its_sensitivity(fair):
    hidden = np.where(fair.groups["imd_quintile"] == 1, fair.risk / 4, fair.risk)
    assert _judge(_changed(fair, hidden))["sensitivity_by_imd_quintile"].answer == "fail"


def test_a_model_no_better_than_age_and_sex_does_not_pass(fair):
    assert _judge(_changed(fair, fair.baseline_risk))["discrimination_above_baseline"].answer == "cannot_tell"
    noise = np.clip(fair.baseline_risk * np.random.default_rng(2).uniform(0.2, 1.8, len(fair.risk)), 0, 1)
    worse = _judge(_changed(fair, noise))["discrimination_above_baseline"]
    assert worse.answer == "fail" and "against age and sex alone" in worse.reason
    baseline = JudgedRows(fair.baseline_risk, None, fair.labels, fair.person, fair.groups)
    assert "is the age and sex baseline itself" in _judge(baseline)["discrimination_above_baseline"].reason


def test_without_a_baseline_the_gain_of_a_model_is_not_known(fair):
    alone = JudgedRows(fair.risk, None, fair.labels, fair.person, fair.groups, no_baseline=True)
    gate = _judge(alone)["discrimination_above_baseline"]
    assert gate.answer == "cannot_tell" and "no candidate of age and sex alone to compare with" in gate.reason


def test_a_leak_fails(fair):
    leaky = np.clip(0.02 + 0.9 * fair.labels + np.random.default_rng(1).normal(0, 0.02, len(fair.labels)), 0, 1)
    results = _judge(_changed(fair, leaky), {"copy": Estimate(1.0, 1.0, 1.0, 0.0), "near": Estimate(0.97, 0.96, 0.98, 0.005)})
    assert results["auroc_alarm"].answer == "fail"
    assert "copy alone predicts the outcome perfectly" in results["no_single_feature"].reason
    assert "near alone has an AUROC of 0.970" in results["no_single_feature"].reason


def test_few_events_are_not_enough_to_decide_and_groups_are_pooled():
    judged = _fair(9000, np.random.default_rng(3))
    results = _judge(judged, training_events=40)
    assert (
        results["enough_events"].answer == "cannot_tell"
        and "40 outcome events trained the model" in results["enough_events"].reason
    )
    assert results["calibration_by_imd_quintile"].answer == "cannot_tell"
    subjects = [detail["subject"] for detail in results["calibration_by_ethnic_group"].details]
    assert "ethnic_group asian + black + mixed + not_stated" in subjects
    assert no_gate_failed(tuple(results.values()))


def test_rows_without_groups_are_not_enough_to_decide(fair):
    bare = JudgedRows(fair.risk, fair.baseline_risk, fair.labels, fair.person, pd.DataFrame(index=range(len(fair.risk))))
    results = _judge(bare)
    assert results["calibration_by_imd_quintile"].answer == "cannot_tell"
    assert results["sensitivity_by_imd_quintile"].answer == "cannot_tell"


def test_fair_models_are_hardly_ever_refused():
    rng = np.random.default_rng(4)
    refused = sum(not no_gate_failed(tuple(_judge(_fair(12_000, rng)).values())) for _ in range(30))
    assert refused == 0


def test_a_planted_miscalibration_hardly_ever_passes():
    rng, passed = np.random.default_rng(5), 0
    for _ in range(10):
        fair = _fair(40_000, rng)
        result = _judge(_changed(fair, np.where(fair.groups["imd_quintile"] == 2, fair.risk / 1.25, fair.risk)))
        passed += result["calibration_by_imd_quintile"].answer == "pass"
    assert passed == 0


def test_results_are_plain_data(fair):
    import json

    for result in _judge(fair).values():
        assert json.loads(json.dumps(result.to_dict()))["answer"] == result.answer

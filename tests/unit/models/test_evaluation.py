import numpy as np
import pytest

from models.evaluation import evaluate
from models.scored_rows import scored_rows
from models.settings import CapacitySettings


def test_metrics_have_stable_names_and_leave_out_what_cannot_be_computed():
    rng = np.random.default_rng(1)
    risk = rng.beta(1, 8, 2000)
    metrics = evaluate(scored_rows(risk, rng.random(2000) < risk, np.arange(2000)), CapacitySettings(), seed=1).as_metrics()
    assert {
        "auroc",
        "auroc_lower",
        "auroc_upper",
        "calibration_slope",
        "ici",
        "ppv_top_0_5pct",
        "lift_top_10pct",
        "events",
    } <= set(metrics)
    assert "mean_risk_lower" not in metrics
    assert metrics["auroc_lower"] < metrics["auroc"] < metrics["auroc_upper"]
    assert all(np.isfinite(value) for value in metrics.values())


def test_the_order_of_the_rows_does_not_matter():
    rng = np.random.default_rng(2)
    risk = rng.beta(1, 8, 500).round(2)
    labels, person, shuffle = (rng.random(500) < risk).astype(int), np.arange(500), rng.permutation(500)
    one = evaluate(scored_rows(risk, labels, person), CapacitySettings(), seed=1)
    other = evaluate(scored_rows(risk[shuffle], labels[shuffle], person[shuffle]), CapacitySettings(), seed=1)
    for name in ("auroc", "calibration_slope", "ppv_top_1pct", "sensitivity_top_5pct", "ici"):
        assert one.value(name) == pytest.approx(other.value(name), abs=1e-9)


def test_no_outcome_gives_no_auroc_but_a_base_rate():
    evaluation = evaluate(scored_rows(np.array([0.1, 0.2]), np.zeros(2), np.arange(2)), CapacitySettings(), seed=1)
    assert evaluation.value("base_rate") == 0.0 and "auroc" not in evaluation.as_metrics()

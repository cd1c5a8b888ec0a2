import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from models.discrimination import areas, auroc_gain, auroc_influence, bootstrap_areas, delong, discrimination
from models.scored_rows import number_selected, risk_order, scored_rows


def _draw(rows, seed=1, decimals=2):
    rng = np.random.default_rng(seed)
    risk = rng.beta(1, 6, rows).round(decimals)
    return risk, (rng.random(rows) < risk).astype(int)


def test_areas_are_those_of_scikit_learn_with_many_ties():
    risk, labels = _draw(5000)
    weights = np.random.default_rng(2).integers(0, 4, 5000).astype(float)
    rows = scored_rows(risk, labels, np.arange(5000))
    assert areas(rows, np.ones(5000)) == pytest.approx(
        (roc_auc_score(labels, risk), average_precision_score(labels, risk)), abs=1e-12
    )
    ours = areas(rows, rows.in_order(weights))
    theirs = roc_auc_score(labels, risk, sample_weight=weights), average_precision_score(labels, risk, sample_weight=weights)
    assert ours == pytest.approx(theirs, abs=1e-12)


def _delong_by_pairs(risk, labels):
    """DeLong's variance from every pair of an event and a non-event."""
    events, others = risk[labels == 1], risk[labels == 0]
    pairs = (events[:, None] > others[None, :]) + 0.5 * (events[:, None] == others[None, :])
    return pairs.mean(), pairs.mean(axis=1).var(ddof=1) / len(events) + pairs.mean(axis=0).var(ddof=1) / len(others)


def test_delong_by_midranks_equals_delong_by_pairs():
    risk, labels = _draw(800)
    estimate = delong(scored_rows(risk, labels, np.arange(800)))
    value, variance = _delong_by_pairs(risk, labels)
    assert (estimate.value, estimate.error) == pytest.approx((value, np.sqrt(variance)), abs=1e-12)


def test_the_gain_knows_that_both_models_ranked_the_same_people():
    risk, labels = _draw(2000, decimals=6)
    noisy = np.clip(risk + np.random.default_rng(3).normal(0, 0.05, 2000), 0, 1)
    rows, other = (scored_rows(values, labels, np.arange(2000)) for values in (risk, noisy))
    gain = auroc_gain(rows, other)
    assert gain.value == pytest.approx(roc_auc_score(labels, risk) - roc_auc_score(labels, noisy), abs=1e-12)
    assert gain.error < np.hypot(delong(rows).error, delong(other).error)
    assert auroc_gain(rows, rows).error == 0.0


def test_the_bootstrap_by_person_and_delong_agree():
    risk, labels = _draw(3000)
    one_each = scored_rows(risk, labels, np.arange(3000))
    assert bootstrap_areas(one_each, 1, 400).std(axis=0)[0] == pytest.approx(delong(one_each).error, rel=0.12)
    twice = scored_rows(np.repeat(risk, 2), np.repeat(labels, 2), np.repeat(np.arange(3000), 2))
    assert bootstrap_areas(twice, 1, 400).std(axis=0)[0] == pytest.approx(delong(twice).error, rel=0.12)
    assert delong(twice).error == pytest.approx(delong(one_each).error, rel=0.01)


def test_the_bootstrap_and_the_analytic_limits_of_average_precision_agree():
    risk, labels = _draw(4000, decimals=6)
    rows = scored_rows(risk, labels, np.arange(4000))
    resampled, analytic = (discrimination(rows, 1, analytic=analytic).average_precision for analytic in (False, True))
    assert analytic.value == resampled.value
    assert (analytic.upper - analytic.lower) == pytest.approx(resampled.upper - resampled.lower, rel=0.3)


def test_limits_come_from_the_bootstrap_up_to_a_hundred_thousand_people_and_are_analytic_above():
    risk, labels = _draw(110_000)
    assert discrimination(scored_rows(risk[:1000], labels[:1000], np.arange(1000)), 1).limits == "bootstrap by person"
    above = discrimination(scored_rows(risk, labels, np.arange(110_000)), 1)
    assert above.limits == "DeLong"
    assert above.auroc.lower < above.auroc.value < above.auroc.upper
    assert above.average_precision.lower < above.average_precision.value < above.average_precision.upper


def test_one_outcome_alone_has_no_auroc():
    assert np.isnan(discrimination(scored_rows(np.array([0.1, 0.2]), np.array([0, 0]), np.arange(2)), 1).auroc.value)


def test_perfect_and_inverse_ranking():
    labels = np.array([0, 0, 1, 1])
    assert auroc_influence(scored_rows(np.array([0.1, 0.2, 0.3, 0.4]), labels, np.arange(4)))[0] == 1.0
    assert auroc_influence(scored_rows(np.array([0.4, 0.3, 0.2, 0.1]), labels, np.arange(4)))[0] == 0.0


def test_equal_risks_have_an_order_of_their_own_whatever_the_rows_order():
    risk = np.array([0.5, 0.2, 0.5, 0.5, 0.2])
    keys = np.array(["e", "a", "c", "b", "d"])
    order = risk_order(risk, keys)
    shuffle = np.array([3, 0, 4, 2, 1])
    assert keys[order].tolist() == keys[shuffle][risk_order(risk[shuffle], keys[shuffle])].tolist()
    assert risk[order].tolist() == [0.5, 0.5, 0.5, 0.2, 0.2]


def test_a_share_selects_at_least_one_row():
    assert [number_selected(1000, 0.005), number_selected(10, 0.005), number_selected(30, 0.05)] == [5, 1, 2]


def test_risks_outside_0_to_1_are_refused():
    with pytest.raises(ValueError, match="risks must lie between 0 and 1"):
        scored_rows(np.array([np.nan]), np.array([1]), np.array([1]))
    with pytest.raises(ValueError, match="2 risks, 1 labels and 2 people"):
        scored_rows(np.array([0.1, 0.2]), np.array([1]), np.array([1, 2]))

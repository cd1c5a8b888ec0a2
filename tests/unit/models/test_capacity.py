import numpy as np
import pandas as pd
import pytest
from dcurves import dca

from models.capacity import at_capacity, decision_curve, per_team, share_name
from models.scored_rows import scored_rows

ROWS = scored_rows(np.array([0.9, 0.8, 0.7, 0.2, 0.1]), np.array([1, 0, 1, 1, 0]), np.arange(5))


def test_the_top_two_of_five():
    result = at_capacity(ROWS, 0.4)
    assert result["ppv"].value == 0.5
    assert result["sensitivity"].value == pytest.approx(1 / 3)
    assert result["lift"].value == pytest.approx(0.5 / 0.6)
    assert result["number_needed_to_evaluate"].value == 2.0
    assert result["number_needed_to_evaluate"].lower == pytest.approx(1 / result["ppv"].upper)


def test_every_team_takes_on_its_own_highest_risks():
    risk, labels = np.array([0.1, 0.9, 0.8, 0.7, 0.2]), np.array([0, 1, 0, 1, 1])
    teams = np.array(["b", "a", "a", "b", None], dtype=object)  # people without a team are on no list
    result = per_team(scored_rows(risk, labels, np.arange(5)), teams, 1)  # lists the 0.9 of a and the 0.7 of b
    assert (result["ppv"].value, result["sensitivity"].value) == (1.0, pytest.approx(2 / 3))
    assert per_team(scored_rows(risk, labels, np.arange(5)), teams, 2)["ppv"].value == 0.5
    assert np.isnan(per_team(scored_rows(risk, labels, np.arange(5)), np.full(5, None), 1)["ppv"].value)


def test_a_list_that_finds_no_one_needs_an_unknown_number():
    result = at_capacity(scored_rows(np.array([0.9, 0.1]), np.array([0, 1]), np.arange(2)), 0.5)
    assert result["ppv"].value == 0.0 and np.isnan(result["number_needed_to_evaluate"].value)


def test_net_benefit_treats_risks_above_the_threshold():
    curve = decision_curve(ROWS, [0.1, 0.5, 0.8]).set_index("threshold")
    assert curve.loc[0.1, "net_benefit"] == pytest.approx(3 / 5 - 1 / 5 * 0.1 / 0.9)  # the risk of .1 is not above .1
    assert curve.loc[0.5, "net_benefit"] == pytest.approx(2 / 5 - 1 / 5 * 1.0)
    assert curve.loc[0.8, "net_benefit"] == pytest.approx(1 / 5)
    assert curve.loc[0.5, "treat_all"] == pytest.approx(3 / 5 - 2 / 5)
    assert (curve["treat_none"] == 0).all()


def test_net_benefit_is_that_of_dcurves():
    rng = np.random.default_rng(1)
    risk = rng.beta(1, 6, 400)
    labels = (rng.random(400) < risk).astype(int)
    thresholds = [0.05, 0.1, 0.25, 0.5]
    theirs = dca(pd.DataFrame({"label": labels, "risk": risk}), "label", ["risk"], thresholds=thresholds)
    ours = decision_curve(scored_rows(risk, labels, np.arange(400)), thresholds).set_index("threshold")
    for model, column in (("risk", "net_benefit"), ("all", "treat_all"), ("none", "treat_none")):
        expected = theirs[theirs["model"] == model].set_index("threshold")["net_benefit"]
        assert ours[column].to_numpy() == pytest.approx(expected[thresholds].to_numpy(), abs=1e-12)


def test_shares_are_named_without_points():
    assert [share_name(share) for share in (0.005, 0.01, 0.1)] == ["top_0_5pct", "top_1pct", "top_10pct"]

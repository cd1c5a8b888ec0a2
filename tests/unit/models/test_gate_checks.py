import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from models.gate_declaration import Evidence
from models.gate_intervals import holm_failures
from models.gate_settings import GateSettings
from models.gates import GateResult, JudgedRows, interval_checks, judge, no_gate_failed, worse_than_incumbent
from models.intervals import Estimate
from models.need_within_score import need_columns
from models.settings import CapacitySettings

ROWS = 60_000


def _board(served=1.0, recorded=1.0, seed=1):
    """A model of admissions as they happen; quintile 1 is admitted for fewer of its conditions, or has fewer of them recorded."""
    rng = np.random.default_rng(seed)
    age, quintile = rng.uniform(0, 95, ROWS), rng.integers(1, 6, ROWS)
    illness = rng.poisson(0.4 + 2 * (age / 95) ** 2 + 0.4 * (quintile == 1))
    conditions = rng.binomial(illness, np.where(quintile == 1, recorded, 1.0))
    counted = illness * np.where(quintile == 1, served, 1.0) if recorded == 1 else conditions
    risk = expit(-3.6 + 0.02 * (age - 50) + 0.5 * counted)
    labels = (rng.random(ROWS) < risk).astype(int)
    died = rng.random(ROWS) < 0.004 * (1 + illness) * np.exp(0.03 * (age - 50))
    bands = np.array(["0-17", "18-44", "45-64", "65-74", "75+"])[np.searchsorted([18, 45, 65, 75], age, side="right")]
    groups = pd.DataFrame({"imd_quintile": quintile, "age_band": bands})
    needs = need_columns(pd.DataFrame({"long_term_conditions": conditions.astype(float)}), labels, died)
    return JudgedRows(risk, None, labels, np.arange(ROWS), groups, None, needs)


def _judged(board):
    single = {"age_years": Estimate(0.7, 0.69, 0.71, 0.005)}
    return {result.gate: result for result in judge(board, single, 1000, 100, GateSettings(), CapacitySettings(), seed=1)}


def test_need_that_is_served_passes():
    result = _judged(_board())["need_within_score_by_imd_quintile"]
    assert result.answer != "fail", result.reason
    assert {"long-term conditions", "deaths"} <= {detail["measure"].split(" over ")[0] for detail in result.details}


def test_need_that_is_recorded_and_not_served_fails_and_is_named():
    results = _judged(_board(served=0.4))
    assert "deprivation quintile 1: long-term conditions" in results["need_within_score_by_imd_quintile"].reason
    assert results["need_within_score_by_imd_quintile"].answer == "fail"
    assert results["calibration_by_imd_quintile"].answer != "fail"  # the label itself gives no sign


def test_need_that_is_not_recorded_shows_in_deaths():
    results = _judged(_board(recorded=0.1, seed=2))
    assert results["need_within_score_by_imd_quintile"].answer == "fail"
    assert "deprivation quintile 1: deaths" in results["need_within_score_by_imd_quintile"].reason


def test_the_least_deprived_and_the_largest_group_are_not_judged_by_their_need():
    """Where deprivation itself is a risk, a model that is right about it finds the least deprived iller at its score."""
    board = _board()
    board.groups["ethnic_group"] = np.where(np.arange(ROWS) % 3, "white", "asian")
    results = _judged(board)
    subjects = {detail["subject"] for detail in results["need_within_score_by_imd_quintile"].details}
    assert subjects == {"imd_quintile 1", "imd_quintile 2"}
    assert {detail["subject"] for detail in results["need_within_score_by_ethnic_group"].details} == {"ethnic_group asian"}


def test_slopes_are_judged_within_quintiles():
    board = _board()
    result = _judged(board)["calibration_slope_by_imd_quintile"]
    assert result.answer != "fail" and len(result.details) == 5
    flat = np.where(board.groups["imd_quintile"] == 5, board.risk[board.groups["imd_quintile"] == 5].mean(), 0)
    shrunk = np.where(flat > 0, 0.5 * flat + 0.5 * board.risk, board.risk)
    wrong = JudgedRows(shrunk, None, board.labels, board.person, board.groups)
    assert "deprivation quintile 5: slope" in _judged(wrong)["calibration_slope_by_imd_quintile"].reason
    assert _judged(wrong)["calibration_slope_by_imd_quintile"].answer == "fail"


def test_without_needs_there_is_no_such_gate():
    board = _board()
    bare = JudgedRows(board.risk, None, board.labels, board.person, board.groups)
    assert "need_within_score_by_imd_quintile" not in _judged(bare)


@pytest.mark.parametrize(
    ("before", "now", "answer"),
    [("pass", "pass", "pass"), ("fail", "fail", "pass"), ("cannot_tell", "fail", "fail"), ("pass", "cannot_tell", "cannot_tell"), ("fail", "pass", "pass")],
)  # fmt: skip
def test_a_challenger_may_be_worse_on_no_gate(before, now, answer):
    incumbent = [GateResult("calibration_overall", "pass", ""), GateResult("calibration_by_imd_quintile", before, "")]
    challenger = [GateResult("calibration_overall", "pass", ""), GateResult("calibration_by_imd_quintile", now, "")]
    result = worse_than_incumbent(challenger, incumbent)
    assert result.answer == answer and no_gate_failed([result]) is (answer != "fail")
    if answer != "pass":
        assert "Calibration by deprivation quintile: " in result.reason


def test_a_challenger_with_nothing_to_compare_is_undecided():
    assert worse_than_incumbent([GateResult("new", "pass", "")], []).answer == "cannot_tell"


@pytest.mark.parametrize("limits", [(1.1, 1.5), (0.5, 0.9), (-0.1, 1.2)])
def test_need_limits_stand_around_one(limits):
    with pytest.raises(ValueError, match="two limits around 1"):
        GateSettings(need_ratio=limits)


def test_a_group_with_few_outcomes_and_much_need_is_judged_by_itself():
    """A small group that is twice as ill as others at its scores, beside another small one that is not."""
    rng = np.random.default_rng(3)
    rows = 6_000
    group = rng.choice(["large", "missed", "small"], rows, p=[0.86, 0.07, 0.07])
    risk = rng.uniform(0.01, 0.06, rows)
    labels = (rng.random(rows) < risk).astype(int)
    needs = pd.DataFrame({"long_term_conditions": rng.poisson(np.where(group == "missed", 2.0, 1.0)).astype(float)})
    groups = pd.DataFrame({"ethnic_group": group})
    assert labels[group == "missed"].sum() < GateSettings().minimum_events

    board = JudgedRows(risk, None, labels, np.arange(rows), groups, None, needs)
    evidence = Evidence(board, {}, 1000, 100, GateSettings(), CapacitySettings(), seed=1)
    found = interval_checks(evidence)["need_within_score_by_ethnic_group"]
    failed = holm_failures(found)
    assert [check.subject for check in found if id(check) in failed] == ["ethnic_group missed"]

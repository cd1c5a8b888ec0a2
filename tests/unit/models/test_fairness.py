import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_negative_rate, selection_rate, true_positive_rate
from sklearn.metrics import precision_score, roc_auc_score

from models.audit_groups import RECENT_ADMISSION, recent_admission_groups
from models.fairness import COLUMNS, AuditedRows, audit
from models.scored_rows import scored_rows
from models.settings import CapacitySettings

CAPACITY = CapacitySettings(deciding_share=0.10)


def audited(risk, labels, person, groups, needs=None):
    return audit(AuditedRows(scored_rows(risk, labels, person), groups, needs), CAPACITY, seed=1)


def _board(rows=6000, seed=1):
    rng = np.random.default_rng(seed)
    groups = pd.DataFrame(
        {
            "imd_quintile": rng.integers(1, 6, rows).astype("float64"),
            "ethnic_group": rng.choice(["white", "asian", "black"], rows),
            "age_band": rng.choice(["0-17", "18-64", "65+"], rows),
            RECENT_ADMISSION: recent_admission_groups(pd.Series(rng.integers(0, 2, rows).astype(float))),
        }
    )
    risk = np.clip(rng.beta(1, 6, rows) * (1 + 0.1 * (3 - groups["imd_quintile"])), 0, 1).to_numpy()
    return risk, (rng.random(rows) < risk).astype(int), np.arange(rows), groups


def _value(table, kind, name, metric, column="value"):
    row = table[(table["group_kind"] == kind) & (table["group_name"] == name) & (table["metric"] == metric)]
    assert len(row) == 1
    return row[column].iloc[0]


def test_groups_agree_with_fairlearn():
    risk, labels, person, groups = _board()
    table = audited(risk, labels, person, groups)
    chosen = (risk >= np.sort(risk)[-600]).astype(int)
    theirs = MetricFrame(
        metrics={
            "selection_rate_top_10pct": selection_rate,
            "sensitivity_top_10pct": true_positive_rate,
            "false_negative_rate_top_10pct": false_negative_rate,
            "ppv_top_10pct": precision_score,
        },
        y_true=labels,
        y_pred=chosen,
        sensitive_features=groups["ethnic_group"],
    )
    for metric in theirs.by_group.columns:
        for group in ("white", "asian", "black"):
            assert _value(table, "ethnic_group", group, metric) == pytest.approx(theirs.by_group.loc[group, metric], abs=1e-12)
        difference, ratio = theirs.difference()[metric], theirs.ratio()[metric]
        assert _value(table, "ethnic_group", "between_groups", f"{metric}_difference") == pytest.approx(difference, abs=1e-12)
        assert _value(table, "ethnic_group", "between_groups", f"{metric}_ratio") == pytest.approx(ratio, abs=1e-12)
    white = (groups["ethnic_group"] == "white").to_numpy()
    assert _value(table, "ethnic_group", "white", "auroc") == pytest.approx(roc_auc_score(labels[white], risk[white]), abs=1e-12)


def test_every_group_has_its_limits_and_the_columns_of_the_stored_table():
    table = audited(*_board())
    assert tuple(table.columns) == COLUMNS
    assert not table.duplicated(["group_kind", "group_name", "metric"]).any()
    assert _value(table, "imd_quintile", "1", "observed_over_expected", "lower") < _value(
        table, "imd_quintile", "1", "observed_over_expected"
    )
    assert _value(table, "all", "all", "auroc", "people") == 6000
    assert {"ppv_top_0_5pct", "ici", "brier"} <= set(table.loc[table["group_name"] == "none", "metric"])
    assert "age_standardised_sensitivity_top_10pct" in set(table.loc[table["group_kind"] == "imd_quintile", "metric"])


def test_missing_is_a_group_of_its_own():
    risk, labels, person, groups = _board(2000)
    groups.loc[:299, "ethnic_group"] = None
    table = audited(risk, labels, person, groups)
    assert _value(table, "ethnic_group", "not_known", "auroc", "people") == 300


def test_a_small_group_is_shown_as_suppressed_and_cannot_be_had_from_the_total():
    risk, labels, person, groups = _board(2000)
    groups["place"] = np.where(np.arange(2000) < 5, "tiny", np.where(np.arange(2000) < 800, "small", "large"))
    table = audited(risk, labels, person, groups[["place"]])
    tiny = table[table["group_name"] == "tiny"]
    assert len(tiny) and tiny["suppressed"].all() and tiny[["value", "lower", "upper", "people", "events"]].isna().all(axis=None)
    small = table[table["group_name"] == "small"]
    assert small["people"].isna().all() and np.isfinite(_value(table, "place", "small", "auroc"))
    assert np.isnan(_value(table, "place", "small", "base_rate"))
    assert table.loc[table["group_name"] == "large", "people"].notna().all()


def test_two_tiny_groups_take_a_third_with_them():
    """The total would tell that they hold six people between them."""
    risk, labels, person, _ = _board(2000)
    places = np.select([np.arange(2000) < 3, np.arange(2000) < 6, np.arange(2000) < 800], ["tiny", "tinier", "small"], "large")
    table = audited(risk, labels, person, pd.DataFrame({"place": places}))
    hidden = set(table.loc[table["people"].isna() & (table["group_name"] != "between_groups"), "group_name"])
    assert hidden == {"tiny", "tinier", "small"}


def test_a_small_count_at_the_cut_hides_what_it_stands_behind():
    risk, labels, person, groups = _board(2000)
    few = risk < np.quantile(risk, 0.5)
    few[np.argsort(-risk)[:3]] = True  # three of the group are among those chosen
    groups["place"] = np.where(few, "few_chosen", "many_chosen")
    table = audited(risk, labels, person, groups[["place"]])
    assert _value(table, "place", "few_chosen", "selection_rate_top_10pct", "suppressed")
    assert not _value(table, "place", "few_chosen", "auroc", "suppressed")


def test_who_is_listed_stands_beside_the_people_and_the_events():
    risk, labels, person, groups = _board()
    table = audited(risk, labels, person, groups)
    for metric in ("list_share", "population_share", "event_share"):
        shares = [_value(table, "imd_quintile", str(number), f"{metric}_top_10pct") for number in range(1, 6)]
        assert sum(shares) == pytest.approx(1)
    share = _value(table, "imd_quintile", "1", "list_share_top_10pct")
    people = _value(table, "imd_quintile", "1", "population_share_top_10pct")
    assert _value(table, "imd_quintile", "1", "list_share_over_population_share_top_10pct") == pytest.approx(share / people)
    assert _value(table, "imd_quintile", "1", "age_standardised_selection_ratio_top_10pct") > 1  # its risks are a fifth higher
    assert "age_standardised_selection_rate_top_10pct" not in set(table.loc[table["group_kind"] == "age_band", "metric"])


def test_need_at_the_same_score_is_measured_in_every_group():
    risk, labels, person, groups = _board()
    rng = np.random.default_rng(2)
    conditions = rng.poisson(1 + 8 * risk + (groups["ethnic_group"] == "black"))
    needs = pd.DataFrame({"long_term_conditions": conditions.astype(float), "death": (rng.random(6000) < risk / 4).astype(float)})
    table = audited(risk, labels, person, groups, needs)
    for stratum in ("score", "score_and_age"):
        assert _value(table, "ethnic_group", "black", f"long_term_conditions_at_same_{stratum}", "lower") > 1.3
        assert _value(table, "imd_quintile", "1", f"death_at_same_{stratum}", "lower") < 1.3
    assert "death_at_same_score" in set(table.loc[table["group_kind"] == "age_band", "metric"])
    assert "death_at_same_score_and_age" not in set(table.loc[table["group_kind"] == "age_band", "metric"])


def test_a_large_board_has_analytic_limits_that_agree_with_the_bootstrap_ones(monkeypatch):
    risk, labels, person, groups = _board()
    by_bootstrap = audited(risk, labels, person, groups[["imd_quintile"]])
    monkeypatch.setattr("models.fairness.BOOTSTRAP_PEOPLE", 1000)
    analytic = audited(risk, labels, person, groups[["imd_quintile"]])
    for name in "12345":
        width, other = (
            _value(table, "imd_quintile", name, "auroc", "upper") - _value(table, "imd_quintile", name, "auroc", "lower")
            for table in (by_bootstrap, analytic)
        )
        assert width != other and width == pytest.approx(other, rel=0.2)

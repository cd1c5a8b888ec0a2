import itertools

import numpy as np
import pandas as pd
import pytest

from expectations.small_counts import SMALLEST_SHOWN
from models.disclosure_control import (
    Total,
    hidden_cells,
    is_small,
    rounded,
    safe_audit,
    safe_estimates,
    shown_counts,
    shown_share,
    three_figures,
    totals_of,
)
from models.intervals import Estimate, on_log_scale, on_logit_scale, wald, wilson


def test_counts_of_1_to_7_are_hidden_zero_is_shown_and_others_are_rounded_to_5():
    assert [is_small(count) for count in (0, 1, 7, 8)] == [False, True, True, False]
    assert [rounded(count) for count in (0, 8, 12, 13, 100, 102)] == [0, 10, 10, 15, 100, 100]
    assert shown_counts({"a": 0, "b": 3, "c": 5, "d": 23}, []) == {"a": 0, "b": None, "c": None, "d": 25}


def test_one_hidden_cell_of_a_total_takes_the_next_smallest_with_it():
    counts = {"all": 103, "a": 3, "b": 40, "c": 60, "d": 0}
    whole = Total("all", ("a", "b", "c", "d"))
    assert hidden_cells(counts, [whole]) == {"a", "b"}
    assert shown_counts(counts, [whole]) == {"all": 105, "a": None, "b": None, "c": 60, "d": 0}


def test_two_tiny_cells_do_not_protect_each_other():
    """The total would tell that they hold 3 between them."""
    counts = {"all": 103, "a": 1, "b": 2, "c": 40, "d": 60}
    assert hidden_cells(counts, [Total("all", ("a", "b", "c", "d"))]) == {"a", "b", "c"}


def test_the_whole_is_hidden_where_nothing_else_can_be():
    assert hidden_cells({"all": 5, "a": 5, "b": 0}, [Total("all", ("a", "b"))]) == {"all", "a"}


def test_a_hidden_whole_is_not_the_sum_of_parts_that_are_shown():
    counts = {"icb": 100, "pcn": 20, "p1": 8, "p2": 12, "other": 80}
    totals = [Total("icb", ("pcn", "other")), Total("pcn", ("p1", "p2"))]
    hidden = hidden_cells(counts, totals, at_first=["pcn"])
    assert "pcn" in hidden and hidden & {"p1", "p2"} and "other" in hidden


def test_a_hierarchy_is_protected_at_every_level():
    parents = {"d1": "q1", "d2": "q1", "d3": "q2", "d4": "q2", "q1": "all", "q2": "all"}
    counts = {"d1": 3, "d2": 50, "d3": 40, "d4": 60, "q1": 53, "q2": 100, "all": 153}
    assert hidden_cells(counts, totals_of(parents)) == {"d1", "d2"}


@pytest.mark.parametrize("seed", range(40))
def test_no_reader_can_compute_a_hidden_cell_from_what_is_shown(seed):
    """An attacker with exact totals tries every number for the hidden cells: each must have more than one that fits."""
    rng = np.random.default_rng(seed)
    parts = {name: int(count) for name, count in zip("abcd", rng.choice([0, 1, 2, 5, 7, 9, 12], 4), strict=True)}
    counts = {"all": sum(parts.values()), **parts}
    hidden = hidden_cells(counts, [Total("all", tuple(parts))])
    assert {name for name, count in counts.items() if is_small(count)} <= hidden
    if "all" in hidden:
        assert hidden - {"all"}
        return
    unknown = sorted(hidden)
    left = counts["all"] - sum(count for name, count in parts.items() if name not in hidden)
    fits = [numbers for numbers in itertools.product(range(1, left + 1), repeat=len(unknown)) if sum(numbers) == left]
    for place in range(len(unknown)):
        assert max(numbers[place] for numbers in fits) >= SMALLEST_SHOWN and len({numbers[place] for numbers in fits}) > 1


# --- rates, ratios and limits -----------------------------------------------------------------------------------------

MEAN_RISK, BRIER = 0.14, 0.1


def _error(found: int, events: int) -> float:
    smoothed = (found + 0.5) / (events + 1)
    return float(np.sqrt(smoothed * (1 - smoothed) / events))


def _measures(people: int, events: int, listed: int, found: int) -> dict[str, Estimate]:
    """Return exact measures as a model of the same risks has them in groups of different outcomes."""
    rate = events / people
    return {
        "base_rate": wilson(events, people),
        "mean_risk": Estimate(MEAN_RISK, MEAN_RISK - 0.01, MEAN_RISK + 0.01),
        "observed_over_expected": on_log_scale(rate / MEAN_RISK, np.sqrt(BRIER * people) / events),
        "brier": wald(BRIER, 0.005),
        "scaled_brier": wald(1 - BRIER / (rate * (1 - rate)), 0.02),
        "auroc": Estimate(0.7891234, 0.7512345, 0.8212345),
        "selection_rate_top_5pct": wilson(listed, people),
        "ppv_top_5pct": wilson(found, listed),
        "sensitivity_top_5pct": wilson(found, events),
        "false_negative_rate_top_5pct": wilson(events - found, events),
        "lift_top_5pct": Estimate(found / listed / rate, wilson(found, listed).lower / rate, wilson(found, listed).upper / rate),
        "age_standardised_sensitivity_top_5pct": on_logit_scale(found / events, _error(found, events)),
    }


def _numbers(measures: dict[str, Estimate]) -> dict[str, tuple[float, float, float]]:
    return {name: (of.value, of.lower, of.upper) for name, of in measures.items()}


def test_measures_are_those_of_the_rounded_counts_to_three_figures():
    safe = _numbers(safe_estimates(_measures(1003, 143, 82, 41), 1003, 143))
    by_hand = wilson(145, 1005)
    assert safe["base_rate"] == tuple(three_figures(number) for number in (by_hand.value, by_hand.lower, by_hand.upper))
    assert safe["ppv_top_5pct"][0] == 0.5  # 40 of 80
    assert safe["sensitivity_top_5pct"][0] == three_figures(40 / 145)
    assert safe["observed_over_expected"][0] == three_figures(145 / 1005 / MEAN_RISK)
    assert safe["scaled_brier"][0] == three_figures(1 - BRIER / (145 / 1005 * 860 / 1005))
    assert safe["auroc"] == (0.789, 0.751, 0.821)


@pytest.mark.parametrize("name", _measures(1003, 143, 82, 41))
def test_counts_that_round_alike_cannot_be_distinguished(name):
    """An attacker who knows how the measures are made tries every count that rounds to the one shown."""
    seen = set()
    for people, events in itertools.product((998, 1000, 1002), (38, 40, 42)):
        for listed, found in itertools.product((48, 50, 52), (18, 20, 22)):
            seen.add(_numbers(safe_estimates(_measures(people, events, listed, found), people, events))[name])
    assert len(seen) == 1


@pytest.mark.parametrize(("people", "events"), [(1000, 7), (7, 0), (400, 395)])
def test_of_a_set_with_a_small_count_no_measure_is_shown(people, events):
    safe = safe_estimates({"base_rate": wilson(events, people), "auroc": Estimate(0.7)}, people, events)
    assert all(np.isnan(of.value) for of in safe.values())


def test_a_small_part_of_a_list_hides_the_measures_of_that_list_alone():
    safe = safe_estimates(_measures(1000, 100, 50, 4), 1000, 100)
    assert np.isnan(safe["ppv_top_5pct"].value) and np.isnan(safe["selection_rate_top_5pct"].value)
    assert safe["base_rate"].value == 0.1


def _audit(groups: dict[tuple[str, str], tuple[int, int, int, int] | None]) -> pd.DataFrame:
    """Return an audit of groups of people, events, listed and found; None where the exact audit hides the group itself."""
    rows = []
    for (kind, name), counts in groups.items():
        for metric, of in _measures(*(counts or (100, 10, 10, 5))).items():
            shown = (of.value, of.lower, of.upper, *counts[:2]) if counts else (np.nan,) * 5
            rows.append((kind, name, metric, *shown, counts is None))
    return pd.DataFrame(
        rows, columns=["group_kind", "group_name", "metric", "value", "lower", "upper", "people", "events", "suppressed"]
    )


BY_SEX = {
    ("all", "all"): (1003, 143, 80, 40),
    ("sex", "female"): (511, 72, 41, 21),
    ("sex", "male"): (477, 68, 35, 17),
    ("sex", "other"): (15, 3, 4, 2),
}


def test_a_group_that_the_total_would_reveal_is_hidden_with_all_its_measures():
    safe = safe_audit(_audit(BY_SEX))
    hidden = safe[safe["people"].isna()]
    assert set(hidden["group_name"]) == {"male", "other"}
    assert hidden[["value", "lower", "upper", "events"]].isna().all(axis=None) and hidden["suppressed"].all()
    kept = safe[(safe["group_name"] == "female") & (safe["metric"] == "base_rate")].iloc[0]
    assert (kept["value"], kept["people"], kept["events"]) == (0.137, 510, 70)


def test_groups_that_the_exact_audit_hides_stay_hidden_and_leave_room():
    """Two groups hold 4 events between them: a third is hidden with them."""
    groups = {
        ("all", "all"): (1003, 143, 80, 40),
        ("k", "a"): (500, 70, 40, 20),
        ("k", "b"): (488, 69, 40, 20),
        ("k", "c"): None,
        ("k", "d"): None,
    }
    safe = safe_audit(_audit(groups))
    assert set(safe.loc[safe["people"].isna(), "group_name"]) == {"b", "c", "d"}


def test_a_small_part_of_a_list_is_hidden_with_another_groups():
    groups = {
        ("all", "all"): (1000, 140, 80, 40),
        ("k", "a"): (400, 50, 30, 15),
        ("k", "b"): (400, 50, 46, 22),
        ("k", "c"): (200, 40, 4, 3),
    }
    safe = safe_audit(_audit(groups)).set_index(["group_name", "metric"])
    assert safe.loc[("c", "ppv_top_5pct"), "suppressed"] and safe.loc[("a", "ppv_top_5pct"), "suppressed"]
    assert safe.loc[("b", "ppv_top_5pct"), "value"] == 0.444
    assert safe.loc[("c", "base_rate"), "value"] == 0.2


def test_a_gap_is_that_of_the_groups_that_are_shown():
    extreme = {**BY_SEX, ("sex", "female"): (511, 99, 41, 21), ("sex", "male"): (477, 41, 35, 17)}
    gap = {
        "group_kind": "sex",
        "group_name": "between_groups",
        "metric": "observed_over_expected_difference",
        "value": 1.2345,
        "suppressed": False,
    }
    five = {("imd", str(place)): (200, 20 + 4 * place, 16, 8) for place in range(1, 6)}
    other = {**gap, "group_kind": "imd"}
    safe = safe_audit(pd.concat([_audit({**extreme, **five}), pd.DataFrame([gap, other])], ignore_index=True))
    gaps = safe[safe["group_name"] == "between_groups"]
    assert list(gaps["group_kind"]) == ["imd"]  # only one sex is shown
    shown = safe[(safe["group_kind"] == "imd") & (safe["metric"] == "observed_over_expected")]["value"]
    assert gaps["value"].iloc[0] == pytest.approx(shown.max() - shown.min())


def test_three_figures_and_shares_of_rounded_counts():
    assert [three_figures(number) for number in (0.123456, 12.3456, 98765.4, 0.0)] == [0.123, 12.3, 98800.0, 0.0]
    assert np.isnan(three_figures(np.nan))
    assert {shown_share(part, 1000) for part in range(1, 8)} == {0.005}
    assert (shown_share(0, 1000), shown_share(1000, 1000), shown_share(996, 1000), shown_share(12, 1000)) == (
        0.0,
        1.0,
        0.995,
        0.01,
    )

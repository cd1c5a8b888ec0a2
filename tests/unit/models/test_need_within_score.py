import numpy as np
import pandas as pd
import pytest

from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from models.intervals import count_limits
from models.need_within_score import DEATH, PERCENTILE_EDGES, RECORDED_NEEDS, UNDIAGNOSED, need_columns, need_ratios, score_strata
from models.scored_rows import scored_rows


def _rows(risk):
    return scored_rows(np.asarray(risk, dtype=float), np.zeros(len(risk), dtype=int), np.arange(len(risk)))


def test_a_ratio_worked_by_hand():
    """Two strata; group 0 has needs 3 and 5 where others have 2 and 1: observed 8, expected 3."""
    need = np.array([3.0, 2, 2, 5, 1, 1])
    strata = score_strata(_rows(np.arange(6) / 10))
    strata = type(strata)(np.array([0, 0, 0, 1, 1, 1]), 2)
    ours, theirs = need_ratios(need, strata, np.array([0, 1, 1, 0, 1, 1]), 2, is_event=False)
    assert ours.value == pytest.approx(8 / 3) and theirs.value == pytest.approx(6 / 16)


def test_strata_without_anyone_else_take_no_part_and_unknown_needs_count_for_no_one():
    strata = type(score_strata(_rows([0.1])))(np.array([0, 0, 0, 1, 1]), 2)
    need = np.array([2.0, 1.0, np.nan, 9.0, 9.0])
    ours, _ = need_ratios(need, strata, np.array([0, 1, 1, 0, 0]), 2, is_event=False)
    assert ours.value == pytest.approx(2.0)
    assert np.isnan(need_ratios(need, strata, np.zeros(5, dtype=int), 1, is_event=False)[0].value)


def test_few_events_have_the_limits_of_their_count():
    labels = np.array([1.0, 0, 1, 0, 0, 0, 0, 0])
    strata = type(score_strata(_rows([0.1])))(np.zeros(8, dtype=int), 1)
    ours = need_ratios(labels, strata, np.repeat([0, 1], 4), 2, is_event=True)[0]
    assert np.isnan(ours.value)  # no one else has the event, so none is expected
    labels[5] = 1.0
    ours = need_ratios(labels, strata, np.repeat([0, 1], 4), 2, is_event=True)[0]
    assert (ours.value, ours.lower, ours.upper) == pytest.approx((2, *count_limits(2)))


def test_the_top_twentieth_is_divided_into_hundredths():
    strata = score_strata(_rows(np.linspace(0.9, 0.1, 2000)))
    assert strata.size == len(PERCENTILE_EDGES) - 1 == 24
    assert np.bincount(strata.codes)[-5:].tolist() == [20] * 5 and strata.codes[0] == 23 and strata.codes[-1] == 0
    with_age = score_strata(_rows(np.linspace(0.9, 0.1, 4)), np.array([0, 1, -1, 1]))
    assert with_age.size == 48 and with_age.codes[2] == -1


def _board(served, rows=20_000, seed=1):
    """Conditions drive the outcome, but the group 'missed' is admitted for fewer of them."""
    rng = np.random.default_rng(seed)
    missed, conditions = rng.random(rows) < 0.3, rng.poisson(1.0, rows)
    use = 0.02 + 0.05 * conditions * np.where(missed, served, 1.0)
    return missed, conditions.astype(float), scored_rows(np.clip(use, 0, 1), np.zeros(rows, dtype=int), np.arange(rows))


def test_a_label_of_use_is_exposed_and_a_fair_one_is_not():
    for served, result in ((1.0, False), (0.6, True)):
        missed, conditions, rows = _board(served)
        codes = rows.in_order(missed.astype(int))
        ratio = need_ratios(rows.in_order(conditions), score_strata(rows), codes, 2, is_event=False)[1]
        assert (ratio.lower > 1.2) is result


def test_limits_cover_where_groups_are_alike():
    rng, inside = np.random.default_rng(3), 0
    for _ in range(200):
        rows = _rows(rng.random(600))
        codes, need = rng.integers(0, 2, 600), rng.poisson(2.0, 600).astype(float)
        ratio = need_ratios(need, score_strata(rows), codes, 2, is_event=False)[1]
        inside += ratio.lower <= 1 <= ratio.upper
    assert 0.91 <= inside / 200 <= 0.99


def test_needs_are_what_the_rows_tell_of():
    frame = pd.DataFrame({"long_term_conditions": [0.0, 2.0, np.nan]})
    labels, died = np.array([1, 1, 0]), np.array([False, True, False])
    needs = need_columns(frame, labels, died)
    assert list(needs) == ["long_term_conditions", DEATH, UNDIAGNOSED]
    assert needs[DEATH].tolist() == [0, 1, 0] and needs[UNDIAGNOSED].tolist() == [1, 0, 0]
    assert list(need_columns(pd.DataFrame(index=range(3)), labels, labels.astype(bool))) == []


def test_the_recorded_needs_are_features_of_the_catalogue() -> None:
    catalogue = build_catalogue(load_code_lists(), 2025)
    assert set(RECORDED_NEEDS) <= set(catalogue.by_name)

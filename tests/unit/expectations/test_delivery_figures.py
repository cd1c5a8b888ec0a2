"""The parts of a check: shares, limits, and the worst figure of an answer."""

from datetime import date

import pandas as pd

from expectations.delivery_figures import Finding, at_least, at_most, day_of, month_of, over_limit, share_of


def test_a_share_of_nothing_is_0() -> None:
    assert share_of(pd.Series([1, 0]), pd.Series([4, 0])).tolist() == [0.25, 0.0]


def test_a_few_broken_rows_are_over_no_limit_unless_all_are_broken() -> None:
    rows = pd.DataFrame({"bad": [3, 4, 3], "rows": [4, 5, 3], "share": [0.75, 0.8, 1.0]})
    assert over_limit(rows, "bad", 0.5).index.tolist() == [1, 2]


def test_the_figure_of_an_answer_is_its_worst_finding_or_within_the_limit() -> None:
    shares, findings = pd.Series([0.1, 0.9]), [Finding("x", share=0.6), Finding("y", share=0.7)]
    assert (at_most(shares, 0.5, findings).figure, at_most(shares, 0.5, []).figure) == (0.7, 0.5)
    assert (at_least(shares, 0.5, findings).figure, at_least(shares, 0.5, []).figure) == (0.6, 0.5)
    assert (at_most(shares, 0.5, []).most, at_least(shares, 0.5, []).least) == (0.5, 0.5)


def test_a_missing_day_has_no_month() -> None:
    assert (day_of(pd.Timestamp("2026-01-31 10:00")), month_of("2026-01-31")) == (date(2026, 1, 31), "2026-01")
    assert (day_of(None), month_of(pd.NaT)) == (None, "")

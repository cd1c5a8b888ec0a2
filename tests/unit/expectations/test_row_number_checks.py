"""Checks on the number of rows: which files, months and organisations they name."""

from collections.abc import Callable

import pandas as pd
import pytest

from expectations.delivery_figures import Answer, Summary, Thresholds
from expectations.row_number_checks import (
    below_published_list,
    feed_collapsed,
    feed_fell,
    history_starts_at_load,
    keys_unique,
    month_collapsed,
    month_gap,
    not_empty,
    share_set_aside,
)

Check = Callable[[Summary, float, tuple[str, ...]], Answer]
EXTRACTS = pd.DataFrame({"file_name": ["a.csv"], "rows": [100], "set_aside": [5], "columns_missing": [""]})


def answer(check: Check, limit: float = 0.0, columns: tuple[str, ...] = (), **frames: object) -> Answer:
    summary = Summary(EXTRACTS, thresholds=Thresholds(month_rows=10, group_rows=10))
    for name, frame in frames.items():
        setattr(summary, name, frame)
    return check(summary, limit, columns)


def places(found: Answer) -> list[tuple[str, str]]:
    return [(finding.organisation, f"{finding.month:%Y-%m}" if finding.month else "") for finding in found.findings]


def months(*rows: tuple[str, str, float, float | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["organisation", "month", "rows", "rows_before"])
    return frame.assign(month=pd.to_datetime(frame["month"]))


def test_a_month_that_lost_rows_has_collapsed() -> None:
    compared = months(
        ("RX1", "2025-01-01", 40, 100),
        ("RX1", "2025-02-01", 90, 100),
        ("RX2", "2025-01-01", 1, 5),
        ("RX2", "2025-03-01", 50, None),
    )
    found = answer(month_collapsed, 0.5, ("provider_code",), months=compared)
    assert places(found) == [("RX1", "2025-01")]
    assert found.findings[0].message == "RX1 2025-01: 40 rows, 100 in the previous delivery (40%)"


def test_a_silent_month_between_active_ones_is_a_gap() -> None:
    sent = months(("RX1", "2025-01-01", 50, None), ("RX1", "2025-02-01", 50, None), ("RX1", "2025-04-01", 50, None))
    assert places(answer(month_gap, 0.2, ("provider_code",), months=sent)) == [("RX1", "2025-03")]


def test_a_stray_early_row_makes_no_gap() -> None:
    sent = months(("RX1", "1949-02-01", 1, None), *(("RX1", f"2025-0{month}-01", 50, None) for month in range(1, 7)))
    assert places(answer(month_gap, 0.2, (), months=sent)) == []


def test_a_handful_of_broken_rows_breaks_no_share() -> None:
    few = EXTRACTS.assign(rows=4, set_aside=3)
    assert answer(share_set_aside, 0.2, extracts=few).findings == []
    assert len(answer(share_set_aside, 0.2, extracts=EXTRACTS.assign(set_aside=21)).findings) == 1
    assert len(answer(share_set_aside, 0.2, extracts=few.assign(set_aside=4)).findings) == 1


def test_an_empty_extract_is_named() -> None:
    assert answer(not_empty, extracts=EXTRACTS.assign(rows=0)).findings[0].message == "a.csv has no rows"


def test_repeated_keys_are_counted() -> None:
    assert answer(keys_unique, repeated_keys=2).figure == 2


def test_a_practice_below_its_published_list_is_named() -> None:
    lists = pd.DataFrame({"organisation": ["Y1", "Y2"], "rows": [30, 90], "published": [100, 100]})
    assert places(answer(below_published_list, 0.5, lists=lists)) == [("Y1", "")]


def test_a_practice_whose_history_was_loaded_is_named() -> None:
    starts = pd.DataFrame({"organisation": ["Y1"], "day": pd.to_datetime(["2021-06-01"]), "rows": [100], "same_day": [70]})
    assert (
        answer(history_starts_at_load, 0.3, starts=starts).findings[0].message
        == "Y1: 70% of 100 registrations start on 2021-06-01"
    )


def test_figures_keep_their_bounds_exactly_when_nothing_is_found() -> None:
    fine = answer(share_set_aside, 0.01, extracts=EXTRACTS.assign(rows=10, set_aside=2))
    assert fine.findings == []
    assert fine.most is not None
    assert fine.figure <= fine.most


@pytest.mark.parametrize(
    ("month", "rows", "before", "earlier", "found"),
    [
        # A snapshot or restated months: rows do not vary by chance.
        (None, 500, 1_000, (), "stop"), (None, 52, 100, (), "stop"), (None, 599, 1_000, (), "stop"), (None, 601, 1_000, (), ""),
        (None, 5, 10, (), "stop"), (None, 0, 7, (), "stop"), (None, 2, 5, (), "warn"), (None, 0, 3, (), "stop"), (None, 0, 1, (), "stop"),
        (None, 1, 2, (), ""), (None, 2, 4, (), "warn"), (None, 3, 4, (), ""), (None, 0, 0, (), ""), (None, 2_000, 1_000, (), ""),
        ("2025-01-01", 10, 20, (), "stop"), ("2025-01-01", 5, 9, (), ""), ("2025-01-01", 0, 40, (), "stop"),
        # New events, which vary, compared with one earlier delivery.
        (None, 0, 9, (9,), "stop"), (None, 2, 12, (12,), "stop"), (None, 14, 30, (30,), "warn"), (None, 30, 60, (60,), "stop"),
        (None, 8, 16, (16,), "warn"), (None, 5, 10, (10,), ""), (None, 0, 4, (4,), "warn"), (None, 0, 2, (2,), ""),
        (None, 580, 1_000, (1_000,), "stop"), (None, 620, 1_000, (1_000,), ""),
        # Earlier deliveries make it surer, and a previous delivery that was unusually large counts for less.
        (None, 0, 5, (5, 5, 5, 5, 5, 5), "stop"), (None, 14, 30, (30, 29, 33, 31), "stop"), (None, 14, 30, (30, 15, 14, 13), ""),
    ],
)  # fmt: skip
def test_a_feed_that_lost_rows_is_found_for_any_sender(month, rows, before, earlier, found) -> None:
    counts = {"rows": [rows], "rows_before": [before], "rows_earlier": [sum(earlier)], "deliveries": [len(earlier)]}
    volume = pd.DataFrame({"month": [pd.Timestamp(month)]} | counts)
    for rule, level in ((feed_collapsed, "stop"), (feed_fell, "warn")):
        answer_of = answer(rule, 0.6, volume=volume)
        assert len(answer_of.findings) == (found == level), rule.__name__
        if answer_of.findings:
            assert f"{rows:,} rows, {before:,} in the previous delivery" in answer_of.findings[0].message
        assert (answer_of.figure < 0.6) == (found == level)

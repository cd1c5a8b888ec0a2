import pandas as pd
import pytest

from expectations.catalogue import TABLES
from expectations.table_checks import CHECKS, Answer, Summary, Thresholds

EXTRACTS = pd.DataFrame({"file_name": ["a.csv"], "rows": [100], "set_aside": [5], "columns_missing": [""]})


def answer(check: str, limit: float = 0.0, columns: tuple[str, ...] = (), **frames: object) -> Answer:
    summary = Summary(EXTRACTS, thresholds=Thresholds(month_rows=10, group_rows=10))
    for name, frame in frames.items():
        setattr(summary, name, frame)
    return CHECKS[check](summary, limit, columns)


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
    found = answer("month_collapsed", 0.5, ("provider_code",), months=compared)
    assert places(found) == [("RX1", "2025-01")]
    assert found.findings[0].message == "RX1 2025-01: 40 rows, 100 in the previous delivery (40%)"


def test_a_silent_month_between_active_ones_is_a_gap() -> None:
    sent = months(("RX1", "2025-01-01", 50, None), ("RX1", "2025-02-01", 50, None), ("RX1", "2025-04-01", 50, None))
    assert places(answer("month_gap", 0.2, ("provider_code",), months=sent)) == [("RX1", "2025-03")]


def test_a_stray_early_row_makes_no_gap() -> None:
    sent = months(("RX1", "1949-02-01", 1, None), *(("RX1", f"2025-0{month}-01", 50, None) for month in range(1, 7)))
    assert places(answer("month_gap", 0.2, (), months=sent)) == []


def test_a_handful_of_broken_rows_breaks_no_share() -> None:
    few = EXTRACTS.assign(rows=4, set_aside=3)
    assert answer("share_set_aside", 0.2, extracts=few).findings == []
    assert len(answer("share_set_aside", 0.2, extracts=EXTRACTS.assign(set_aside=21)).findings) == 1
    assert len(answer("share_set_aside", 0.2, extracts=few.assign(set_aside=4)).findings) == 1


def test_an_empty_extract_and_a_missing_column_are_named() -> None:
    assert answer("not_empty", extracts=EXTRACTS.assign(rows=0)).findings[0].message == "a.csv has no rows"
    assert (
        answer("columns_present", extracts=EXTRACTS.assign(columns_missing="person_id")).findings[0].message
        == "a.csv has no column person_id"
    )


def test_a_column_that_the_previous_delivery_had_is_named() -> None:
    found = answer("columns_present", extracts=EXTRACTS.assign(columns_gone="sex (SEX)"))
    assert [finding.message for finding in found.findings] == ["a.csv has no column sex (SEX), which the previous delivery had"]


@pytest.mark.parametrize(
    ("organisation", "rows", "filled", "expected", "by_chance", "broken"),
    [
        ("", 200, 0, 80.0, 0.0, 1), ("", 200, 39, 80.0, 0.0, 1), ("", 200, 40, 80.0, 0.0, 0), ("", 200, 90, 80.0, 0.0, 0),
        ("", 30, 0, 9.0, 0.0, 1), ("", 30, 0, 3.0, 0.0, 0), ("", 30, 0, 9.0, 9.0, 0), ("", 100, 0, 0.0, 0.0, 0),
        ("Y00001", 200, 0, 80.0, 0.0, 1), ("Y00001", 30, 0, 9.0, 0.0, 0),
    ],
)  # fmt: skip
def test_a_column_that_is_no_longer_filled_is_named(
    organisation: str, rows: int, filled: int, expected: float, by_chance: float, broken: int
) -> None:
    frame = pd.DataFrame([("end_date", organisation, rows, filled, expected, by_chance)], columns=["column", "organisation", "rows", "filled", "expected", "by_chance"])  # fmt: skip
    found = answer("values_emptied", 0.5, ("end_date",), filled=frame)
    assert [(finding.organisation, finding.column) for finding in found.findings] == [(organisation, "end_date")] * broken
    assert answer("values_emptied", 0.5, ("death_date",), filled=frame).findings == []


def test_repeated_keys_are_counted() -> None:
    assert answer("keys_unique", repeated_keys=2).figure == 2


@pytest.mark.parametrize(("now", "before", "broken"), [(1, 2, 1), (1, None, 0), (2, 2, 0), (0, 2, 1)])
def test_a_column_is_frozen_only_against_the_delivery_before(now: int, before: float | None, broken: int) -> None:
    columns = pd.DataFrame(
        {"column": ["sex"], "rows": [100], "values": [100], "outside": [0], "different": [now], "different_before": [before]}
    )
    summary = Summary(EXTRACTS, columns=columns.astype({"different_before": float}), thresholds=Thresholds(10, 10))
    assert len(CHECKS["single_value"](summary, 0.0, ("sex",)).findings) == broken


def test_too_many_unknown_codes_are_named_with_their_share() -> None:
    columns = pd.DataFrame(
        {"column": ["sex"], "rows": [100], "values": [80], "outside": [40], "different": [2], "different_before": [2.0]}
    )
    found = CHECKS["unknown_codes"](Summary(EXTRACTS, columns=columns), 0.3, ("sex",))
    assert found.findings[0].message == "40 of 80 values of sex are outside its vocabulary (50.0%)"


def test_a_provider_that_sends_no_ethnicity_is_named() -> None:
    groups = pd.DataFrame(
        {"organisation": ["RX1", "RX2"], "column": ["ethnic_category"] * 2, "rows": [100, 100], "not_known": [60, 10]}
    )
    assert places(answer("share_of_values", 0.4, ("ethnic_category",), not_known=groups)) == [("RX1", "")]


def test_a_practice_below_its_published_list_is_named() -> None:
    lists = pd.DataFrame({"organisation": ["Y1", "Y2"], "rows": [30, 90], "published": [100, 100]})
    assert places(answer("below_published_list", 0.5, lists=lists)) == [("Y1", "")]


def test_a_practice_whose_history_was_loaded_is_named() -> None:
    starts = pd.DataFrame({"organisation": ["Y1"], "day": pd.to_datetime(["2021-06-01"]), "rows": [100], "same_day": [70]})
    assert (
        answer("history_starts_at_load", 0.3, starts=starts).findings[0].message
        == "Y1: 70% of 100 registrations start on 2021-06-01"
    )


def test_figures_keep_their_bounds_exactly_when_nothing_is_found() -> None:
    fine = answer("share_set_aside", 0.01, extracts=EXTRACTS.assign(rows=10, set_aside=2))
    assert fine.findings == []
    assert fine.most is not None
    assert fine.figure <= fine.most


@pytest.mark.parametrize(
    ("month", "rows", "before", "by_chance", "found"),
    [
        (None, 500, 1_000, 0, True), (None, 52, 100, 0, True), (None, 599, 1_000, 0, True), (None, 601, 1_000, 0, False),
        (None, 5, 10, 0, True), (None, 0, 7, 0, True), (None, 2, 5, 0, False), (None, 0, 3, 0, False), (None, 0, 0, 0, False),
        (None, 30, 60, 23, True), (None, 8, 16, 12, False), (None, 2_000, 1_000, 0, False),
        ("2025-01-01", 10, 20, 0, True), ("2025-01-01", 5, 9, 0, False), ("2025-01-01", 0, 40, 0, True),
    ],
)  # fmt: skip
def test_a_feed_that_lost_rows_is_found_whoever_sent_them(month, rows, before, by_chance, found) -> None:
    volume = pd.DataFrame(
        {"month": [pd.Timestamp(month)], "rows": [rows], "rows_before": [before], "by_chance": [float(by_chance)]}
    )
    answer_of = answer("feed_collapsed", 0.6, volume=volume)
    assert len(answer_of.findings) == found
    if found:
        assert f"{rows:,} rows, {before:,} in the previous delivery" in answer_of.findings[0].message
    assert (answer_of.figure < 0.6) == found


def test_every_feed_has_a_rule_on_the_rows_of_a_whole_delivery() -> None:
    tables = [table for table in TABLES.values() if table.layer == "raw" and table.feed]
    assert len(tables) > 20
    assert [table.name for table in tables if "feed_collapsed" not in {rule.check for rule in table.table_rules}] == []

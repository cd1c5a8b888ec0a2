from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from pipelines.conform.coverage import CoverageSettings, coverage, month_status, months_of_feed, practice_coverage

SETTINGS = CoverageSettings()
MONTHS = pd.date_range("2024-01-01", "2024-12-01", freq="MS")
CUT = date(2025, 1, 1)


def volumes(feed: str, **by_organisation: list[int]) -> pd.DataFrame:
    rows = [
        (feed, code, month, n) for code, counts in by_organisation.items() for month, n in zip(MONTHS, counts, strict=True) if n
    ]
    return pd.DataFrame(rows, columns=["feed", "organisation_code", "month", "rows"])


def lists(**people: int) -> pd.DataFrame:
    rows = [(code, month, n) for code, n in people.items() for month in MONTHS]
    return pd.DataFrame(rows, columns=["practice_code", "month", "people"])


def status_of(judged: pd.DataFrame, code: str) -> str:
    """Return a letter per month: c, p or a."""
    return "".join(status[0] for status in judged[judged["organisation_code"] == code].sort_values("month")["status"])


def test_a_practice_without_a_feed_is_absent_though_it_has_people():
    held = volumes("gp_observations", Y1=[100] * 12, Y2=[210] * 12, Y3=[50] * 12)
    judged = coverage(held, lists(Y1=1000, Y2=2000, Y3=500, Y4=1000), CUT, SETTINGS)
    assert status_of(judged, "Y1") == status_of(judged, "Y2") == "c" * 12
    assert status_of(judged, "Y4") == "a" * 12
    assert judged[judged["organisation_code"] == "Y4"]["expected_rows"].iloc[0] == pytest.approx(100)
    assert set(judged["organisation_role"]) == {"practice"}


def test_a_provider_that_stopped_for_three_months_is_absent_in_them_and_partial_where_it_fell():
    held = volumes(
        "admissions", RX1=[90, 95, 100, 0, 0, 0, 100, 30, 98, 95, 100, 102], RX2=[200] * 12, RX3=[150] * 12, RX4=[60] * 12
    )
    judged = coverage(held, lists(), CUT, SETTINGS)
    assert status_of(judged, "RX1") == "cccaaacpcccc"
    assert status_of(judged, "RX2") == "c" * 12


def test_a_small_provider_is_not_flagged_for_the_chance_of_small_numbers():
    held = volumes("admissions", RX1=[1, 0, 2, 1, 0, 0, 1, 3, 0, 1, 2, 1], RX2=[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1])
    judged = coverage(held, lists(), CUT, SETTINGS)
    assert status_of(judged, "RX1") == status_of(judged, "RX2") == "c" * 12


def test_a_month_that_fell_everywhere_is_no_gap_of_anyone_but_one_missing_everywhere_is():
    fell = [100] * 3 + [40] + [100] * 8
    judged = coverage(volumes("admissions", RX1=fell, RX2=fell, RX3=fell), lists(), CUT, SETTINGS)
    assert status_of(judged, "RX1") == "c" * 12
    gone = [100] * 3 + [0] + [100] * 8
    judged = coverage(volumes("admissions", RX1=gone, RX2=gone, RX3=gone), lists(), CUT, SETTINGS)
    assert status_of(judged, "RX1") == "cccacccccccc"


def test_a_feed_begins_with_its_first_real_month_and_ends_with_the_last_whole_one():
    rows = pd.Series({pd.Timestamp("1985-05-01"): 1, **dict.fromkeys(MONTHS, 100), pd.Timestamp("2025-01-01"): 3})
    months = months_of_feed(rows, date(2025, 1, 20), SETTINGS)
    assert (months[0], months[-1], len(months)) == (pd.Timestamp("2024-01-01"), pd.Timestamp("2024-12-01"), 12)
    assert len(months_of_feed(rows, date(1980, 1, 1), SETTINGS)) == 0
    assert len(months_of_feed(rows, date(2030, 1, 1), SETTINGS)) == 72  # a feed that ended years ago is missing since


def test_a_run_of_empty_months_is_absent_when_together_they_should_hold_rows():
    rows = pd.DataFrame([[0, 0, 3, 0]])
    expected = pd.DataFrame([[4.0, 4.0, 4.0, 4.0]])
    assert month_status(rows, expected, SETTINGS).to_numpy().tolist() == [["absent", "absent", "covered", "covered"]]


def test_a_practice_is_covered_for_hospital_activity_as_its_main_provider():
    held = volumes("admissions", RX1=[100] * 3 + [0] * 3 + [100] * 6, RX2=[200] * 12)
    judged = coverage(held, lists(), CUT, SETTINGS)
    main = pd.DataFrame(
        [("admissions", "Y1", "RX1"), ("admissions", "Y2", "RX2")], columns=["feed", "practice_code", "provider_code"]
    )
    practices = practice_coverage(judged, main)
    assert status_of(practices, "Y1") == "cccaaacccccc"
    assert status_of(practices, "Y2") == "c" * 12
    assert set(practices["organisation_role"]) == {"practice"}


@pytest.mark.parametrize(
    ("cut", "last", "before"),
    [
        (CUT, "covered", "covered"), ((CUT + timedelta(days=30)), "covered", "covered"),
        (MONTHS[-1].date(), "absent", "covered"), (MONTHS[-1].date() + timedelta(days=5), "partial", "covered"),
        (MONTHS[-1].date() + timedelta(days=25), "covered", "covered"), (MONTHS[-2].date(), "absent", "absent"),
        (MONTHS[-2].date() + timedelta(days=3), "absent", "partial"),
    ],
)  # fmt: skip
def test_a_feed_that_is_behind_lowers_its_own_coverage_only(cut: date, last: str, before: str) -> None:
    held = pd.concat([volumes("admissions", RX1=[3] * len(MONTHS)), volumes("emergency_attendances", RX1=[3] * len(MONTHS))])
    judged = coverage(held, lists(), CUT, SETTINGS, {"emergency_attendances": cut, "admissions": CUT})
    status = judged.set_index(["feed", "month"])["status"]
    assert set(status["admissions"]) == {"covered"}
    late = status["emergency_attendances"]
    assert (late.iloc[-1], late.iloc[-2]) == (last, before)
    assert set(late.iloc[:-2]) == {"covered"}

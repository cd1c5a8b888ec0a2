"""The rules: what is found, at which limit, and that nothing is said of people."""

from datetime import date
from pathlib import Path

import pytest

from pipelines.alerts import rules
from pipelines.alerts.alert_log import runbook

DAY = date(2026, 1, 1)


def feature(name: str, psi: float | None = 0.0, change: float = 0.0, feed: str = "admissions", by_chance: float = 0.01) -> dict:
    return {
        "index_date": DAY, "feature": name, "label": name.title(), "feed": feed, "psi": psi, "psi_by_chance": by_chance, "top_bin": "over 2",
        "share_missing": 0.5 + change, "share_missing_training": 0.5, "share_missing_change": change,
    }  # fmt: skip


def test_a_feature_is_shifted_from_its_limit_on_and_beyond_chance() -> None:
    drift = [feature("below", 0.249), feature("at", 0.25), feature("chance", 0.3, by_chance=0.5), feature("none", None)]
    found = list(rules.shifted_features(drift, 0.25))
    assert [(one.subject, one.value, one.limit) for one in found] == [("at", 0.25, 0.25)]
    assert "over 2" in found[0].message


def test_the_features_of_a_feed_make_one_finding() -> None:
    drift = [
        feature("a", change=0.2),
        feature("b", change=-0.4),
        feature("c", change=0.05),
        feature("d", change=0.1, feed="gp_observations"),
    ]
    found = list(rules.jumps_of_missing(drift, 0.1))
    assert [(one.subject, one.value) for one in found] == [("admissions", -0.4), ("gp_observations", 0.1)]
    assert "of admissions 2 features" in found[0].message


def test_turnover_is_judged_for_everyone_and_each_group() -> None:
    def row(kind: str, name: str, value: float | None, measure: str = "list_turnover") -> dict:
        return {"outcome": "o", "index_date": DAY, "group_kind": kind, "group_name": name, "measure": measure, "value": value}

    scores = [
        row("all", "all", 0.6),
        row("pcn_code", "U1", 0.5),
        row("pcn_code", "U2", None),
        row("all", "all", 0.9, "listed_share"),
    ]
    assert [one.subject for one in rules.large_turnover(scores, 0.5)] == ["o: all"]


@pytest.mark.parametrize(
    ("lower", "upper", "found"),
    [(0.5, 0.79, True), (0.5, 0.81, False), (1.26, 2.0, True), (1.2, 2.0, False), (None, None, False)],
)
def test_calibration_is_poor_when_the_whole_interval_says_so(lower: float | None, upper: float | None, found: bool) -> None:
    row = {
        "outcome": "o", "index_date": DAY, "group_kind": "imd_quintile", "group_name": "1", "metric": "observed_over_expected",
        "value": 0.7, "lower": lower, "upper": upper, "people": 900, "events": 200,
    }  # fmt: skip
    assert [one.subject for one in rules.poor_calibration([row], (0.8, 1.25))] == ["o: imd_quintile 1"] * found
    acted_on = {**row, "group_kind": "list_status", "group_name": "acted on"}
    assert not list(rules.poor_calibration([acted_on], (0.8, 1.25)))  # being helped is meant to change what comes
    hidden = [{**row, "people": None}, {**row, "events": None}]
    assert not list(rules.poor_calibration(hidden, (0.8, 1.25)))  # a ratio would tell what is hidden
    assert not list(rules.poor_calibration([{**row, "events": 9}, {**row, "metric": "auroc"}], (0.8, 1.25)))


def test_a_collapsed_month_names_feed_organisation_and_month() -> None:
    row = {"feed": "admissions", "organisation_code": "R1A", "month": date(2025, 11, 1), "share": 0.1, "limit": 0.5}
    found = list(rules.collapsed_volumes([row]))
    assert [(one.subject, one.value, one.limit) for one in found] == [("admissions R1A 2025-11", 0.1, 0.5)]


def test_scores_are_stale_the_day_after_the_limit() -> None:
    assert not list(rules.stale_scores("o", DAY, date(2026, 2, 15), 45))
    assert [one.value for one in rules.stale_scores("o", DAY, date(2026, 2, 16), 45)] == [46.0]
    assert not list(rules.stale_scores("o", None, DAY, 45))


def test_a_late_feed_is_told_with_its_days_and_their_limit() -> None:
    (found,) = rules.feeds_that_are_late({"admissions": date(2025, 11, 1)}, DAY, 45)
    assert (found.subject, found.value, found.limit) == ("admissions", 61.0, 45.0)
    assert "2025-11-01" in found.message


@pytest.mark.parametrize(("day", "found"), [("2025-12-02", 0), ("2025-12-03", 1), ("2026-01-02", 1)])
def test_an_approval_is_told_before_it_ends_and_after(day: str, found: int) -> None:
    told = list(rules.approval_that_ends(DAY, date.fromisoformat(day), 30))
    assert len(told) == found
    assert all(("ended on" if day > "2026" else "ends on") in one.message for one in told)


@pytest.mark.parametrize("rule", rules.RULES)
def test_every_rule_has_a_page_that_says_what_to_do(rule: str) -> None:
    page = (Path(__file__).parents[4] / runbook(rule)).read_text(encoding="utf-8")
    assert page.startswith(f"# {rule}\n")
    for part in ("**What it means.**", "**Check first**", "**Then**"):
        assert part in page
    pages = sorted(path.stem for path in (Path(__file__).parents[4] / "docs" / "runbooks").glob("*.md"))
    assert pages == sorted(rules.RULES)

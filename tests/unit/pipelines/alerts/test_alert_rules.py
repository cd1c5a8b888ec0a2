"""The rules: what is found, at which limit, that nothing is said of people, and that each is declared whole."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from expectations.tables.monitoring import LIST_USE_BY_PRACTICE
from pipelines.alerts import rules
from pipelines.alerts.alert_log import runbook
from pipelines.alerts.rule_declaration import AlertRule, Row, Watched
from pipelines.alerts.rules import RULES
from pipelines.alerts.runbook_index import FILE, PARTS, runbook_index, template_line
from pipelines.alerts.settings import AlertSettings, RuleSettings
from pipelines.lake.storage import Lake

DAY = date(2026, 1, 1)
ROOT = Path(__file__).parents[4]


def feature(name: str, psi: float | None = 0.0, change: float = 0.0, feed: str = "admissions", by_chance: float = 0.01) -> dict:
    return {
        "index_date": DAY, "feature": name, "label": name.title(), "feed": feed, "psi": psi, "psi_by_chance": by_chance, "top_bin": "over 2",
        "share_missing": 0.5 + change, "share_missing_training": 0.5, "share_missing_change": change,
        "status": "stable", "was_constant": False, "support_training": 0.1, "support": 0.1, "support_factor": 1.0, "support_may_be_chance": True,
    }  # fmt: skip


def supported(name: str, factor: float | None, feed: str = "outpatient_appointments", may_be_chance: bool = False) -> dict:
    shares = {"support_training": 0.0, "support": 0.065, "support_factor": factor, "support_may_be_chance": may_be_chance}
    return feature(name, feed=feed) | shares


def test_a_feature_is_shifted_from_its_limit_on_and_beyond_chance() -> None:
    drift = [feature("below", 0.249), feature("at", 0.25), feature("chance", 0.3, by_chance=0.5), feature("none", None)]
    found = list(rules.FEATURE_SHIFTED.findings(drift, 0.25))
    assert [(one.subject, one.value, one.limit) for one in found] == [("at", 0.25, 0.25)]
    assert "over 2" in found[0].message


def test_a_feature_that_was_constant_is_shifted_however_few_have_other_values() -> None:
    new, chance = (
        feature(name, 0.02) | {"was_constant": True, "status": status}
        for name, status in (("new", "shifted"), ("chance", "not_known"))
    )
    (found,) = rules.FEATURE_SHIFTED.findings([new, chance, feature("small", 0.02)], 0.25)
    assert found.subject == "new"
    assert "has other values on 2026-01-01 than the one value of all training rows" in found.message


def test_supports_that_differ_make_one_finding_for_a_feed_that_names_the_feature_and_both_shares() -> None:
    drift = [
        supported("a", 3.0), supported("b", 200.0), supported("c", 1.49), supported("d", 90.0, may_be_chance=True),
        supported("e", 1.5, feed="admissions"), supported("f", None, feed="admissions"),
    ]  # fmt: skip
    found = list(rules.SUPPORT_DIFFERS.findings(drift, 1.5))
    assert [(one.subject, one.value) for one in found] == [("admissions", 1.5), ("outpatient_appointments", 200.0)]
    assert found[1].message == (
        "outpatient appointments: 'B' is not 0 for 0.0% of people on the training dates and for 6.5% on 2026-01-01, the "
        "feature of 2 that differs most. If the data are fresher on one side, correct lag_days of the feed and train again"
    )
    assert "that differs most" not in found[0].message


def test_the_features_of_a_feed_make_one_finding() -> None:
    drift = [
        feature("a", change=0.2),
        feature("b", change=-0.4),
        feature("c", change=0.05),
        feature("d", change=0.1, feed="gp_observations"),
    ]
    found = list(rules.MISSING_SHARE_JUMPED.findings(drift, 0.1))
    assert [(one.subject, one.value) for one in found] == [("admissions", -0.4), ("gp_observations", 0.1)]
    assert "in 2 features from admissions" in found[0].message


def code_list(
    name: str, people: int, result: str, expected: float | None = None, system: str = "snomed", features: int | None = None
) -> dict:
    return {"list": name, "label": name.title(), "code_system": system, "people": people, "all_people": 1000, "expected_share": expected,
            "expected_people": 1000 * (expected or 0.02), "result": result, "features_not_computed": features}  # fmt: skip


def test_a_code_list_is_far_if_it_matches_no_one_in_any_feed_or_too_few_or_many_in_the_gp_record() -> None:
    lists = [
        code_list("asthma", 10, "below_expected", 0.062), code_list("gout", 100, "above_expected", 0.016),
        code_list("copd", 0, "few_people", 0.0001), code_list("opioids", 0, "nothing", system="dmd"),
        code_list("falls", 0, "nothing", system="icd10"), code_list("falls", 30, "matched"),
        code_list("dementia", 0, "nothing", 0.0075, features=4), code_list("dementia", 30, "matched", system="icd10", features=0),
        code_list("self_harm", 0, "nothing", system="icd10", features=1), code_list("self_harm", 30, "matched"),
        code_list("diabetes", 0, "nothing", features=0),
    ]  # fmt: skip
    found = list(rules.CODE_LIST_FAR.findings(lists, True))
    assert [(one.subject, one.value, one.limit) for one in found] == [
        ("asthma snomed", 0.01, 0.062), ("gout snomed", 0.1, 0.016), ("opioids dmd", 0.0, 0.02), ("dementia snomed", 0.0, 0.0075),
        ("self_harm icd10", 0.0, 0.02),
    ]  # fmt: skip


def test_turnover_is_compared_for_everyone_and_each_group() -> None:
    def row(kind: str, name: str, value: float | None, measure: str = "list_turnover") -> dict:
        return {"outcome": "o", "index_date": DAY, "group_kind": kind, "group_name": name, "measure": measure, "value": value}

    scores = [
        row("all", "all", 0.6),
        row("pcn_code", "U1", 0.5),
        row("pcn_code", "U2", None),
        row("all", "all", 0.9, "listed_share"),
    ]
    assert [one.subject for one in rules.LIST_TURNOVER.findings(scores, 0.5)] == ["o: all"]


@pytest.mark.parametrize(
    ("lower", "upper", "found"),
    [(0.5, 0.79, True), (0.5, 0.81, False), (1.26, 2.0, True), (1.2, 2.0, False), (None, None, False)],
)
def test_calibration_is_poor_when_the_whole_interval_says_so(lower: float | None, upper: float | None, found: bool) -> None:
    row = {
        "outcome": "o", "index_date": DAY, "group_kind": "imd_quintile", "group_name": "1", "metric": "observed_over_expected",
        "value": 0.7, "lower": lower, "upper": upper, "people": 900, "events": 200,
    }  # fmt: skip
    assert [one.subject for one in rules.MATURED_CALIBRATION.findings([row], (0.8, 1.25))] == ["o: imd_quintile 1"] * found
    acted_on = {**row, "group_kind": "list_status", "group_name": "acted on"}
    assert not list(rules.MATURED_CALIBRATION.findings([acted_on], (0.8, 1.25)))  # being helped is meant to change the outcomes
    hidden = [{**row, "people": None}, {**row, "events": None}]
    assert not list(rules.MATURED_CALIBRATION.findings(hidden, (0.8, 1.25)))  # a ratio would reveal what is hidden
    assert not list(rules.MATURED_CALIBRATION.findings([{**row, "events": 9}, {**row, "metric": "auroc"}], (0.8, 1.25)))


def test_a_collapsed_month_names_feed_organisation_and_month() -> None:
    row = {"feed": "admissions", "organisation_code": "R1A", "month": date(2025, 11, 1), "share": 0.1, "limit": 0.5}
    found = list(rules.VOLUME_COLLAPSED.findings([row], True))
    assert [(one.subject, one.value, one.limit) for one in found] == [("admissions R1A 2025-11", 0.1, 0.5)]


def test_scores_are_stale_the_day_after_the_limit() -> None:
    ages = [{"outcome": "fresh", "age_days": 45}, {"outcome": "old", "age_days": 46}]
    assert [(one.subject, one.value) for one in rules.SCORES_STALE.findings(ages, 45)] == [("old", 46.0)]


def test_scores_that_were_never_published_are_not_stale(tmp_path: Path) -> None:
    assert not list(rules.SCORES_STALE.watch(Watched(Lake(tmp_path), ["o"], DAY), 45))


def test_a_late_feed_is_reported_with_its_days_and_their_limit() -> None:
    late = {"feed": "admissions", "latest": date(2025, 11, 1), "days_behind": 61, "limit_days": 45}
    (found,) = rules.FEED_LATE.findings([late], True)
    assert (found.subject, found.value, found.limit) == ("admissions", 61.0, 45.0)
    assert "2025-11-01" in found.message


@pytest.mark.parametrize(("day", "found"), [("2025-12-02", 0), ("2025-12-03", 1), ("2026-01-02", 1)])
def test_an_approval_is_reported_before_it_ends_and_after(tmp_path: Path, day: str, found: int) -> None:
    watched = Watched(Lake(tmp_path), [], date.fromisoformat(day), approval_expires=DAY)
    reported = list(rules.APPROVAL_ENDS.watch(watched, 30))
    assert len(reported) == found
    assert all(("ended on" if day > "2026" else "ends on") in one.message for one in reported)


def test_a_rule_that_is_off_reads_nothing(tmp_path: Path) -> None:
    def no_reading() -> list[Row]:
        raise AssertionError("a rule that is off was read")

    watched = Watched(Lake(tmp_path), [], DAY, late_feeds=no_reading)
    assert not list(rules.FEED_LATE.watch(watched, False))
    assert not list(rules.APPROVAL_ENDS.watch(watched, None))


def silent(practice: str, lists: int) -> dict:
    return {"practice_code": practice, "code_system": "snomed", "lists": lists, "label": "Hypertension", "expected_people": 120.4}


def test_a_practice_is_silent_where_lists_match_people_elsewhere(tmp_path: Path) -> None:
    lake = Lake(tmp_path)

    def use(name: str, practice: str, people: int, result: str) -> dict:
        return {
            "list": name, "code_system": "snomed", "practice_code": practice, "label": name.title(), "entries": people, "people": people,
            "all_people": 1_000, "expected_share": 0.1, "is_published": True, "result": result,
        }  # fmt: skip

    lake.write(
        LIST_USE_BY_PRACTICE,
        [
            use("asthma", "A81001", 0, "nothing"), use("asthma", "A81002", 60, "matched"), use("copd", "A81001", 0, "nothing"),
            use("copd", "A81002", 18, "matched"), use("gout", "A81001", 0, "nothing"), use("gout", "A81002", 0, "nothing"),
            use("hiv", "A81001", 0, "few_people"),
        ],
    )  # fmt: skip
    (found,) = rules.PRACTICE_LISTS_SILENT.watch(Watched(lake, [], DAY), 1)
    assert (found.subject, found.value) == (
        "A81001 snomed",
        2,
    )  # gout matches no one anywhere, and few people are expected with HIV
    assert not list(rules.PRACTICE_LISTS_SILENT.watch(Watched(lake, [], DAY), 3))


# For each rule: rows, a limit, and the subject of the one finding among them.
EXAMPLES: dict[str, tuple[list[Row], Any, str]] = {
    "feature_shifted": ([feature("at", 0.25), feature("below", 0.1)], 0.25, "at"),
    "missing_share_jumped": ([feature("a", change=0.2), feature("b", change=0.05, feed="patients")], 0.1, "admissions"),
    "support_differs": ([supported("a", 1.6), supported("b", 1.2, feed="patients")], 1.5, "outpatient_appointments"),
    "list_turnover": (
        [{"outcome": "o", "index_date": DAY, "group_kind": "all", "group_name": "all", "measure": "list_turnover", "value": 0.6}],
        0.5,
        "o: all",
    ),
    "matured_calibration": (
        [{"outcome": "o", "index_date": DAY, "group_kind": "imd_quintile", "group_name": "1", "metric": "observed_over_expected",
          "value": 0.7, "lower": 0.6, "upper": 0.75, "people": 900, "events": 200}],
        (0.8, 1.25),
        "o: imd_quintile 1",
    ),
    "volume_collapsed": (
        [{"feed": "admissions", "organisation_code": "R1A", "month": date(2025, 11, 1), "share": 0.1, "limit": 0.5}],
        True,
        "admissions R1A 2025-11",
    ),
    "scores_stale": ([{"outcome": "old", "age_days": 46}, {"outcome": "new", "age_days": 1}], 45, "old"),
    "feed_late": ([{"feed": "patients", "latest": DAY, "days_behind": 61, "limit_days": 45}], True, "patients"),
    "approval_ends": ([{"expires": DAY, "days_left": 3}], 30, "purpose.approval"),
    "code_list_far": ([code_list("asthma", 0, "nothing", 0.062, features=9), code_list("copd", 18, "matched", 0.018)], True, "asthma snomed"),
    "practice_lists_silent": ([silent("A81001", 3), silent("A81002", 1)], 2, "A81001 snomed"),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_an_example_of_what_it_finds(rule: AlertRule) -> None:
    assert rule.name in EXAMPLES, f"the rule '{rule.name}' has no test: add an example to EXAMPLES in {Path(__file__).name}"
    rows, limit, subject = EXAMPLES[rule.name]
    (found,) = rule.findings(rows, limit)
    assert (found.rule, found.subject) == (rule.name, subject)
    assert found.message
    assert not list(rule.findings(rows, None))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_a_line_in_the_template_with_its_default_and_label(rule: AlertRule) -> None:
    template = (ROOT / "config" / "nhs_example.yaml").read_text(encoding="utf-8")
    line = f"#     {template_line(rule)}\n"
    assert line in template, f"config/nhs_example.yaml lacks, below alerts.rules, the line '{line.strip()}'"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_a_page_that_says_what_to_do(rule: AlertRule) -> None:
    path = ROOT / runbook(rule.name)
    assert path.is_file(), f"the rule '{rule.name}' has no runbook: write {rule.runbook}"
    page = path.read_text(encoding="utf-8")
    assert page.startswith(f"# {rule.label} (`{rule.name}`)\n")
    for part in PARTS:
        assert part in page, f"{rule.runbook} lacks the part {part}"


def test_no_page_is_of_a_rule_that_is_gone_and_the_index_is_current() -> None:
    pages = {path.stem for path in FILE.parent.glob("*.md")} - {FILE.stem}
    assert pages == {rule.name for rule in RULES}
    assert FILE.read_text(encoding="utf-8") == runbook_index(), "run: make docs"


def test_the_settings_of_the_rules_are_those_that_the_rules_declare() -> None:
    assert list(RuleSettings.model_fields) == [rule.setting.name for rule in RULES]
    assert all(AlertSettings().rules.of(rule) == rule.setting.default for rule in RULES)
    with pytest.raises(ValueError, match="needs a lower and a higher limit above 0"):
        AlertSettings.model_validate({"rules": {"matured_observed_over_expected": [1.25, 0.8]}})
    with pytest.raises(ValueError, match="extra"):
        AlertSettings.model_validate({"rules": {"feature_shifte": 0.2}})

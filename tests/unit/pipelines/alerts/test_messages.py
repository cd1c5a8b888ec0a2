"""The text of alerts: each rule's function has its name, and the texts are plain sentences with their figures."""

from datetime import date
from typing import Any

import pytest

from pipelines.alerts import messages
from pipelines.alerts.rule_declaration import Crossing
from pipelines.alerts.rules import RULES

DAY = date(2026, 1, 1)
TURNOVER = {"index_date": DAY, "group_kind": "imd_quintile", "group_name": "1"}
MISSING = {
    "index_date": DAY, "label": "Smoking status", "feed": "gp_observations,admissions", "features": 3, "share_missing": 0.6,
    "share_missing_training": 0.1,
}  # fmt: skip
SILENT = {"practice_code": "A81001", "code_system": "snomed", "label": "Hypertension", "expected_people": 120.4}
LIST = {"label": "Asthma", "code_system": "snomed"}
NEW = {"index_date": DAY, "label": "Falls", "was_constant": True}
TEXTS: list[tuple[str, dict[str, Any], str]] = [
    ("list_turnover", {**TURNOVER, "value": 0.614}, "61% of the list of 2026-01-01 were not on the list before (deprivation quintile 1)"),
    (
        "missing_share_jumped", MISSING,
        "'Smoking status' is missing for 60% of people on 2026-01-01 and was missing for 10% on the training dates; the share changed in 3 "
        "features from gp observations, admissions",
    ),
    (
        "code_list_far", {**LIST, "people": 0, "expected_share": 0.5, "features_not_computed": 1},
        "the code list 'Asthma' matches no entry of gp observations; 50.0% of people are expected, so 1 feature is not computed",
    ),
    (
        "code_list_far", {**LIST, "people": 0, "expected_share": None, "features_not_computed": 12},
        "the code list 'Asthma' matches no entry of gp observations; people are expected in a feed of this size, so 12 features are not computed",
    ),
    (
        "code_list_far", {**LIST, "people": 0, "expected_share": None, "features_not_computed": None},
        "the code list 'Asthma' matches no entry of gp observations; people are expected in a feed of this size",
    ),
    (
        "code_list_far", {**LIST, "people": 600, "expected_share": 0.5},
        "the code list 'Asthma' matches 60.0% of the people in gp observations; 50.0% of people are expected",
    ),
    (
        "practice_lists_silent", {**SILENT, "lists": 1},
        "1 code list matches no entry of gp observations of the practice A81001 ('Hypertension', about 120 people expected); its features are 0 "
        "there, as if no one had such an entry",
    ),
    (
        "practice_lists_silent", {**SILENT, "lists": 4},
        "4 code lists match no entry of gp observations of the practice A81001 (such as 'Hypertension', about 120 people expected); their features "
        "are 0 there, as if no one had such an entry",
    ),
    *(
        (
            "feature_shifted", {**NEW, "top_bin": moved},
            f"'Falls' has other values on 2026-01-01 than the one value of all training rows ({change}); the model could not learn from them",
        )
        for moved, change in (
            ("7", "the share of '7' changed most"), ("not 7", "the share of 'not 7' changed most"), ("", "values of few people are not shown"),
        )
    ),
    ("approval_ends", {"expires": DAY, "days_left": -1}, "the approval of the runs ended on 2026-01-01; after that day every run is refused"),
    ("approval_ends", {"expires": DAY, "days_left": 0}, "the approval of the runs ends on 2026-01-01; after that day every run is refused"),
]  # fmt: skip


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_text_of_a_rule_is_the_function_of_its_name(rule: Any) -> None:
    assert rule.message is getattr(messages, rule.name)


@pytest.mark.parametrize(("rule", "row", "text"), TEXTS)
def test_a_text_is_a_sentence_with_figures(rule: str, row: dict[str, Any], text: str) -> None:
    assert getattr(messages, rule)(Crossing("a subject", 0.6, 0.5, row)) == text

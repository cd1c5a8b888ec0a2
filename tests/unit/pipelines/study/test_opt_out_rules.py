"""Which rule for people with a national data opt-out counts, and how pages name it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipelines.lake.decision_record import NATIONAL_OPT_OUT, Decision, record
from pipelines.lake.storage import Lake
from pipelines.study.opt_out_rules import planning_rule, sentence_on_training, training_rule, use_of_opt_outs

DAY, LAST = date(2026, 1, 5), date(2026, 6, 30)


def stated(lake: Lake, subject: str, expires: date | None = None, ends: str = "") -> Decision:
    return record(lake, Decision(NATIONAL_OPT_OUT, subject, "Caldicott Guardian", "CAG 12", DAY, expires=expires), ends)


def test_without_a_decision_planning_excludes_and_training_does_not(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert (planning_rule(lake).excludes, training_rule(lake).excludes) == (True, False)
    assert "No recorded decision states a rule for training" in sentence_on_training(training_rule(lake))


def test_a_decision_on_planning_counts_through_its_last_day_and_leaves_training_alone(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    decision = stated(lake, "planning: does not apply", LAST)
    rule = planning_rule(lake, LAST)
    assert (rule.excludes, rule.decision) == (False, decision)
    assert planning_rule(lake, date(2026, 7, 1)).excludes
    assert training_rule(lake, LAST).decision is None


def test_the_latest_decision_on_training_counts_until_it_is_ended(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    stated(lake, "training: does not apply")
    excluding = stated(lake, "training: applies")
    assert training_rule(lake).excludes
    text = sentence_on_training(training_rule(lake))
    assert text == (
        "People with a national data opt-out are not in the training data or the test set: "
        f"decision {excluding.decision_id} of 2026-01-05 by Caldicott Guardian."
    )
    including = stated(lake, "training: does not apply", LAST, excluding.decision_id)
    text = sentence_on_training(training_rule(lake, LAST))
    assert text.startswith("People with a national data opt-out are in the training data: ")
    assert f"{including.decision_id} of 2026-01-05 by Caldicott Guardian, until 2026-06-30." in text


@pytest.mark.parametrize(
    ("subject", "use"), [("planning: does not apply", "finding_people_for_care"), ("training: applies", "planning")]
)
def test_a_run_for_planning_applies_type_1_alone_if_the_national_opt_out_does_not_apply(
    tmp_path: Path, subject: str, use: str
) -> None:
    lake = Lake(tmp_path)
    assert use_of_opt_outs(lake, "planning", LAST) == "planning"
    stated(lake, subject, LAST)
    assert use_of_opt_outs(lake, "planning", LAST) == use
    assert use_of_opt_outs(lake, "finding_people_for_care", LAST) == "finding_people_for_care"

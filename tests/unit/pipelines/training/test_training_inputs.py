"""What identifies a training: the rule for people with a national data opt-out is part of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from expectations.tables.core import PERSON
from pipelines.lake.decision_record import NATIONAL_OPT_OUT, Decision
from pipelines.lake.storage import Lake
from pipelines.study.opt_out_rules import NO_RULE_FOR_TRAINING, OptOutRule
from pipelines.study.purpose import PurposeSettings
from pipelines.study.settings import StudySettings
from pipelines.training.inputs import TrainingInputs, people_with_opt_out, training_id

DATES = {"train": (date(2023, 7, 1),), "test": (date(2024, 10, 1),), "score": (date(2026, 1, 1),)}
DECISION = Decision(NATIONAL_OPT_OUT, "training: applies", "Board", "CAG 12", date(2026, 1, 5), decision_id="d1")


def test_a_rule_that_excludes_people_makes_another_training_and_one_that_does_not_makes_none() -> None:
    ids = [
        training_id("settings", DATES, {}, rule)
        for rule in (NO_RULE_FOR_TRAINING, OptOutRule(False, DECISION), OptOutRule(True, DECISION))
    ]
    assert ids[0] == ids[1] != ids[2]


def test_the_decision_is_a_tag_of_the_training() -> None:
    purpose = PurposeSettings(use="finding_people_for_care", approval="DSA 12", approval_expires=date(2099, 1, 1))
    dates = {name: [day.isoformat() for day in days] for name, days in DATES.items()}
    inputs = TrainingInputs("t1", dates, {}, "code", "settings", "test", purpose, {}, opt_out_rule=OptOutRule(True, DECISION))
    assert inputs.tags(StudySettings())["strata.national_opt_out"] == "training: applies, decision d1 of 2026-01-05 by Board"


def test_people_with_an_opt_out_are_those_of_the_latest_state(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    assert people_with_opt_out(lake).tolist() == []
    facts = {"on_list": True, "death_not_readable": False, "type_1_opt_out": True}
    names = dict.fromkeys(column.name for column in PERSON.columns)
    rows = [{**names, **facts, "person_key": key, "person_id": f"p{key}", "national_data_opt_out": key == 2} for key in range(4)]
    lake.write(PERSON, rows)
    assert people_with_opt_out(lake).tolist() == [2]

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from models.audit_groups import RECENT_ADMISSION, audit_groups
from models.evaluation import Evaluation, evaluate
from models.gates import GateResult
from models.scored_rows import scored_rows
from models.settings import CandidateSettings, CapacitySettings, LogisticSettings, ValidationPlan
from pipelines.building.engine_settings import EngineSettings
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake
from pipelines.study.settings import StudySettings
from pipelines.training.judging import JudgedCandidate, StudyResult
from pipelines.training.modelling_rows import ModellingRows
from pipelines.training.train import _learnable as learnable
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest

PASS, FAIL = GateResult("calibration_overall", "pass", ""), GateResult("calibration_overall", "fail", "O/E is 2")


def judged(name: str, auroc: str, *gates: GateResult) -> JudgedCandidate:
    """Return a candidate whose risks rank few, most or all outcomes right."""
    labels = np.array([0, 0, 0, 1, 1, 1] * 20, dtype=np.int8)
    risk = {
        "all": [0.1, 0.2, 0.3, 0.7, 0.8, 0.9],
        "most": [0.1, 0.2, 0.75, 0.7, 0.8, 0.9],
        "few": [0.8, 0.2, 0.75, 0.7, 0.1, 0.9],
    }[auroc]
    rows = np.array(risk * 20)
    measured: Evaluation = evaluate(scored_rows(rows, labels, np.arange(120), np.arange(120).astype(str)), CapacitySettings(), 1)
    model: Any = None
    return JudgedCandidate(name, "logistic", model, rows, None, measured, None, pd.DataFrame(), gates or (PASS,), ())


def result(*candidates: JudgedCandidate) -> StudyResult:
    test: Any = None
    return StudyResult(candidates, test, 100, 10, None, ())


def test_the_eligible_candidate_that_discriminates_best_is_chosen() -> None:
    chosen = result(judged("age_sex", "all"), judged("logistic", "few"), judged("lightgbm", "most")).chosen
    assert chosen is not None
    assert chosen.name == "lightgbm"


def test_a_candidate_that_failed_a_gate_is_never_chosen() -> None:
    failed = judged("lightgbm", "all", PASS, FAIL)
    chosen = result(failed, judged("logistic", "few")).chosen
    assert chosen is not None
    assert chosen.name == "logistic"
    assert result(failed, judged("age_sex", "all")).chosen is None


def test_of_equals_the_first_named_is_chosen() -> None:
    first = judged("logistic", "most")
    assert result(first, replace(first, name="lightgbm")).chosen is first


def test_leavers_teach_by_the_weight_of_those_who_stayed_and_people_not_at_risk_do_not() -> None:
    labels = pd.DataFrame(
        {
            "label": [0, 1, None, None, 0],
            "follow_up_days": [365, 40, 100, 0, 365],
            "left_list": [False, False, True, False, False],
            "not_at_risk_reason": ["", "", "", "died on the day", None],
        }
    )
    rows, weights = learnable(ModellingRows(pd.DataFrame({"person_key": [1, 2, 3, 4, 5]}), labels))
    assert rows.frame["person_key"].tolist() == [1, 2, 5]
    assert weights[1] == 1  # the outcome came before anybody left
    assert (weights[[0, 2]] > 1).all()


def test_groups_that_are_not_there_are_not_audited() -> None:
    frame = pd.DataFrame({"imd_quintile": [1, 5], "emergency_admissions_730d": [0.0, 2.0]})
    assert list(audit_groups(frame, ("imd_quintile", "ethnic_group"))) == ["imd_quintile", RECENT_ADMISSION]


def test_training_without_features_says_what_to_do(tmp_path: Path) -> None:
    from expectations.tables.features import CATALOGUE

    lake = Lake(tmp_path)
    lake.write(CATALOGUE, [])
    dates = {"train": (date(2023, 1, 1),), "test": (date(2024, 10, 1),), "score": (date(2026, 1, 1),)}
    with pytest.raises(RefusalError, match=r"\w{4,} .*"):
        run_study(TrainingRequest(lake, StudySettings(), EngineSettings(threads=1), dates, date(2026, 1, 1)))


EXCLUDED = np.arange(0, 900, 10, dtype=np.int32)  # person_key of every tenth person
QUICK = CandidateSettings(names=("age_sex",), minimum_events=20, logistic=LogisticSettings(prior_variances=(0.1,)))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, small_lake: Callable[[Path], Lake]) -> Lake:
    return small_lake(tmp_path_factory.mktemp("board"))


@pytest.mark.parametrize("kind", ["time", "person_folds"])
def test_people_whom_a_rule_excludes_neither_train_nor_test(lake: Lake, kind: Literal["time", "person_folds"]) -> None:
    study = StudySettings(candidates=QUICK, validation=ValidationPlan(kind=kind, folds=2))
    train, test, cut = (date(2023, 7, 1),), (date(2024, 10, 1),), date(2026, 1, 1)
    request = TrainingRequest(lake, study, EngineSettings(threads=1), {"train": train, "test": test, "score": (cut,)}, cut)
    everyone, without = run_study(request), run_study(replace(request, excluded_people=EXCLUDED))
    excluded, tested = set(EXCLUDED.tolist()), set(everyone.test.person.tolist())
    assert excluded <= tested and set(without.test.person.tolist()) == tested - excluded
    assert without.train_rows == 0.9 * everyone.train_rows
    if kind == "person_folds":  # they are scored like everyone else
        assert without.cross_fitted is not None and excluded <= set(without.cross_fitted["person_key"])

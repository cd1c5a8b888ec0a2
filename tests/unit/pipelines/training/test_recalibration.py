"""A champion whose risks have drifted: recalibrated on the latest date, with the same ranking, evaluated by the same gates."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from expectations.tables.caseload import ACTIONS
from models.calibration import Calibrator
from models.gate_settings import GateSettings
from models.recalibration import LaterRows, recalibrate
from models.settings import CandidateSettings, LogisticSettings, ValidationPlan
from models.training import TooFewEventsError
from pipelines.building.engine_settings import EngineSettings
from pipelines.errors import RefusalError
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.study.settings import StudySettings
from pipelines.training.incumbent import Incumbent
from pipelines.training.recalibration import CalibratedAgain, recalibrate_study
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest

CUT, TRAIN, TEST = date(2026, 1, 1), date(2023, 7, 1), date(2024, 10, 1)
DATES = {"train": (TRAIN,), "test": (TEST,), "score": (CUT,)}
STUDY = StudySettings(
    name="a_study",
    candidates=CandidateSettings(names=("age_sex", "logistic"), minimum_events=20, logistic=LogisticSettings(prior_variances=(0.1,))),
    validation=ValidationPlan(folds=2, places="pcn_code"),
    gates=GateSettings(minimum_events=50, minimum_slope_events=5000, auroc_alarm=1.0, observed_over_expected=(0.7, 1.4)),
)  # fmt: skip
ENGINE = EngineSettings(threads=1)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, small_lake: Callable[[Path], Lake]) -> Lake:
    return small_lake(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def in_use(lake: Lake) -> Incumbent:
    """Return a champion that calls every risk far too high."""
    plain = STUDY.model_copy(update={"validation": ValidationPlan(folds=2)})
    trained = run_study(TrainingRequest(lake, plain, ENGINE, DATES, CUT)).candidates[1].model
    part = trained.main
    start, *others = part.calibrator.numbers
    drifted = replace(part, calibrator=Calibrator(part.calibrator.method, (start + 1.5, *others)))
    return Incumbent("3", replace(trained, main=drifted), (TRAIN,))


@pytest.fixture(scope="module")
def again(lake: Lake, in_use: Incumbent) -> CalibratedAgain:
    return recalibrate_study(TrainingRequest(lake, STUDY, ENGINE, DATES, CUT, incumbent=in_use))


def test_a_drifted_champion_is_put_right(again: CalibratedAgain) -> None:
    result = again.result
    assert [candidate.name for candidate in result.candidates] == ["age_sex", "recalibrated"]
    assert result.incumbent is not None
    before, after = result.incumbent.judged, result.candidates[1]
    assert before is not None
    assert before.evaluation.value("observed_over_expected") < 0.7
    assert after.evaluation.value("observed_over_expected") == pytest.approx(1, abs=0.05)
    assert not before.eligible
    assert after.eligible
    assert result.chosen is after


def test_the_ranking_stays_and_the_parent_is_recorded(again: CalibratedAgain, in_use: Incumbent) -> None:
    model, rows = again.result.candidates[1].model, again.result.test.rows.frame
    assert in_use.model is not None
    assert np.array_equal(np.argsort(model.margin(rows)), np.argsort(in_use.model.margin(rows)))
    assert model.digest != in_use.model.digest
    summary = model.record["recalibrated"]
    assert (summary["parent_version"], summary["parent_digest"]) == ("3", in_use.model.digest)
    assert again.train_dates == (TRAIN, TEST)  # so the next training knows that it has learnt from the test date


def test_no_one_is_evaluated_by_a_map_that_knew_their_outcome(again: CalibratedAgain) -> None:
    candidate = again.result.candidates[1]
    assert not np.array_equal(candidate.risk, candidate.model.predict(again.result.test.rows.frame))


def test_what_cannot_be_calibrated_again_is_refused_with_the_reason(lake: Lake, in_use: Incumbent) -> None:
    def refused(study: StudySettings, champion: Incumbent | None, words: str) -> None:
        with pytest.raises(RefusalError, match=words):
            recalibrate_study(TrainingRequest(lake, study, ENGINE, DATES, CUT, incumbent=champion))

    refused(STUDY, None, "no champion of 'a_study'")
    refused(STUDY, Incumbent("3", None, reason="its files cannot be read"), "files cannot be read")
    refused(STUDY, replace(in_use, train_dates=(TRAIN, TEST)), "learnt from 2024-10-01 already")
    refused(STUDY.model_copy(update={"validation": ValidationPlan(kind="person_folds")}), in_use, "validated by time")


def test_people_who_were_acted_on_calibrate_nothing(lake: Lake, in_use: Incumbent, again: CalibratedAgain) -> None:
    test = again.result.test
    frame, helped = test.rows.frame, test.labels.copy()
    acted_on = np.arange(len(helped)) % 4 == 0
    helped[acted_on] = 0  # what was done kept the outcome away
    assert in_use.model is not None
    first, second = (
        recalibrate(in_use.model, LaterRows(test.rows.features, labels, test.person, acted_on), STUDY.candidates, 2, 1)
        for labels in (test.labels, helped)
    )
    assert first.model.digest == second.model.digest
    assert np.isfinite(first.risk).all()
    rows = {"run_id": "r1", "practice_code": "Y00001", "record_id": "1", "decision": "accepted", "action_date": date(2025, 1, 5)}
    person = str(frame["person_id"].iloc[7])
    blank = dict.fromkeys(arrow_schema(ACTIONS).names)
    lake.write(ACTIONS, [{**blank, **rows, "person_id": person}])
    noted = recalibrate_study(TrainingRequest(lake, STUDY, ENGINE, DATES, CUT, incumbent=in_use)).result.candidates[1]
    assert "people whom a team acted on after that date fit no calibration" in noted.notes
    assert noted.model.record["recalibrated"]["rows"] == len(frame) - 1


def test_too_few_events_keep_the_calibration_there_is(in_use: Incumbent, again: CalibratedAgain) -> None:
    test = again.result.test
    many = STUDY.candidates.model_copy(update={"minimum_events": 5000})
    assert in_use.model is not None
    with pytest.raises(TooFewEventsError, match="a calibration needs 5000"):
        recalibrate(in_use.model, LaterRows(test.rows.features, test.labels, test.person), many, 2, 1)

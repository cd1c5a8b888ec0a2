import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from models.gate_settings import GateSettings
from models.gates import GateResult
from models.settings import CandidateSettings, LogisticSettings, ValidationPlan
from pipelines.building.engine_settings import EngineSettings
from pipelines.lake.decision_record import APPROVAL, Decision, import_once, record
from pipelines.lake.storage import Lake
from pipelines.reports.model.page import model_report
from pipelines.scoring.score import Champion
from pipelines.scoring.shadow_scores import write_shadow_scores
from pipelines.study.purpose import PurposeSettings
from pipelines.study.settings import StudySettings
from pipelines.tracking.tracker import Tracker
from pipelines.training.incumbent import Incumbent, judge_incumbent, read_incumbent
from pipelines.training.inputs import TrainingInputs
from pipelines.training.judging import Evaluator, JudgedIncumbent, StudyResult
from pipelines.training.promotion import promote_approved
from pipelines.training.record import record_training
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest

CUT = date(2026, 1, 1)
TRAIN, TEST = date(2023, 7, 1), date(2024, 10, 1)
DAY = date(2026, 2, 1)
STUDY = StudySettings(
    name="a_study",
    candidates=CandidateSettings(names=("age_sex", "logistic"), minimum_events=20, logistic=LogisticSettings(prior_variances=(0.1,))),
    validation=ValidationPlan(folds=2),
    gates=GateSettings(minimum_events=5000, minimum_slope_events=5000, auroc_alarm=1.0),
)  # fmt: skip


def requested(
    lake: Lake, incumbent: Incumbent | None = None, study: StudySettings = STUDY, train: date = TRAIN
) -> TrainingRequest:
    dates = {"train": (train,), "test": (TEST,), "score": (CUT,)}
    return TrainingRequest(lake, study, EngineSettings(threads=1), dates, CUT, incumbent=incumbent)


def trained(lake: Lake, incumbent: Incumbent | None = None, study: StudySettings = STUDY, train: date = TRAIN) -> StudyResult:
    return run_study(requested(lake, incumbent, study, train))


def recorded(
    lake: Lake, tracker: Tracker, result: StudyResult, training_id: str, study: StudySettings = STUDY
) -> dict[str, object]:
    dates = {"train": [TRAIN.isoformat()], "test": [TEST.isoformat()]}
    purpose = PurposeSettings(use="planning", approval="DSA 12", approval_expires=date(2099, 1, 1))
    inputs = TrainingInputs(training_id, dates, lake.versions(["features__person"]), "code", "settings", "test", purpose, {})
    return record_training(lake, tracker, study, result, inputs, model_report)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, small_lake: Callable[[Path], Lake]) -> Lake:
    return small_lake(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def first(lake: Lake) -> StudyResult:
    return trained(lake)


@pytest.fixture(scope="module")
def in_use(first: StudyResult) -> Incumbent:
    assert first.chosen is not None
    return Incumbent("1", first.chosen.model, (TRAIN,))


def gate_of(result: StudyResult, name: str = "logistic") -> GateResult | None:
    gates = next(candidate.gates for candidate in result.candidates if candidate.name == name)
    return next((gate for gate in gates if gate.gate == "no_worse_than_incumbent"), None)


def test_the_model_in_use_faces_the_same_gates_on_the_same_rows(lake: Lake, first: StudyResult, in_use: Incumbent) -> None:
    assert gate_of(first) is None
    again = trained(lake, in_use)
    assert again.incumbent is not None
    assert again.incumbent.judged is not None
    ours = again.candidates[1]
    assert again.incumbent.judged.risk.tolist() == ours.risk.tolist()
    assert again.incumbent.judged.gates == tuple(gate for gate in ours.gates if gate.gate != "no_worse_than_incumbent")
    output = gate_of(again)
    assert output is not None
    assert output.answer == "pass"


def compared(lake: Lake, first: StudyResult, incumbent: Incumbent, study: StudySettings = STUDY) -> GateResult:
    """Return the gate of the first training's chosen candidate against a model in use that cannot be compared."""
    output = judge_incumbent(requested(lake, incumbent, study), Evaluator(study, first.test, {}, ()), first.candidates)
    assert output is not None
    assert output.judged is None
    return output.against(first.candidates[1]).gates[-1]


def test_a_model_that_cannot_be_compared_says_why_and_leaves_it_to_an_approver(
    lake: Lake, first: StudyResult, in_use: Incumbent
) -> None:
    model = in_use.model
    assert model is not None
    taller = replace(model, predictors=(*model.predictors, replace(model.predictors[0], name="height")))
    by_folds = STUDY.model_copy(update={"validation": ValidationPlan(kind="person_folds", folds=2)})
    gates = {
        "predicts death within 365 days": compared(lake, first, replace(in_use, model=replace(model, outcome="death"))),
        "within 30 days, not": compared(lake, first, replace(in_use, model=replace(model, horizon_days=30))),
        "columns that are missing: height": compared(lake, first, replace(in_use, model=taller)),
        "the index date 2024-02-01 trained it": compared(lake, first, replace(in_use, train_dates=(date(2024, 2, 1),))),
        "folds of people test the models here": compared(lake, first, in_use, by_folds),
        "cannot be read": compared(lake, first, Incumbent("1", None, reason="its files cannot be read")),
    }
    for words, gate in gates.items():
        assert (gate.gate, gate.answer) == ("no_worse_than_incumbent", "cannot_tell")
        assert words in gate.reason


def test_a_challenger_that_fails_where_the_model_in_use_does_not_is_not_eligible(first: StudyResult) -> None:
    better = first.candidates[1]
    passed = replace(better, gates=(GateResult("calibration_overall", "pass", ""),))
    worse = replace(better, gates=(GateResult("calibration_overall", "fail", "O/E is 2"),))
    assert JudgedIncumbent("1", passed).against(worse).gates[-1].answer == "fail"
    assert JudgedIncumbent("1", worse).against(passed).gates[-1].answer == "pass"


def test_the_challenger_scores_in_the_shadow_and_stops_nothing_where_it_cannot(
    lake: Lake, first: StudyResult, in_use: Incumbent
) -> None:
    model, frame = in_use.model, first.test.rows.frame.iloc[::-1]
    assert model is not None
    summary = write_shadow_scores(lake, "an_outcome", Champion(model, "a_study", "4", "run"), frame, "run-1", 1)
    assert summary == "version 4, 900 scores, not published"
    kept = lake.read("risk__shadow_scores", "model_version, person_id, risk", partition={"run_id": "run-1"}).to_pandas()
    assert kept["person_id"].is_monotonic_increasing
    assert kept["risk"].tolist() == first.candidates[1].risk.tolist()
    without = frame.drop(columns="admissions_365d")
    summary = write_shadow_scores(lake, "an_outcome", Champion(model, "a_study", "4", "run"), without, "run-2", 1)
    assert "admissions_365d" in summary
    assert lake.partitions("risk__shadow_scores", "run_id") == ["run-1"]


def without_baseline(result: StudyResult) -> StudyResult:
    """Leave the baseline out of what is recorded: its plots and report take as long as the candidate's."""
    return replace(result, candidates=result.candidates[1:])


def promoted(lake: Lake, tracker: Tracker) -> dict[str, object]:
    return promote_approved(lake, tracker, STUDY.name, STUDY.outcome.name, DAY)


def test_an_approval_makes_one_model_champion_and_the_best_of_the_others_challenges(
    lake: Lake, first: StudyResult, tmp_path: Path
) -> None:
    tracker = Tracker(tmp_path)
    assert recorded(lake, tracker, without_baseline(first), "one")["chosen"] == "logistic"
    assert promoted(lake, tracker) == {"champion": "none", "not_promoted": "no approval is recorded"}
    assert tracker.version_of(STUDY.name, "challenger") is not None
    import_once(lake, [Decision(APPROVAL, STUDY.name, "Approver", "Reviewed", date(2026, 1, 5))], dated=True)
    assert promoted(lake, tracker) == promoted(lake, tracker) == {"champion": "logistic"}
    assert read_incumbent(tracker, STUDY.name, "one") is None  # it does not challenge itself
    assert tracker.version_of(STUDY.name, "challenger") is None
    champion = tracker.champion_version(STUDY.name)
    row = lake.read("risk__models", "status, approved_by_role, approval_date", "training_id = 'one'").to_pylist()
    assert row == [{"status": "champion", "approved_by_role": "Approver", "approval_date": date(2026, 1, 5)}]

    later = trained(lake, read_incumbent(tracker, STUDY.name, "two"), train=date(2022, 4, 1))
    recorded(lake, tracker, without_baseline(later), "two")
    decided = promoted(lake, tracker)
    assert decided["champion"] == f"version {champion} stays"
    assert "the approval of 2026-01-05 was given for an earlier model" in str(decided["not_promoted"])
    assert tracker.champion_version(STUDY.name) == champion
    challenger = tracker.version_of(STUDY.name, "challenger")
    assert challenger not in (None, champion)
    audit = lake.read("equity__model_audit", "DISTINCT candidate", partition={"training_id": "two"})["candidate"].to_pylist()
    assert sorted(audit) == ["incumbent", "logistic"]
    status = lake.read("risk__models", "status, gates, model_digest", "training_id = 'two'").to_pylist()
    assert [row["status"] for row in status] == ["eligible"]
    assert "no_worse_than_incumbent" in {gate["gate"] for gate in json.loads(status[0]["gates"])}

    experiment = tracker.client.get_experiment_by_name(STUDY.name)
    assert experiment is not None
    assert "incumbent" in {run.info.run_name for run in tracker.client.search_runs([experiment.experiment_id])}
    subject, digest = f"{STUDY.name} version {challenger}", status[0]["model_digest"]
    expired = Decision(APPROVAL, subject, "Approver", "Read", date(2026, 1, 6), digest, expires=date(2026, 1, 31))
    record(lake, expired)
    assert "not_promoted" in promoted(lake, tracker)
    record(lake, Decision(APPROVAL, subject, "Approver", "Read again", DAY, digest))
    assert promoted(lake, tracker) == {"champion": "logistic"}
    assert (tracker.champion_version(STUDY.name), tracker.version_of(STUDY.name, "previous")) == (challenger, champion)

    tracker.promote(STUDY.name, str(champion))  # a person rolls back: the spent approval brings nothing back
    assert promoted(lake, tracker) == {"champion": f"version {champion} stays"}
    assert tracker.champion_version(STUDY.name) == champion

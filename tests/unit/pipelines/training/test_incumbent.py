import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from models.gates import GateResult
from models.settings import CandidateSettings, GateSettings, LogisticSettings, ValidationPlan
from pipelines.building.engine_settings import EngineSettings
from pipelines.lake.storage import Lake
from pipelines.reports.model.page import model_report
from pipelines.scoring.score import Champion
from pipelines.scoring.shadow_scores import write_shadow_scores
from pipelines.study.purpose import PurposeSettings
from pipelines.study.settings import ApprovalSettings, StudySettings
from pipelines.tracking.tracker import Tracker
from pipelines.training.incumbent import Incumbent, judge_incumbent, read_incumbent
from pipelines.training.inputs import TrainingInputs
from pipelines.training.judging import JudgedIncumbent, StudyResult
from pipelines.training.promotion import promote_approved, why_not_promoted
from pipelines.training.record import record_training
from pipelines.training.train import run_study

CUT = date(2026, 1, 1)
TRAIN, TEST = date(2023, 7, 1), date(2024, 10, 1)
FIRST = ApprovalSettings(role="Approver", reason="Looked at", day=date(2026, 1, 5))
STUDY = StudySettings(
    name="a_study",
    candidates=CandidateSettings(names=("age_sex", "logistic"), minimum_events=20, logistic=LogisticSettings(prior_variances=(0.1,))),
    validation=ValidationPlan(folds=2),
    gates=GateSettings(minimum_events=5000, minimum_slope_events=5000, auroc_alarm=1.0),
    approval=FIRST,
)  # fmt: skip


def trained(lake: Lake, incumbent: Incumbent | None = None, study: StudySettings = STUDY, train: date = TRAIN) -> StudyResult:
    dates = {"train": (train,), "test": (TEST,), "score": (CUT,)}
    return run_study(lake, study, EngineSettings(threads=1), dates, CUT, incumbent=incumbent)


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
    found = gate_of(again)
    assert found is not None
    assert found.answer == "pass"


def compared(lake: Lake, first: StudyResult, incumbent: Incumbent, test_date: date | None = TEST) -> GateResult:
    """Give the gate of the first training's chosen candidate against a model in use that cannot be compared."""
    found = judge_incumbent(lake, STUDY, incumbent, first.test, test_date, {}, first.candidates, (), 1)
    assert found.judged is None
    return found.against(first.candidates[1]).gates[-1]


def test_a_model_that_cannot_be_compared_says_why_and_leaves_it_to_an_approver(
    lake: Lake, first: StudyResult, in_use: Incumbent
) -> None:
    model = in_use.model
    assert model is not None
    taller = replace(model, predictors=(*model.predictors, replace(model.predictors[0], name="height")))
    told = {
        "predicts death within 365 days": compared(lake, first, replace(in_use, model=replace(model, outcome="death"))),
        "within 30 days, not": compared(lake, first, replace(in_use, model=replace(model, horizon_days=30))),
        "columns that are missing: height": compared(lake, first, replace(in_use, model=taller)),
        "learnt from the index date 2024-02-01": compared(lake, first, replace(in_use, train_dates=(date(2024, 2, 1),))),
        "folds of people judge here": compared(lake, first, in_use, None),
        "cannot be read": compared(lake, first, Incumbent("1", None, reason="its files cannot be read")),
    }
    for words, gate in told.items():
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
    told = write_shadow_scores(lake, "an_outcome", Champion(model, "a_study", "4", "run"), frame, "run-1", 1)
    assert told == "version 4, 900 scores, not published"
    kept = lake.read("risk__shadow_scores", "model_version, person_id, risk", partition={"run_id": "run-1"}).to_pandas()
    assert kept["person_id"].is_monotonic_increasing
    assert kept["risk"].tolist() == first.candidates[1].risk.tolist()
    without = frame.drop(columns="admissions_365d")
    told = write_shadow_scores(lake, "an_outcome", Champion(model, "a_study", "4", "run"), without, "run-2", 1)
    assert "admissions_365d" in told
    assert lake.partitions("risk__shadow_scores", "run_id") == ["run-1"]


def promoted(lake: Lake, tracker: Tracker, approval: ApprovalSettings | None = FIRST) -> dict[str, object]:
    return promote_approved(lake, tracker, STUDY.name, STUDY.outcome.name, approval)


def without_baseline(result: StudyResult) -> StudyResult:
    """Leave the baseline out of what is recorded: its plots and report take as long as the candidate's."""
    return replace(result, candidates=result.candidates[1:])


def test_an_approval_makes_one_model_champion_and_the_best_of_the_others_challenges(
    lake: Lake, first: StudyResult, tmp_path: Path
) -> None:
    tracker = Tracker(tmp_path)
    assert recorded(lake, tracker, without_baseline(first), "one")["chosen"] == "logistic"
    assert tracker.champion_version(STUDY.name) is None  # a training promotes nothing
    assert tracker.version_of(STUDY.name, "challenger") is not None
    assert promoted(lake, tracker)["champion"] == "logistic"
    assert read_incumbent(tracker, STUDY.name, "one") is None  # it does not challenge itself
    assert tracker.version_of(STUDY.name, "challenger") is None
    champion = tracker.champion_version(STUDY.name)

    later = trained(lake, read_incumbent(tracker, STUDY.name, "two"), train=date(2022, 4, 1))
    recorded(lake, tracker, without_baseline(later), "two")
    told = promoted(lake, tracker)
    assert told["champion"] == f"version {champion} stays"
    assert "the approval of 2026-01-05 was given for an earlier model" in str(told["not_promoted"])
    assert tracker.champion_version(STUDY.name) == champion
    challenger = tracker.version_of(STUDY.name, "challenger")
    assert challenger not in (None, champion)
    audit = lake.read("equity__model_audit", "DISTINCT candidate", partition={"training_id": "two"})["candidate"].to_pylist()
    assert sorted(audit) == ["incumbent", "logistic"]
    status = lake.read("risk__models", "candidate, status, gates", "training_id = 'two'", "candidate").to_pylist()
    assert [row["status"] for row in status] == ["eligible"]
    assert "no_worse_than_incumbent" in {gate["gate"] for gate in json.loads(status[0]["gates"])}

    experiment = tracker.client.get_experiment_by_name(STUDY.name)
    assert experiment is not None
    assert "incumbent" in {run.info.run_name for run in tracker.client.search_runs([experiment.experiment_id])}
    newer, older = (FIRST.model_copy(update={"day": day}) for day in (date(2026, 2, 1), date(2025, 12, 1)))
    chosen = {"model_digest": later.candidates[1].model.digest}
    why = [why_not_promoted(lake, STUDY.outcome.name, approval, chosen, None) for approval in (FIRST, older, newer, None)]
    assert "given for an earlier model" in why[0]
    assert "is older than the last one used, of 2026-01-05" in why[1]
    assert why[2] == ""
    assert why[3] == "no approval is recorded"
    again = {"model_digest": first.candidates[1].model.digest}
    assert why_not_promoted(lake, STUDY.outcome.name, FIRST, again, first.candidates[1].model.digest) == ""  # the model in use

    assert promoted(lake, tracker, newer)["champion"] == "logistic"
    assert (tracker.champion_version(STUDY.name), tracker.version_of(STUDY.name, "previous")) == (challenger, champion)
    assert tracker.version_of(STUDY.name, "challenger") is None
    approved = lake.read("risk__models", "status, approval_date", "training_id = 'two'").to_pylist()
    assert approved == [{"status": "champion", "approval_date": newer.day}]
    (run_id,) = lake.read("risk__models", "mlflow_run_id", "training_id = 'two'")["mlflow_run_id"].to_pylist()
    tags = tracker.run_tags(run_id)
    assert tags["strata.status"] == "champion" and tags["mlflow.note.content"].startswith("Champion:")
    before = lake.version("risk__models")
    assert promoted(lake, tracker, newer) == {"champion": "logistic"}  # again: nothing is written
    assert lake.version("risk__models") == before

"""The model in use during a training: evaluated on the same rows as its challengers, and replaced only by an approved model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from models.feature_rows import FeatureRows
from models.methods import method_of
from models.predictors import Predictor, SchemaMismatchError
from models.risk_model import CoverageNotServedError, RiskModel
from pipelines.building.code_level_features import count_codes
from pipelines.lake.storage import Lake
from pipelines.study.settings import StudySettings
from pipelines.tracking.tracked_record import PREVIOUS
from pipelines.training.judging import Evaluator, JudgedCandidate, JudgedIncumbent, ScoredModel

if TYPE_CHECKING:
    from pipelines.tracking.tracker import Tracker
    from pipelines.training.training_request import TrainingRequest

INCUMBENT = "incumbent"  # its name among the candidates


@dataclass(frozen=True)
class Incumbent:
    """The champion when a training begins; `model` is None if its files cannot be read, for the `reason`."""

    version: str
    model: RiskModel | None
    train_dates: tuple[date, ...] = ()
    reason: str = ""


def read_incumbent(tracker: Tracker, name: str, training_id: str) -> Incumbent | None:
    """Read the champion of a study with the index dates that trained it; None if there is none.

    A champion that this same training made before it was interrupted is not its own incumbent: the previous champion is.
    """
    version = incumbent_version(tracker, name, training_id)
    if version is None:
        return None
    recorded = tracker.run_tags(tracker.version_tags(name, version)["run_id"]).get("strata.train_dates", "")
    dates = tuple(date.fromisoformat(day) for day in recorded.split(",") if day)
    try:
        return Incumbent(version, RiskModel.from_files(tracker.files_of(name, version)), dates)
    except (KeyError, TypeError, ValueError) as error:  # written by another version of Strata
        return Incumbent(version, None, dates, f"its files cannot be read ({error})")


def incumbent_version(tracker: Tracker, name: str, training_id: str) -> str | None:
    """Return the version of the champion as a training meets it: the one before, if the training made the champion itself."""
    version = tracker.champion_version(name)
    if version and tracker.version_tags(name, version).get("training_id") == training_id:
        return tracker.version_of(name, PREVIOUS)
    return version


def judge_incumbent(
    request: TrainingRequest, evaluator: Evaluator, candidates: Sequence[JudgedCandidate]
) -> JudgedIncumbent | None:
    """Evaluate the model in use on its challengers' rows by their gates, or return why it cannot be; None if there is no model in use."""
    incumbent = request.incumbent
    if incumbent is None:
        return None
    model, reason = incumbent.model, _why_not(request.study, incumbent, request.test_date)
    if model is None:
        return JudgedIncumbent(incumbent.version, None, reason)
    if reason:
        return JudgedIncumbent(incumbent.version, None, reason, model.digest)
    try:
        features = rows_to_score(request.lake, evaluator.test.rows.frame, model, request.engine.threads)
        risk = model.predict(features.frame, features.codes)
    except (SchemaMismatchError, CoverageNotServedError) as error:
        return JudgedIncumbent(incumbent.version, None, str(error), model.digest)
    notes = (f"version {incumbent.version}, candidate '{model.candidate}' of its training: the model in use",)
    events = int(model.record["events"])
    scored = ScoredModel(INCUMBENT, method_of(model.main.estimator), model, risk, None, events, notes)
    return JudgedIncumbent(incumbent.version, evaluator.judge(scored, candidates), digest=model.digest)


def rows_to_score(lake: Lake, frame: pd.DataFrame, model: RiskModel, threads: int) -> FeatureRows:
    """Return rows as a model reads them: with counts of its codes, and its categories as pandas categories."""
    return FeatureRows(with_categories(frame, model.predictors), count_codes(lake, frame, model.code_columns, threads))


def with_categories(frame: pd.DataFrame, predictors: Sequence[Predictor]) -> pd.DataFrame:
    """Return a frame whose category predictors are pandas categories."""
    named = [predictor.name for predictor in predictors if predictor.kind == "category" and predictor.name in frame]
    return frame.astype(dict.fromkeys(named, "category")) if named else frame


def _why_not(study: StudySettings, incumbent: Incumbent, test_date: date | None) -> str:
    model, outcome = incumbent.model, study.outcome
    if model is None:
        return incumbent.reason
    if (model.outcome, model.horizon_days) != (outcome.name, outcome.horizon_days):
        return f"it predicts {model.outcome} within {model.horizon_days} days, not {outcome.name} within {outcome.horizon_days}"
    if study.validation.by_column:
        return "a column splits the rows here, and it is not known which of them trained it"
    if test_date is None:
        return "folds of people test the models here, and these rows trained it"
    late = [day for day in incumbent.train_dates if day + timedelta(days=outcome.horizon_days) > test_date]
    if late:
        return f"the index date {max(late)} trained it, whose outcomes reach beyond the test date {test_date}"
    return ""

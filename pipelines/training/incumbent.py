"""The model in use as a training meets it: judged on the same rows as its challengers, and what an approval may replace it with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from models.feature_rows import FeatureRows
from models.intervals import Estimate
from models.methods import method_of
from models.predictors import Predictor, SchemaMismatchError
from models.risk_model import CoverageNotServedError, RiskModel
from pipelines.building.code_level_features import count_codes
from pipelines.lake.storage import Lake
from pipelines.study.settings import StudySettings
from pipelines.tracking.tracked_record import PREVIOUS
from pipelines.training.judging import JudgedCandidate, JudgedIncumbent, ScoredModel, TestRows, judged

if TYPE_CHECKING:
    from pipelines.tracking.tracker import Tracker

INCUMBENT = "incumbent"  # its name beside the candidates'


@dataclass(frozen=True)
class Incumbent:
    """The champion when a training begins; `model` is None where its files cannot be read, for the reason given."""

    version: str
    model: RiskModel | None
    train_dates: tuple[date, ...] = ()
    reason: str = ""


def read_incumbent(tracker: Tracker, name: str, training_id: str) -> Incumbent | None:
    """Read the champion of a study with the index dates that trained it; None where there is none.

    A champion that this very training made, before it died, is not its own incumbent: the one before is.
    """
    version = incumbent_version(tracker, name, training_id)
    if version is None:
        return None
    told = tracker.run_tags(tracker.version_tags(name, version)["run_id"]).get("strata.train_dates", "")
    dates = tuple(date.fromisoformat(day) for day in told.split(",") if day)
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
    lake: Lake, study: StudySettings, incumbent: Incumbent, test: TestRows, test_date: date | None, alone: Mapping[str, Estimate],
    candidates: Sequence[JudgedCandidate], group_kinds: Sequence[str], threads: int,
) -> JudgedIncumbent:  # fmt: skip
    """Judge the model in use by the gates of its challengers on their rows, or say why it cannot be (`test_date`: None but where time divides them)."""
    model, reason = incumbent.model, _why_not(study, incumbent, test_date)
    if model is None:
        return JudgedIncumbent(incumbent.version, None, reason)
    if reason:
        return JudgedIncumbent(incumbent.version, None, reason, model.digest)
    try:
        features = rows_to_score(lake, test.rows.frame, model, threads)
        risk = model.predict(features.frame, features.codes)
    except (SchemaMismatchError, CoverageNotServedError) as error:
        return JudgedIncumbent(incumbent.version, None, str(error), model.digest)
    method = method_of(model.main.estimator)
    notes = (f"version {incumbent.version}, candidate '{model.candidate}' of its training: the model in use",)
    scored = ScoredModel(INCUMBENT, method, model, risk, None, int(model.record["events"]), notes)
    found = judged(study, test, alone, candidates, scored, group_kinds)
    return JudgedIncumbent(incumbent.version, found, digest=model.digest)


def rows_to_score(lake: Lake, frame: pd.DataFrame, model: RiskModel, threads: int) -> FeatureRows:
    """Return rows as a model reads them: with counts of its codes, and its categories as pandas categories."""
    return FeatureRows(with_categories(frame, model.predictors), count_codes(lake, frame, model.code_columns, threads))


def with_categories(frame: pd.DataFrame, predictors: Sequence[Predictor]) -> pd.DataFrame:
    """Give a frame whose category predictors are pandas categories."""
    named = [predictor.name for predictor in predictors if predictor.kind == "category" and predictor.name in frame]
    return frame.astype(dict.fromkeys(named, "category")) if named else frame


def _why_not(study: StudySettings, incumbent: Incumbent, test_date: date | None) -> str:
    model, outcome = incumbent.model, study.outcome
    if model is None:
        return incumbent.reason
    if (model.outcome, model.horizon_days) != (outcome.name, outcome.horizon_days):
        return f"it predicts {model.outcome} within {model.horizon_days} days, not {outcome.name} within {outcome.horizon_days}"
    if study.validation.kind == "column":
        return "a column splits the rows here, and nobody can tell which of them it has learnt from"
    if test_date is None:
        return "folds of people judge here, and it has learnt from these very rows"
    late = [day for day in incumbent.train_dates if day + timedelta(days=outcome.horizon_days) > test_date]
    if late:
        return f"it learnt from the index date {max(late)}, whose outcomes reach beyond the test date {test_date}"
    return ""

"""The recalibration of a champion on the latest matured date: a separate run, evaluated by the same gates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd

from expectations.sql_values import quote
from expectations.tables.caseload import ACTIONS
from models.audit_groups import KINDS as GROUP_KINDS
from models.candidates import BASELINE
from models.leaks import single_feature_discrimination
from models.recalibration import LaterRows, recalibrate
from models.risk_model import RiskModel
from models.training import TooFewEventsError
from models.training_data import training_data
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake
from pipelines.study.settings import StudySettings
from pipelines.training.incumbent import Incumbent, rows_to_score
from pipelines.training.judging import Evaluator, ScoredModel, StudyResult
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest

RECALIBRATED = "recalibrated"  # its name among the candidates


@dataclass(frozen=True)
class CalibratedAgain:
    """The result of a recalibration to record: that of the study, and the dates that trained the new model."""

    result: StudyResult
    train_dates: tuple[date, ...]


def recalibrate_study(request: TrainingRequest) -> CalibratedAgain:
    """Recalibrate the champion on the test date's rows, and evaluate it there together with the champion as it is.

    Each person is evaluated by maps fitted on the others. The baseline of age and sex is trained again, because the gates compare with it.
    A RefusalError says why a champion cannot be recalibrated.
    """
    lake, study = request.lake, request.study
    incumbent, model, test_date = _able(request)
    result = run_study(replace(request, study=_only_baseline(study)))
    if result.incumbent is None or result.incumbent.judged is None:
        raise RefusalError(
            f"the champion cannot be recalibrated: {result.incumbent.reason if result.incumbent else 'there is none'}"
        )
    test = result.test
    features = rows_to_score(lake, test.rows.frame, model, request.engine.threads)
    origin = {"parent_version": incumbent.version, "parent_digest": model.digest, "index_date": test_date.isoformat()}
    acted_on = _acted_on(lake, features.frame, test_date, study.outcome.horizon_days)
    try:
        later = LaterRows(features, test.labels, test.person, acted_on, origin)
        recalibrated = recalibrate(model, later, study.candidates, study.validation.folds, study.seed)
    except TooFewEventsError as refusal:
        raise RefusalError(str(refusal)) from refusal
    data = training_data(features.frame, model.predictors, test.labels, test.person, codes=features.codes)
    evaluator = Evaluator(study, test, single_feature_discrimination(data, study.seed), GROUP_KINDS)
    notes = (f"version {incumbent.version}, recalibrated on {test_date}; its ranking is unchanged", *recalibrated.notes)
    if acted_on.any():
        notes = (*notes, "people whom a team acted on after that date fit no calibration")
    scored = ScoredModel(
        RECALIBRATED,
        result.incumbent.judged.method,
        recalibrated.model,
        recalibrated.risk,
        None,
        int(model.record["events"]),
        notes,
    )
    candidate = result.incumbent.against(evaluator.judge(scored, result.candidates))
    train_dates = tuple(sorted({*incumbent.train_dates, test_date}))
    return CalibratedAgain(replace(result, candidates=(*result.candidates, candidate)), train_dates)


def _able(request: TrainingRequest) -> tuple[Incumbent, RiskModel, date]:
    """Return the champion, its model and the date to recalibrate it on; raise a RefusalError if it cannot be recalibrated."""
    study, incumbent = request.study, request.incumbent
    if not request.by_time:
        raise RefusalError("only a study validated by time is recalibrated: others get no later rows")
    if incumbent is None:
        raise RefusalError(f"there is no champion of '{study.name}' to recalibrate; train and approve one first")
    if incumbent.model is None:
        raise RefusalError(f"the champion of '{study.name}' cannot be recalibrated: {incumbent.reason}")
    test_date = request.dates["test"][0]
    if test_date in incumbent.train_dates:
        raise RefusalError(
            f"the champion has learnt from {test_date} already, and no later index date has matured: there are no new outcomes to calibrate on"
        )
    return incumbent, incumbent.model, test_date


def _acted_on(lake: Lake, frame: pd.DataFrame, index_date: date, horizon_days: int) -> np.ndarray:
    """Return for each row whether a team acted on the person within the horizon, as far as actions were recorded."""
    within = f"action_date > DATE {quote(index_date)} AND action_date <= DATE {quote(index_date + timedelta(days=horizon_days))}"
    people = lake.read_or_empty(ACTIONS, "DISTINCT person_id", f"{within} AND (action IS NOT NULL OR decision = 'accepted')")
    return frame["person_id"].astype(str).isin(people["person_id"].to_pylist()).to_numpy(dtype=bool)


def _only_baseline(study: StudySettings) -> StudySettings:
    """Return the study with the baseline as its only candidate, and without tests elsewhere: these are of recipes that are trained."""
    candidates = study.candidates.model_copy(update={"names": (BASELINE,)})
    validation = study.validation.model_copy(update={"places": None, "rolling_origins": 0})
    return study.model_copy(update={"candidates": candidates, "validation": validation})

"""The champion with its calibration fitted again on the latest matured date: a run of its own, judged by the same gates."""

from __future__ import annotations

from collections.abc import Sequence
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
from pipelines.building.engine_settings import EngineSettings
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake
from pipelines.study.settings import StudySettings
from pipelines.training.incumbent import Incumbent, rows_to_score
from pipelines.training.judging import ScoredModel, StudyResult, judged
from pipelines.training.train import run_study

RECALIBRATED = "recalibrated"  # its name beside the baseline's


@dataclass(frozen=True)
class CalibratedAgain:
    """What there is to judge and record: the study's result, and the dates the new model has learnt from."""

    result: StudyResult
    train_dates: tuple[date, ...]


def recalibrate_study(
    lake: Lake, study: StudySettings, engine: EngineSettings, dates: dict[str, tuple[date, ...]], data_cut: date,
    incumbent: Incumbent | None, allowed_feeds: Sequence[str] | None = None,
) -> CalibratedAgain:  # fmt: skip
    """Calibrate the champion on the test date's rows and judge it there, every person by maps of the others, beside the champion as it is.

    The baseline of age and sex is trained anew, as the gates compare with it. A RefusalError says why a champion cannot be calibrated again.
    """
    model, test_date = _able(study, incumbent, dates)
    assert incumbent is not None
    result = run_study(lake, _baseline_alone(study), engine, dates, data_cut, allowed_feeds=allowed_feeds, incumbent=incumbent)
    if result.incumbent is None or result.incumbent.judged is None:
        raise RefusalError(
            f"the champion cannot be calibrated again: {result.incumbent.reason if result.incumbent else 'there is none'}"
        )
    test = result.test
    features = rows_to_score(lake, test.rows.frame, model, engine.threads)
    origin = {"parent_version": incumbent.version, "parent_digest": model.digest, "index_date": test_date.isoformat()}
    acted_on = _acted_on(lake, features.frame, test_date, study.outcome.horizon_days)
    try:
        later = LaterRows(features, test.labels, test.person, acted_on)
        found = recalibrate(model, later, study.candidates, study.validation.folds, study.seed, origin)
    except TooFewEventsError as refusal:
        raise RefusalError(str(refusal)) from refusal
    data = training_data(features.frame, model.predictors, test.labels, test.person, codes=features.codes)
    alone = single_feature_discrimination(data, study.seed)
    notes = (f"version {incumbent.version}, calibrated again on {test_date}; its ranking is unchanged", *found.notes)
    if acted_on.any():
        notes = (*notes, "people whom a team acted on after that date calibrate nothing")
    scored = ScoredModel(
        RECALIBRATED, result.incumbent.judged.method, found.model, found.risk, None, int(model.record["events"]), notes
    )
    candidate = result.incumbent.against(judged(study, test, alone, result.candidates, scored, GROUP_KINDS))
    train_dates = tuple(sorted({*incumbent.train_dates, test_date}))
    return CalibratedAgain(replace(result, candidates=(*result.candidates, candidate)), train_dates)


def _able(study: StudySettings, incumbent: Incumbent | None, dates: dict[str, tuple[date, ...]]) -> tuple[RiskModel, date]:
    if study.validation.kind != "time":
        raise RefusalError("only a study validated by time is calibrated again: elsewhere no later rows come")
    if incumbent is None:
        raise RefusalError(f"there is no champion of '{study.name}' to calibrate again; train and approve one first")
    if incumbent.model is None:
        raise RefusalError(f"the champion of '{study.name}' cannot be calibrated again: {incumbent.reason}")
    test_date = dates["test"][0]
    if test_date in incumbent.train_dates:
        raise RefusalError(
            f"the champion has learnt from {test_date} already, and no later index date has matured: there is nothing new to calibrate on"
        )
    return incumbent.model, test_date


def _acted_on(lake: Lake, frame: pd.DataFrame, index_date: date, horizon_days: int) -> np.ndarray:
    """Say for whom a team did something within the horizon, as far as actions were told."""
    within = f"action_date > DATE {quote(index_date)} AND action_date <= DATE {quote(index_date + timedelta(days=horizon_days))}"
    people = lake.read_or_empty(ACTIONS, "DISTINCT person_id", f"{within} AND (action IS NOT NULL OR decision = 'accepted')")
    return frame["person_id"].astype(str).isin(people["person_id"].to_pylist()).to_numpy(dtype=bool)


def _baseline_alone(study: StudySettings) -> StudySettings:
    """Give the study with the baseline as its one candidate, and no tests elsewhere: those are of recipes, and nothing is trained here."""
    candidates = study.candidates.model_copy(update={"names": (BASELINE,)})
    validation = study.validation.model_copy(update={"places": None, "rolling_origins": 0})
    return study.model_copy(update={"candidates": candidates, "validation": validation})

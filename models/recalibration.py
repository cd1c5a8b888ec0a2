"""A model in use, calibrated again on later rows: what it ranks first stays first, what it calls 10% becomes 10% again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from models.calibration import choose_calibrator, cross_fitted_risk
from models.risk_model import CalibratedEstimator, RiskModel
from models.settings import CandidateSettings
from models.splitting import person_folds
from models.training import TooFewEventsError


@dataclass(frozen=True)
class Recalibrated:
    """A model with calibration of its own, and the risk of each row by maps fitted on the other people."""

    model: RiskModel
    risk: np.ndarray
    notes: tuple[str, ...]


def recalibrate(
    model: RiskModel, frame: pd.DataFrame, labels: np.ndarray, person: np.ndarray, settings: CandidateSettings, folds: int,
    seed: int, told: Mapping[str, Any], acted_on: np.ndarray | None = None,
) -> Recalibrated:  # fmt: skip
    """Choose and fit the calibration of each of a model's estimators on rows that trained none of them.

    An estimator whose rows hold fewer outcome events than the settings' minimum keeps the calibration it has; where that is so of all,
    TooFewEventsError is raised. `told` goes into the model's record beside the number of rows and events. Rows of people whom a team acted on
    (`acted_on`) fit nothing: what was done for them may have kept the outcome away, and a map that learnt from it would call others safe.
    """
    fitted = np.ones(len(labels), dtype=bool) if acted_on is None else ~acted_on
    risk, fold = np.empty(len(labels)), person_folds(person, folds, seed)
    parts: dict[str, CalibratedEstimator] = {}
    kept: list[str] = []
    methods: dict[str, str] = {}
    names = {id(model.main): "main", id(model.without_gp): "without_gp"}
    for part, rows in model.parts(frame):
        name, margin = names[id(part)], part.estimator.margin(frame[rows])
        free, used = fitted[rows], rows & fitted
        if not _enough(labels[used], settings):
            kept.append(name)
            risk[rows] = part.calibrator.risk(margin)
            continue
        found, weights = labels[used].astype(np.float64), np.ones(int(used.sum()))
        calibrator = choose_calibrator(settings.calibration, margin[free], found, weights, person[used], seed)
        risk[rows] = calibrator.risk(margin)
        risk[used] = cross_fitted_risk(calibrator.method, margin[free], found, weights, fold[used])
        parts[name], methods[name] = replace(part, calibrator=calibrator), calibrator.method
    if not parts:
        raise TooFewEventsError(
            f"the rows hold {int(labels[fitted].sum())} outcome events, and a calibration needs {settings.minimum_events}: the model keeps the one it has"
        )
    record = {**model.record, "recalibrated": {**told, "rows": int(fitted.sum()), "events": int(labels[fitted].sum())}}
    for name, method in methods.items():
        record[name] = {**record[name], "calibration": method, "calibrated_on": "later rows that trained nothing"}
    notes = tuple(f"the estimator '{name}' keeps its calibration: its rows hold too few outcome events" for name in kept)
    return Recalibrated(replace(model, record=record, **parts), risk, notes)  # type: ignore[arg-type]


def _enough(labels: np.ndarray, settings: CandidateSettings) -> bool:
    events = int(labels.sum())
    return 0 < events < len(labels) and (events >= settings.minimum_events or settings.allow_too_few_events)

"""Recalibrate a model in use on later rows: its ranking stays, and a risk of 10% means 10% again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from models.calibration import CalibrationRows, choose_calibrator, cross_fitted_risk
from models.feature_rows import FeatureRows
from models.risk_model import CalibratedEstimator, RiskModel
from models.settings import CandidateSettings
from models.splitting import person_folds
from models.training import TooFewEventsError


@dataclass(frozen=True)
class LaterRows:
    """Rows that trained no part of a model, with their outcomes.

    Rows of people whom a team acted on (`acted_on`, a mask) fit no calibration: the team's work may have prevented the outcome, and a map
    fitted on them would call others safe.
    """

    features: FeatureRows
    labels: np.ndarray
    person: np.ndarray
    acted_on: np.ndarray | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)  # of the rows, as plain data

    @property
    def fitting(self) -> np.ndarray:
        """Mask of the rows that may fit a calibration."""
        return np.ones(len(self.labels), dtype=bool) if self.acted_on is None else ~self.acted_on


@dataclass(frozen=True)
class Recalibrated:
    """A model with a new calibration, and the risk of each row by maps fitted on the other people."""

    model: RiskModel
    risk: np.ndarray
    notes: tuple[str, ...]


def recalibrate(model: RiskModel, later: LaterRows, settings: CandidateSettings, folds: int, seed: int) -> Recalibrated:
    """Choose and fit the calibration of each of a model's estimators on rows that trained none of them.

    An estimator keeps its calibration if its rows hold fewer outcome events than the settings' minimum. TooFewEventsError is raised if that is
    true of every estimator. The origin of the rows goes into the model's record with the number of rows and events.
    """
    fitting, fold = later.fitting, person_folds(later.person, folds, seed)
    risk = np.empty(len(later.labels))
    parts: dict[str, CalibratedEstimator] = {}
    unchanged: list[str] = []
    names = {id(model.main): "main", id(model.without_gp): "without_gp"}
    for part, rows in model.parts(later.features):
        name, margin = names[id(part)], part.estimator.margin(later.features.take(rows))
        in_part, used = fitting[rows], rows & fitting
        if not _enough(later.labels[used], settings):
            unchanged.append(name)
            risk[rows] = part.calibrator.risk(margin)
            continue
        fitted = CalibrationRows(margin[in_part], later.labels[used].astype(np.float64), np.ones(int(used.sum())))
        calibrator = choose_calibrator(settings.calibration, fitted, later.person[used], seed)
        risk[rows] = calibrator.risk(margin)
        risk[used] = cross_fitted_risk(calibrator.method, fitted, fold[used])
        parts[name] = replace(part, calibrator=calibrator)
    if not parts:
        raise TooFewEventsError(
            f"the rows hold {int(later.labels[fitting].sum())} outcome events, and a calibration needs {settings.minimum_events}: the model "
            "keeps its calibration. Recalibrate when a later index date has matured"
        )
    notes = tuple(f"the estimator '{name}' keeps its calibration: its rows hold too few outcome events" for name in unchanged)
    return Recalibrated(replace(model, record=_record(model, later, parts), **parts), risk, notes)  # type: ignore[arg-type]


def _record(model: RiskModel, later: LaterRows, parts: Mapping[str, CalibratedEstimator]) -> dict[str, Any]:
    fitting = later.fitting
    counts = {"rows": int(fitting.sum()), "events": int(later.labels[fitting].sum())}
    record: dict[str, Any] = {**model.record, "recalibrated": {**later.origin, **counts}}
    for name, part in parts.items():
        record[name] = {
            **record[name], "calibration": part.calibrator.method, "calibrated_on": "later rows that trained nothing",
        }  # fmt: skip
    return record


def _enough(labels: np.ndarray, settings: CandidateSettings) -> bool:
    events = int(labels.sum())
    return 0 < events < len(labels) and (events >= settings.minimum_events or settings.allow_too_few_events)

"""Train one candidate: tune, fit, and calibrate on people who did not train it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.blas import one_blas_thread
from models.calibration import CalibrationRows, choose_calibrator, cross_fitted_risk
from models.estimators import CandidateSpec, unused_predictors
from models.fitting import Fitting
from models.methods import Estimator, FittingMethod, fitting_method
from models.predictors import Predictor
from models.risk_model import CalibratedEstimator, RiskModel
from models.settings import BandSettings, CandidateSettings
from models.splitting import balanced_folds, person_folds
from models.training_data import TrainingData
from models.tuned import Tuned

HOLD_OUT_FOLDS = 10  # of a large table: one fold calibrates, one stops the boosting
CALIBRATION_FOLDS = 5
FEW_ROWS, CALIBRATION_FOLDS_OF_FEW = 20_000, 20


class TooFewEventsError(ValueError):
    """Raised when training has fewer outcome events than it needs; names both numbers and the setting."""


@dataclass(frozen=True)
class TrainingPlan:
    """What is the same for all candidates of a training.

    `tune_in_folds` repeats the tuning within each fold, so that an out-of-fold risk depends in no way on the row it scores. It is the plan for
    tables that are evaluated by these risks. `tuned` replaces the tuning by an earlier result.
    """

    outcome: str
    horizon_days: int
    candidates: CandidateSettings
    bands: BandSettings
    fitting: Fitting
    tune_in_folds: bool = False
    tuned: Tuned | None = None

    @property
    def seed(self) -> int:
        return self.fitting.seed

    def method(self, spec: CandidateSpec) -> FittingMethod:
        """Return the method of a candidate, with its settings."""
        return fitting_method(spec.method, self.candidates, self.fitting)


@dataclass(frozen=True)
class TrainedCandidate:
    """A trained model, the risks of its training rows by models that never saw the person, and notes on the training.

    `out_of_fold_risk` is NaN for the rows of a large table that no held-out fold scored.
    """

    name: str
    model: RiskModel
    folds: np.ndarray
    out_of_fold_risk: np.ndarray
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Fitted:
    """An estimator before its calibration: how it was tuned, and the margin of every row that did not train it (NaN for the others)."""

    estimator: Estimator
    tuned: Tuned
    margin: np.ndarray
    calibrated_on: str


@dataclass(frozen=True)
class _FittedPart:
    part: CalibratedEstimator
    risk: np.ndarray  # for every row of the data, NaN where not out of fold
    record: dict[str, Any]


@one_blas_thread()
def train_candidate(spec: CandidateSpec, data: TrainingData, folds: np.ndarray, plan: TrainingPlan) -> TrainedCandidate:
    """Train one candidate on all rows; `folds` (one per row, all rows of a person in one) says which rows are held out together.

    Raise TooFewEventsError below the settings' minimum unless they allow it.
    """
    notes = check_events(data, plan.candidates)
    predictors, more_notes = _usable(spec.predictors, data, plan.candidates)
    data = data.with_predictors(predictors)
    without_gp = tuple(predictor for predictor in predictors if not needs_gp(predictor, plan.candidates))
    has_gp = len(without_gp) < len(predictors)
    everyone = np.arange(data.rows)
    main = _fit_part(spec, data, everyone[data.gp_covered] if has_gp else everyone, folds, plan)
    second = None
    if has_gp and without_gp and plan.candidates.estimator_without_gp:
        second = _fit_part(spec, data.with_predictors(without_gp), everyone, folds, plan)
    model = RiskModel(
        spec.name,
        plan.outcome,
        plan.horizon_days,
        _used(predictors, main, second),
        main.part,
        second.part if second else None,
        plan.bands,
        _record(data, plan, has_gp, main, second),
    )
    dropped = [f"constant in training and excluded: {', '.join(main.record['dropped'])}"] if main.record["dropped"] else []
    risk = main.risk if second is None else np.where(data.gp_covered, main.risk, second.risk)
    return TrainedCandidate(spec.name, model, folds, risk, (*notes, *more_notes, *dropped, *_sampling(spec, data, plan)))


def _sampling(spec: CandidateSpec, data: TrainingData, plan: TrainingPlan) -> tuple[str, ...]:
    """Return a note on the rule by which a large table was sampled, if it was."""
    most = plan.method(spec).maximum_rows
    rows = int(data.has_weight.sum())
    if rows <= most:
        return ()
    return (
        f"of {rows:,} rows about {most:,} train: a hash of each person's key and the seed decides, and all rows of a person go together. "
        "Calibration and evaluation use every row",
    )


def _used(predictors: tuple[Predictor, ...], main: _FittedPart, second: _FittedPart | None) -> tuple[Predictor, ...]:
    """Return the predictors without the code-level columns that no estimator uses: scoring need not count them."""
    codes = {name for part in (main, second) if part for name in part.part.estimator.codes}
    return tuple(predictor for predictor in predictors if predictor.kind != "code" or predictor.name in codes)


def check_events(data: TrainingData, settings: CandidateSettings) -> tuple[str, ...]:
    """Refuse training with too few outcome events; return a note if the settings allow it nevertheless."""
    events, rows = data.events, int(data.has_weight.sum())
    if 0 < events < rows and (events >= settings.minimum_events or settings.allow_too_few_events):
        if events >= settings.minimum_events:
            return ()
        return (f"trained on {events} outcome events where {settings.minimum_events} are needed: for demonstration only",)
    raise TooFewEventsError(
        f"training has {events} outcome events in {rows} rows of {data.people} people and needs {settings.minimum_events}. "
        "Add index dates or people, or widen the outcome. Only for a demonstration, set study.candidates.allow_too_few_events "
        "(it still needs at least one row with the outcome and one without)."
    )


def needs_gp(predictor: Predictor, settings: CandidateSettings) -> bool:
    """Return whether a GP feed supplies a predictor (`feed` may name several, separated by commas)."""
    return bool({feed.strip() for feed in predictor.feed.split(",")} & set(settings.gp_feeds))


def _usable(
    predictors: tuple[Predictor, ...], data: TrainingData, settings: CandidateSettings
) -> tuple[tuple[Predictor, ...], tuple[str, ...]]:
    """Exclude the predictors of GP feeds if the feeds cover too few people with the outcome."""
    with_gp = [predictor for predictor in predictors if needs_gp(predictor, settings)]
    covered = int(data.labels[data.gp_covered].sum())
    if not with_gp or len(with_gp) == len(predictors) or covered >= min(settings.minimum_events, data.events):
        return predictors, ()
    others = tuple(predictor for predictor in predictors if not needs_gp(predictor, settings))
    return others, (f"{len(with_gp)} predictors of the GP feeds are excluded: they cover {covered} outcome events",)


def _fit_part(spec: CandidateSpec, data: TrainingData, rows: np.ndarray, folds: np.ndarray, plan: TrainingPlan) -> _FittedPart:
    """Fit and calibrate on some rows (positions)."""
    if len(rows) > plan.candidates.cross_fit_rows and not plan.tune_in_folds:
        return _fit_held_out(spec, data, rows, plan)
    method = plan.method(spec)
    tuned = plan.tuned or method.tune(data, rows)
    margin = np.full(data.rows, np.nan)
    for fold in np.unique(folds[rows]):
        held_out, others = rows[folds[rows] == fold], rows[folds[rows] != fold]
        tuned_here = plan.tuned or method.tune(data, others) if plan.tune_in_folds else tuned
        margin[held_out] = method.fit(data, others, tuned_here).margin(data.features(held_out))
    fitted = _Fitted(method.fit(data, rows, tuned), tuned, margin, "out-of-fold rows")
    return _calibrated(fitted, data, folds, plan)


def _fit_held_out(spec: CandidateSpec, data: TrainingData, rows: np.ndarray, plan: TrainingPlan) -> _FittedPart:
    """Fit a large table once: a tenth of the people calibrates, a tenth stops the boosting, the rest trains."""
    tenth = person_folds(data.person[rows], HOLD_OUT_FOLDS, plan.seed + 5)
    calibrating, train = rows[tenth == 0], rows[tenth != 0]
    estimator, tuned = plan.method(spec).fit_once(data, train, tenth[tenth != 0] == 1, plan.tuned)
    margin = np.full(data.rows, np.nan)
    margin[calibrating] = estimator.margin(data.features(calibrating))
    folds = person_folds(data.person, CALIBRATION_FOLDS, plan.seed + 6)
    return _calibrated(_Fitted(estimator, tuned, margin, "a tenth of the people, held out"), data, folds, plan)


def _calibrated(fitted: _Fitted, data: TrainingData, folds: np.ndarray, plan: TrainingPlan) -> _FittedPart:
    """Choose the calibration on the rows with an out-of-fold margin, and compute their risks by maps of the other folds."""
    scored = ~np.isnan(fitted.margin)
    labels = data.labels[scored].astype(np.float64)
    rows = CalibrationRows(fitted.margin[scored], labels, data.row_weights(np.flatnonzero(scored)))
    calibrator = choose_calibrator(plan.candidates.calibration, rows, data.person[scored], plan.seed)
    risk = np.full(data.rows, np.nan)
    parts = folds[scored]
    if len(labels) <= FEW_ROWS:  # maps that differ between few folds would mix up people of different folds
        parts = balanced_folds(data.person[scored], labels, CALIBRATION_FOLDS_OF_FEW, plan.seed + 6)
    risk[scored] = cross_fitted_risk(calibrator.method, rows, parts)
    record = {
        "calibration": calibrator.method,
        "dropped": list(unused_predictors(fitted.estimator, data.predictors)),
        "tuned": float(fitted.tuned.number),
        "plain": fitted.tuned.plain,
        "calibrated_on": fitted.calibrated_on,
    }
    return _FittedPart(CalibratedEstimator(fitted.estimator, calibrator), risk, record)


def _record(
    data: TrainingData, plan: TrainingPlan, has_gp: bool, main: _FittedPart, second: _FittedPart | None
) -> dict[str, Any]:
    return {
        **({"code_columns_offered": len(data.code_columns)} if data.code_columns else {}),
        "rows": int(data.has_weight.sum()),
        "people": data.people,
        "events": data.events,
        "weighted": data.weights is not None,
        "needs_gp": has_gp,
        "seed": plan.seed,
        "settings": plan.candidates.model_dump(mode="json"),
        "main": main.record,
        "without_gp": second.record if second else None,
    }

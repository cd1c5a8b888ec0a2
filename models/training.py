"""Train one candidate: tune, fit, and calibrate on people who did not train it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.blas import one_blas_thread
from models.boosting import fit_with_stopping
from models.calibration import choose_calibrator, cross_fitted_risk
from models.estimators import CandidateSpec, Estimator, fit, tune, unused_predictors
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
    """What is fixed for all candidates of a training.

    `tune_in_folds` repeats the tuning within each fold, so that out-of-fold risks owe nothing to the row they score:
    the plan for tables where they *are* the evaluation. `tuned` is what to use where tuning was done before.
    """

    outcome: str
    horizon_days: int
    candidates: CandidateSettings
    bands: BandSettings
    seed: int
    threads: int
    tune_in_folds: bool = False
    tuned: Tuned | None = None


@dataclass(frozen=True)
class TrainedCandidate:
    """A trained model, the risks of its training rows by models that never saw the person, and what happened.

    `out_of_fold_risk` is NaN for the rows of a large table that no held-out fold scored.
    """

    name: str
    model: RiskModel
    folds: np.ndarray
    out_of_fold_risk: np.ndarray
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _FittedPart:
    part: CalibratedEstimator
    risk: np.ndarray  # for every row of the data, NaN where not out of fold
    record: dict[str, Any]


def train_candidate(spec: CandidateSpec, data: TrainingData, folds: np.ndarray, plan: TrainingPlan) -> TrainedCandidate:
    """Train one candidate on all rows; `folds` (one per row, whole people) says which rows are left out together.

    Raises TooFewEventsError below the settings' minimum unless they allow it.
    """
    notes = check_events(data, plan.candidates)
    with one_blas_thread():
        return _train(spec, data, folds, plan, notes)


def _train(
    spec: CandidateSpec, data: TrainingData, folds: np.ndarray, plan: TrainingPlan, notes: tuple[str, ...]
) -> TrainedCandidate:
    predictors, more = _usable(spec.predictors, data, plan.candidates)
    data = data.with_predictors(predictors)
    without_gp = tuple(predictor for predictor in predictors if not needs_gp(predictor, plan.candidates))
    has_gp = len(without_gp) < len(predictors)
    everyone = np.arange(data.rows)
    main = _fit_part(spec, data, everyone[data.gp_covered] if has_gp else everyone, folds, plan)
    second = None
    if has_gp and without_gp and plan.candidates.estimator_without_gp:
        second = _fit_part(spec, data.with_predictors(without_gp), everyone, folds, plan)
    risk = main.risk if second is None else np.where(data.gp_covered, main.risk, second.risk)
    record = _record(data, plan, has_gp, main, second)
    kept = _kept(predictors, main, second)
    model = RiskModel(
        spec.name, plan.outcome, plan.horizon_days, kept, main.part, second.part if second else None, plan.bands, record
    )
    dropped = [f"constant in training and left out: {', '.join(main.record['dropped'])}"] if main.record["dropped"] else []
    return TrainedCandidate(spec.name, model, folds, risk, (*notes, *more, *dropped, *_sampling(spec, data, plan.candidates)))


def _sampling(spec: CandidateSpec, data: TrainingData, settings: CandidateSettings) -> tuple[str, ...]:
    """Tell the rule by which a large table was sampled, where it was."""
    most = settings.lightgbm.maximum_rows if spec.method == "lightgbm" else settings.logistic.maximum_rows
    rows = int(data.has_weight.sum())
    if rows <= most:
        return ()
    words = "whole people kept or left by a hash of their key and the seed; every row calibrates or judges as it would have"
    return (f"of {rows:,} rows about {most:,} train, {words}",)


def _kept(predictors: tuple[Predictor, ...], main: _FittedPart, second: _FittedPart | None) -> tuple[Predictor, ...]:
    """Leave out the code-level columns that no estimator uses: scoring need not count them."""
    used = {name for part in (main, second) if part for name in part.part.estimator.codes}
    return tuple(predictor for predictor in predictors if predictor.kind != "code" or predictor.name in used)


def check_events(data: TrainingData, settings: CandidateSettings) -> tuple[str, ...]:
    """Refuse training with too few outcome events; give a note where the settings allow it all the same."""
    events, rows = data.events, int(data.has_weight.sum())
    if 0 < events < rows and (events >= settings.minimum_events or settings.allow_too_few_events):
        if events >= settings.minimum_events:
            return ()
        return (f"trained on {events} outcome events where {settings.minimum_events} are needed: for demonstration only",)
    raise TooFewEventsError(
        f"training has {events} outcome events in {rows} rows of {data.people} people and needs {settings.minimum_events}. "
        "Add index dates or people, or widen the outcome. For a demonstration alone set study.candidates.allow_too_few_events "
        "(it still needs at least one row with the outcome and one without)."
    )


def needs_gp(predictor: Predictor, settings: CandidateSettings) -> bool:
    """Say whether a GP feed supplies a predictor (`feed` may name several, separated by commas)."""
    return bool({feed.strip() for feed in predictor.feed.split(",")} & set(settings.gp_feeds))


def _usable(
    predictors: tuple[Predictor, ...], data: TrainingData, settings: CandidateSettings
) -> tuple[tuple[Predictor, ...], tuple[str, ...]]:
    """Leave the GP feeds out where too few people with an outcome are covered by them."""
    with_gp = [predictor for predictor in predictors if needs_gp(predictor, settings)]
    covered = int(data.labels[data.gp_covered].sum())
    if not with_gp or len(with_gp) == len(predictors) or covered >= min(settings.minimum_events, data.events):
        return predictors, ()
    kept = tuple(predictor for predictor in predictors if not needs_gp(predictor, settings))
    return kept, (f"{len(with_gp)} predictors of the GP feeds are left out: they cover {covered} outcome events",)


def _fit_part(spec: CandidateSpec, data: TrainingData, rows: np.ndarray, folds: np.ndarray, plan: TrainingPlan) -> _FittedPart:
    """Fit and calibrate on some rows (positions)."""
    if len(rows) > plan.candidates.cross_fit_rows and not plan.tune_in_folds:
        return _fit_held_out(spec, data, rows, plan)
    tuned = _tune(spec, data, rows, plan)
    margin = np.full(data.rows, np.nan)
    for fold in np.unique(folds[rows]):
        left_out, others = rows[folds[rows] == fold], rows[folds[rows] != fold]
        number = _tune(spec, data, others, plan) if plan.tune_in_folds else tuned
        margin[left_out] = _fit(spec, data, others, number, plan).margin(data.features(left_out))
    return _calibrated(
        _fit(spec, data, rows, tuned, plan), data, margin, folds, plan, {**_told(tuned), "calibrated_on": "out-of-fold rows"}
    )


def _fit_held_out(spec: CandidateSpec, data: TrainingData, rows: np.ndarray, plan: TrainingPlan) -> _FittedPart:
    """Fit a large table once: a tenth of the people calibrates, a tenth stops the boosting, the rest trains."""
    tenth = person_folds(data.person[rows], HOLD_OUT_FOLDS, plan.seed + 5)
    calibrating, train = rows[tenth == 0], rows[tenth != 0]
    if spec.method == "lightgbm":
        boosted = fit_with_stopping(data, rows[tenth > 1], rows[tenth == 1], plan.candidates.lightgbm, plan.seed, plan.threads)
        estimator: Estimator = boosted
        tuned = Tuned(boosted.booster.num_trees())
    else:
        tuned = _tune(spec, data, train, plan)
        estimator = _fit(spec, data, train, tuned, plan)
    margin = np.full(data.rows, np.nan)
    margin[calibrating] = estimator.margin(data.features(calibrating))
    folds = person_folds(data.person, CALIBRATION_FOLDS, plan.seed + 6)
    return _calibrated(estimator, data, margin, folds, plan, {**_told(tuned), "calibrated_on": "a tenth of the people, held out"})


def _told(tuned: Tuned) -> dict[str, Any]:
    return {"tuned": float(tuned.number), "plain": tuned.plain}


def _calibrated(
    estimator: Estimator, data: TrainingData, margin: np.ndarray, folds: np.ndarray, plan: TrainingPlan, record: dict[str, Any]
) -> _FittedPart:
    """Choose the calibration on the rows with an out-of-fold margin, and give their risks by maps of the other folds."""
    scored = ~np.isnan(margin)
    values, labels, weights = margin[scored], data.labels[scored].astype(np.float64), data.row_weights(np.flatnonzero(scored))
    calibrator = choose_calibrator(plan.candidates.calibration, values, labels, weights, data.person[scored], plan.seed)
    risk = np.full(data.rows, np.nan)
    parts = folds[scored]
    if len(values) <= FEW_ROWS:  # maps that differ between few folds would mix up people of different folds
        parts = balanced_folds(data.person[scored], labels, CALIBRATION_FOLDS_OF_FEW, plan.seed + 6)
    risk[scored] = cross_fitted_risk(calibrator.method, values, labels, weights, parts)
    details = {"calibration": calibrator.method, "dropped": list(unused_predictors(estimator, data.predictors)), **record}
    return _FittedPart(CalibratedEstimator(estimator, calibrator), risk, details)


def _tune(spec: CandidateSpec, data: TrainingData, rows: np.ndarray, plan: TrainingPlan) -> Tuned:
    if plan.tuned is not None:
        return plan.tuned
    return tune(spec.method, data, rows, plan.candidates, plan.seed, plan.threads)


def _fit(spec: CandidateSpec, data: TrainingData, rows: np.ndarray, tuned: Tuned, plan: TrainingPlan) -> Estimator:
    return fit(spec.method, data, rows, tuned, plan.candidates, plan.seed, plan.threads)


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

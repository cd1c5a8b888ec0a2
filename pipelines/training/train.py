"""Train the candidates of a study on the same rows, evaluate them on rows that trained none of them, and choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.candidates import CANDIDATES
from models.censoring import censoring_weights
from models.copied_periods import PeriodRows, copied_periods, periods_of
from models.estimators import CandidateSpec, NoPredictorsError, candidate_specs
from models.feature_rows import CodeCounts
from models.leaks import single_feature_discrimination
from models.predictors import Predictor, SchemaMismatchError
from models.risk_model import CoverageNotServedError
from models.splitting import (
    SplitRefusedError,
    balanced_folds,
    column_split,
    note_on_shared_people,
    note_on_split,
    shared_people,
    time_split,
)
from models.training import TooFewEventsError, TrainedCandidate, TrainingPlan, train_candidate
from models.training_data import TrainingData, training_data
from pipelines.building.code_level_features import approved_codes, choose_codes, count_codes
from pipelines.errors import RefusalError
from pipelines.sources.feature_table import SPLIT
from pipelines.training.incumbent import judge_incumbent
from pipelines.training.judging import Evaluator, JudgedCandidate, ScoredModel, StudyResult, TestRows
from pipelines.training.modelling_rows import ModellingRows, read_modelling_rows
from pipelines.training.training_request import TrainingRequest
from pipelines.training.validation_plans import check_places, other_tests

if TYPE_CHECKING:
    from pipelines.training.tuning import TunedBoosting

REFUSALS = (TooFewEventsError, SplitRefusedError, NoPredictorsError, SchemaMismatchError, CoverageNotServedError)


@dataclass(frozen=True)
class _Tables:
    """The rows of a study: those that train, those that test, and which of the training rows test as well.

    `scored_out_of_fold` is the mask of the training rows that folds of people test, None if other rows test. `periods` are where copies of an
    outcome are searched for.
    """

    data: TrainingData
    test: TestRows
    specs: tuple[CandidateSpec, ...]
    notes: tuple[str, ...]
    periods: Sequence[PeriodRows]
    scored_out_of_fold: np.ndarray | None = None


def run_study(request: TrainingRequest) -> StudyResult:
    """Train and evaluate every candidate of a study and the model in use; raise a RefusalError if the models refuse."""
    run = {"time": _by_time, "column": _by_column, "person_folds": _by_folds}[request.study.validation.kind]
    try:
        return run(request)
    except REFUSALS as refusal:
        raise RefusalError(str(refusal)) from refusal


def _by_time(request: TrainingRequest) -> StudyResult:
    """Evaluate on a later index date."""
    outcome = request.study.outcome
    split = time_split(
        request.dates["train"], request.dates["test"][0], outcome.horizon_days, outcome.maturity_days, request.data_cut
    )
    learned = [_learnable(_read(request, [day])) for day in split.train]
    data = _training_rows(learned, request.predictors)
    del learned
    tested = _read(request, [split.test])
    return _compared(request, _tables(request, data, tested.chosen(tested.at_risk & ~tested.left)))


def _by_column(request: TrainingRequest) -> StudyResult:
    """Evaluate on the rows that the user's column assigns to the test; only its training rows train, each person calibrating for others."""
    study = request.study
    every = _read_all(request)
    able = every.at_risk & ~every.left & request.may_use(every)
    if SPLIT not in every.frame:
        raise SplitRefusedError("features__person does not hold study.validation.split_column; build the features again")
    train, test = column_split(every.frame[SPLIT], study.validation, able)
    data = _training_rows([_learnable(every.chosen(train))], request.predictors)
    used = every.chosen(train | test)  # one index date may be on both sides: a period is searched as a whole
    periods = periods_of(used.frame, used.labels["label"].to_numpy(dtype=np.int8), used.frame["person_key"].to_numpy())
    result = _compared(request, replace(_tables(request, data, every.chosen(test)), periods=periods))
    sides = note_on_split(every.frame[SPLIT][able], study.validation, train, test)
    shared = note_on_shared_people(result.test.person, result.test.new_people)
    return replace(result, cross_fitted=data.frame, notes=(*sides, *shared, *result.notes))


def _read(request: TrainingRequest, dates: Sequence[date]) -> ModellingRows:
    """Read the rows of index dates whose people's data may be used."""
    rows = read_modelling_rows(request.lake, dates, request.study.outcome.name, request.predictors, request.unread)
    return rows if request.excluded_people is None else rows.chosen(request.may_use(rows))


def _read_all(request: TrainingRequest) -> ModellingRows:
    """Read the rows of all index dates, with those that no model may use: they are scored as well."""
    return read_modelling_rows(request.lake, None, request.study.outcome.name, request.predictors, request.unread)


def _tables(request: TrainingRequest, data: TrainingData, tested: ModellingRows) -> _Tables:
    """Return training and test rows with the codes that their predictors count."""
    codes, predictors = _with_codes(request, data.frame)
    specs, notes = candidate_specs(request.study.candidates, predictors)
    data = replace(data, codes=codes, predictors=predictors)
    columns = [predictor.column for predictor in predictors if predictor.column is not None]
    tested = replace(tested, codes=count_codes(request.lake, tested.frame, columns, request.engine.threads))
    test = TestRows(tested, ~shared_people(data.person, tested.frame["person_key"].to_numpy()))
    periods = [*periods_of(data.frame, data.labels, data.person), *periods_of(test.rows.frame, test.labels, test.person)]
    return _Tables(data, test, specs, notes, periods)


def _by_folds(request: TrainingRequest) -> StudyResult:
    """Evaluate each row by models that never saw its person; rows not at risk have weight 0 and are scored the same way."""
    study = request.study
    every = _read_all(request)
    able = every.at_risk & ~every.left & request.may_use(every)
    labels = every.labels["label"].where(able, 0).to_numpy(dtype=np.int8)
    weights = None if able.all() else able.astype(np.float64)
    codes, predictors = _with_codes(request, every.frame, able)
    specs, notes = candidate_specs(study.candidates, predictors)
    if study.candidates.lightgbm.tuning.trials:
        notes = (
            *notes,
            "nothing was tuned: folds of people test the models here, and settings chosen on all folds would flatter them",
        )
    every = replace(every, codes=codes)
    data = training_data(every.frame, predictors, labels, every.frame["person_key"].to_numpy(), weights, codes)
    test = TestRows(every.chosen(able), np.ones(int(able.sum()), dtype=bool))
    periods = periods_of(test.rows.frame, test.labels, test.person)
    result = _compared(request, _Tables(data, test, specs, notes, periods, able))
    return replace(result, train_rows=int(able.sum()), cross_fitted=every.frame)


def _compared(request: TrainingRequest, tables: _Tables) -> StudyResult:
    """Train and evaluate the candidates and the model in use on the same rows."""
    study, data = request.study, tables.data
    copies = copied_periods(tables.periods, data.curated, study.outcome.horizon_days, study.seed)
    test = replace(tables.test, copies=copies)
    check_places(study, test.rows.frame)
    evaluator = Evaluator(study, test, single_feature_discrimination(data, study.seed), request.group_kinds)
    candidates = _candidates(request, replace(tables, test=test), evaluator)
    incumbent = judge_incumbent(request, evaluator, candidates)
    compared = tuple(candidates) if incumbent is None else tuple(incumbent.against(candidate) for candidate in candidates)
    other = other_tests(request, data, test, tables.specs, compared)
    return StudyResult(compared, test, data.rows, data.events, None, (*tables.notes, *other.notes), incumbent, other.rows)


def _with_codes(
    request: TrainingRequest, frame: pd.DataFrame, training: np.ndarray | None = None
) -> tuple[CodeCounts | None, tuple[Predictor, ...]]:
    """Return counts of the code-level columns and all predictors; there are no counts if no candidate learns from codes.

    The columns are chosen on the `training` rows (mask, all of them without it).
    """
    study = request.study
    if not any(CANDIDATES[name].uses_codes for name in study.candidates.names):
        return None, request.predictors
    settings = approved_codes(study.code_level, request.allowed_feeds)
    chosen = choose_codes(request.lake, frame, settings, request.engine.threads, training)
    return chosen.counts, (*request.predictors, *chosen.predictors)


def _candidates(request: TrainingRequest, tables: _Tables, evaluator: Evaluator) -> list[JudgedCandidate]:
    """Train and evaluate each candidate: on the test rows, or by its out-of-fold risks."""
    study, data, able = request.study, tables.data, tables.scored_out_of_fold
    folds = balanced_folds(data.person, data.labels, study.validation.folds, study.seed)
    plan = request.plan(tune_in_folds=able is not None)
    judged: list[JudgedCandidate] = []
    for spec in tables.specs:
        tuned = _tuned(request, spec, data) if able is None else None
        trained = train_candidate(spec, data, folds, _with_tuned(plan, tuned))
        scored = _scored(request, spec, trained, tables)
        if tuned:
            scored = replace(scored, notes=(*scored.notes, tuned.note), tuning=tuned.trials)
        judged.append(evaluator.judge(scored, judged))
    return judged


def _tuned(request: TrainingRequest, spec: CandidateSpec, data: TrainingData) -> TunedBoosting | None:
    """Tune a candidate's boosting on folds of people of the training rows, if the settings give it a budget."""
    settings = request.study.candidates.lightgbm
    if spec.method != "lightgbm" or not settings.tuning.trials:
        return None
    from pipelines.training.tuning import tune_boosting  # Optuna takes a second to import

    return tune_boosting(spec.name, data.with_predictors(spec.predictors), settings, request.fitting, request.trials)


def _with_tuned(plan: TrainingPlan, tuned: TunedBoosting | None) -> TrainingPlan:
    return plan if tuned is None else replace(plan, candidates=plan.candidates.model_copy(update={"lightgbm": tuned.settings}))


def _scored(request: TrainingRequest, spec: CandidateSpec, trained: TrainedCandidate, tables: _Tables) -> ScoredModel:
    rows, able = tables.test.rows, tables.scored_out_of_fold
    every = None if request.by_time else trained.out_of_fold_risk
    risk = trained.model.predict(rows.frame, rows.codes) if able is None else trained.out_of_fold_risk[able]
    return ScoredModel(spec.name, spec.method, trained.model, risk, every, tables.data.events, trained.notes)


def _learnable(rows: ModellingRows) -> tuple[ModellingRows, np.ndarray]:
    """Return the rows of one index date whose outcome is known, with weights that make up for those who left."""
    at_risk = rows.chosen(rows.at_risk)
    weights = censoring_weights(at_risk.labels["follow_up_days"].to_numpy(dtype=np.int64), at_risk.left)
    return at_risk.chosen(~at_risk.left), weights[~at_risk.left]


def _training_rows(learned: Sequence[tuple[ModellingRows, np.ndarray]], predictors: tuple[Predictor, ...]) -> TrainingData:
    """Return the rows of all training dates in order of person and index date."""
    frame = pd.concat([rows.frame for rows, _ in learned], ignore_index=True)
    labels = pd.concat([rows.labels for rows, _ in learned], ignore_index=True)["label"].to_numpy(dtype=np.int8)
    weights = np.concatenate([weight for _, weight in learned])
    order = np.lexsort((frame["index_date"].to_numpy(), frame["person_key"].to_numpy()))
    ordered = frame.iloc[order].reset_index(drop=True)
    return training_data(ordered, predictors, labels[order], ordered["person_key"].to_numpy(), weights[order])

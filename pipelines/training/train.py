"""Train the candidates of a study side by side, judge them on rows that trained none of them, and choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from models.audit_groups import KINDS as GROUP_KINDS
from models.candidates import CANDIDATES
from models.censoring import censoring_weights
from models.copied_periods import PeriodRows, copied_periods, periods_of
from models.estimators import CandidateSpec, NoPredictorsError, candidate_specs
from models.feature_rows import CodeCounts
from models.fitting import Fitting
from models.intervals import Estimate
from models.leaks import single_feature_discrimination
from models.predictors import Predictor, SchemaMismatchError, predictors_from_catalogue
from models.risk_model import CoverageNotServedError
from models.splitting import (
    SplitRefusedError,
    balanced_folds,
    column_split,
    shared_in_words,
    shared_people,
    split_in_words,
    time_split,
)
from models.training import TooFewEventsError, TrainedCandidate, TrainingPlan, train_candidate
from models.training_data import TrainingData, training_data
from pipelines.building.code_level_features import approved_codes, choose_codes, count_codes
from pipelines.building.engine_settings import EngineSettings
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake
from pipelines.sources.feature_table import SPLIT
from pipelines.study.settings import StudySettings
from pipelines.training.incumbent import Incumbent, judge_incumbent
from pipelines.training.judging import JudgedCandidate, JudgedIncumbent, ScoredModel, StudyResult, TestRows, judged
from pipelines.training.modelling_rows import (
    ModellingRows,
    offered_predictors,
    read_catalogue,
    read_modelling_rows,
)
from pipelines.training.validation_plans import check_places, other_tests

if TYPE_CHECKING:
    from pipelines.training.tuning import TunedBoosting

REFUSALS = (TooFewEventsError, SplitRefusedError, NoPredictorsError, SchemaMismatchError, CoverageNotServedError)


@dataclass(frozen=True)
class _Study:
    """What is fixed for one study: its settings, what may be read, and the model in use."""

    lake: Lake
    settings: StudySettings
    engine: EngineSettings
    allowed_feeds: Sequence[str] | None
    predictors: tuple[Predictor, ...]
    unread: tuple[str, ...]
    incumbent: Incumbent | None
    trials: str | None  # URL of the database that keeps the trials of a tuning

    @property
    def fitting(self) -> Fitting:
        return Fitting(self.settings.seed, self.engine.threads)

    def plan(self, tune_in_folds: bool = False) -> TrainingPlan:
        outcome, study = self.settings.outcome, self.settings
        return TrainingPlan(outcome.name, outcome.horizon_days, study.candidates, study.bands, self.fitting, tune_in_folds)


def run_study(
    lake: Lake,
    study: StudySettings,
    engine: EngineSettings,
    dates: dict[str, tuple[date, ...]],
    data_cut: date,
    group_kinds: Sequence[str] = (),
    allowed_feeds: Sequence[str] | None = None,
    incumbent: Incumbent | None = None,
    trials: str | None = None,
) -> StudyResult:
    """Train and judge every candidate of a study beside the model in use; refusals of the models become RefusalErrors.

    `trials` is the URL of a database that keeps the trials of a tuning, so that one that was interrupted goes on.
    """
    predictors, unread = offered_predictors(study.candidates, predictors_from_catalogue(read_catalogue(lake)))
    needed = {predictor.name for predictor in incumbent.model.predictors} if incumbent and incumbent.model else set()
    left = tuple(name for name in unread if name not in needed)
    told = _Study(lake, study, engine, allowed_feeds, predictors, left, incumbent, trials)
    try:
        if study.validation.kind == "time":
            return _by_time(told, dates, data_cut)
        if study.validation.kind == "column":
            return _by_column(told, group_kinds)
        return _by_folds(told, group_kinds)
    except REFUSALS as refusal:
        raise RefusalError(str(refusal)) from refusal


def _by_time(told: _Study, dates: Mapping[str, tuple[date, ...]], data_cut: date) -> StudyResult:
    lake, outcome = told.lake, told.settings.outcome
    split = time_split(dates["train"], dates["test"][0], outcome.horizon_days, outcome.maturity_days, data_cut)
    learned = [_learnable(read_modelling_rows(lake, [day], outcome.name, told.predictors, told.unread)) for day in split.train]
    data = _training_rows(learned, told.predictors)
    del learned
    tested = read_modelling_rows(lake, [split.test], outcome.name, told.predictors, told.unread)
    tested = tested.chosen(tested.at_risk & ~tested.left)
    return _on_test_rows(told, data, tested, GROUP_KINDS, (split.test, data_cut))


def _by_column(told: _Study, group_kinds: Sequence[str]) -> StudyResult:
    """Judge on the rows that the user's column says test; only those that it says train teach, each person calibrating for others."""
    study = told.settings
    every = read_modelling_rows(told.lake, None, study.outcome.name, told.predictors, told.unread)
    able = every.at_risk & ~every.left
    if SPLIT not in every.frame:
        raise SplitRefusedError("features__person does not hold study.validation.split_column; build the features again")
    train, test = column_split(every.frame[SPLIT], study.validation, able)
    data = _training_rows([_learnable(every.chosen(train))], told.predictors)
    used = every.chosen(train | test)  # one index date may stand on both sides: a period is looked at whole
    periods = periods_of(used.frame, used.labels["label"].to_numpy(dtype=np.int8), used.frame["person_key"].to_numpy())
    result = _on_test_rows(told, data, every.chosen(test), group_kinds, periods=periods)
    sides = split_in_words(every.frame[SPLIT][able], study.validation, train, test)
    shared = shared_in_words(result.test.person, result.test.new_people)
    return replace(result, cross_fitted=data.frame, notes=(*sides, *shared, *result.notes))


def _on_test_rows(
    told: _Study, data: TrainingData, tested: ModellingRows, group_kinds: Sequence[str], dates: tuple[date, date] | None = None,
    periods: Sequence[PeriodRows] | None = None,
) -> StudyResult:  # fmt: skip
    """Train on some rows and judge on others; `dates`: of the test and of the data's end, where time divides them."""
    study, lake = told.settings, told.lake
    codes, predictors = _with_codes(told, data.frame)
    specs, notes = candidate_specs(study.candidates, predictors)
    data = replace(data, codes=codes, predictors=predictors)
    columns = [predictor.column for predictor in predictors if predictor.column is not None]
    tested = replace(tested, codes=count_codes(lake, tested.frame, columns, told.engine.threads))
    test = TestRows(tested, ~shared_people(data.person, tested.frame["person_key"].to_numpy()))
    if periods is None:
        periods = [*periods_of(data.frame, data.labels, data.person), *periods_of(test.rows.frame, test.labels, test.person)]
    test = _with_copies(told, test, data, periods)
    check_places(study, test.rows.frame)
    test_date, data_cut = dates or (None, None)
    candidates, alone = _candidates(told, specs, data, test, None, group_kinds)
    incumbent = _incumbent(told, test, test_date, alone, candidates, group_kinds)
    judged_ones = _against(candidates, incumbent)
    other = other_tests(study, data, test, specs, judged_ones, told.plan(), data_cut)
    return StudyResult(judged_ones, test, data.rows, data.events, None, (*notes, *other.notes), incumbent, other.rows)


def _by_folds(told: _Study, group_kinds: Sequence[str]) -> StudyResult:
    """Judge each row by models that never saw its person; rows not at risk weigh nothing, and are scored the same way."""
    study, lake = told.settings, told.lake
    every = read_modelling_rows(lake, None, study.outcome.name, told.predictors, told.unread)
    able = every.at_risk & ~every.left
    labels = every.labels["label"].where(able, 0).to_numpy(dtype=np.int8)
    weights = None if able.all() else able.astype(np.float64)
    codes, predictors = _with_codes(told, every.frame, able)
    specs, notes = candidate_specs(study.candidates, predictors)
    if study.candidates.lightgbm.tuning.trials:
        notes = (*notes, "nothing was tuned: folds of people judge here, and what all of them chose would flatter it")
    every = replace(every, codes=codes)
    data = training_data(every.frame, predictors, labels, every.frame["person_key"].to_numpy(), weights, codes)
    test = TestRows(every.chosen(able), np.ones(int(able.sum()), dtype=bool))
    test = _with_copies(told, test, data, periods_of(test.rows.frame, test.labels, test.person))
    check_places(study, test.rows.frame)
    candidates, alone = _candidates(told, specs, data, test, able, group_kinds)
    incumbent = _incumbent(told, test, None, alone, candidates, group_kinds)
    judged_ones = _against(candidates, incumbent)
    other = other_tests(study, data, test, specs, judged_ones, told.plan(), None)
    counts = (int(able.sum()), data.events)
    return StudyResult(judged_ones, test, *counts, every.frame, (*notes, *other.notes), incumbent, other.rows)


def _with_codes(
    told: _Study, frame: pd.DataFrame, training: np.ndarray | None = None
) -> tuple[CodeCounts | None, tuple[Predictor, ...]]:
    """Return counts of the code-level columns and all predictors; there are no counts if no candidate learns from codes.

    The columns are chosen on the `training` rows (mask, all of them without it).
    """
    study = told.settings
    if not any(CANDIDATES[name].uses_codes for name in study.candidates.names):
        return None, told.predictors
    chosen = choose_codes(told.lake, frame, approved_codes(study.code_level, told.allowed_feeds), told.engine.threads, training)
    return chosen.counts, (*told.predictors, *chosen.predictors)


def _candidates(
    told: _Study, specs: Sequence[CandidateSpec], data: TrainingData, test: TestRows, able: np.ndarray | None,
    group_kinds: Sequence[str],
) -> tuple[list[JudgedCandidate], Mapping[str, Estimate]]:  # fmt: skip
    """Train and judge each candidate: on the test rows, or (`able`: the rows that judge) by its out-of-fold risks."""
    study = told.settings
    folds = balanced_folds(data.person, data.labels, study.validation.folds, study.seed)
    plan, alone = told.plan(tune_in_folds=able is not None), single_feature_discrimination(data, study.seed)
    found: list[JudgedCandidate] = []
    for spec in specs:
        tuned = _tuned(told, spec, data) if able is None else None
        trained = train_candidate(spec, data, folds, _with_tuned(plan, tuned))
        scored = _scored(study, spec, trained, test, able, data.events)
        if tuned:
            scored = replace(scored, notes=(*scored.notes, tuned.note), tuning=tuned.trials)
        found.append(judged(study, test, alone, found, scored, group_kinds))
    return found, alone


def _with_copies(told: _Study, test: TestRows, data: TrainingData, periods: Sequence[PeriodRows]) -> TestRows:
    """Look for copies of one period's outcomes in another."""
    return replace(test, copies=copied_periods(periods, data.curated, told.settings.outcome.horizon_days, told.settings.seed))


def _tuned(told: _Study, spec: CandidateSpec, data: TrainingData) -> TunedBoosting | None:
    """Tune a candidate's boosting on folds of people of the training rows, where the settings give it a budget."""
    settings = told.settings.candidates.lightgbm
    if spec.method != "lightgbm" or not settings.tuning.trials:
        return None
    from pipelines.training.tuning import tune_boosting  # Optuna takes a second to import

    offered = data.with_predictors(spec.predictors)
    return tune_boosting(spec.name, offered, settings, told.fitting, told.trials)


def _with_tuned(plan: TrainingPlan, tuned: TunedBoosting | None) -> TrainingPlan:
    return plan if tuned is None else replace(plan, candidates=plan.candidates.model_copy(update={"lightgbm": tuned.settings}))


def _scored(
    study: StudySettings, spec: CandidateSpec, trained: TrainedCandidate, test: TestRows, able: np.ndarray | None, events: int
) -> ScoredModel:
    every = None if study.validation.kind == "time" else trained.out_of_fold_risk
    risk = trained.model.predict(test.rows.frame, test.rows.codes) if able is None else trained.out_of_fold_risk[able]
    return ScoredModel(spec.name, spec.method, trained.model, risk, every, events, trained.notes)


def _incumbent(
    told: _Study, test: TestRows, test_date: date | None, alone: Mapping[str, Estimate], candidates: Sequence[JudgedCandidate],
    group_kinds: Sequence[str],
) -> JudgedIncumbent | None:  # fmt: skip
    if told.incumbent is None:
        return None
    threads = told.engine.threads
    return judge_incumbent(told.lake, told.settings, told.incumbent, test, test_date, alone, candidates, group_kinds, threads)


def _against(candidates: Sequence[JudgedCandidate], incumbent: JudgedIncumbent | None) -> tuple[JudgedCandidate, ...]:
    return tuple(candidates) if incumbent is None else tuple(incumbent.against(candidate) for candidate in candidates)


def _learnable(rows: ModellingRows) -> tuple[ModellingRows, np.ndarray]:
    """Give the rows of one index date whose outcome is known, with weights that make up for those who left."""
    at_risk = rows.chosen(rows.at_risk)
    weights = censoring_weights(at_risk.labels["follow_up_days"].to_numpy(dtype=np.int64), at_risk.left)
    return at_risk.chosen(~at_risk.left), weights[~at_risk.left]


def _training_rows(learned: Sequence[tuple[ModellingRows, np.ndarray]], predictors: tuple[Predictor, ...]) -> TrainingData:
    frame = pd.concat([rows.frame for rows, _ in learned], ignore_index=True)
    labels = pd.concat([rows.labels for rows, _ in learned], ignore_index=True)["label"].to_numpy(dtype=np.int8)
    weights = np.concatenate([weight for _, weight in learned])
    order = np.lexsort((frame["index_date"].to_numpy(), frame["person_key"].to_numpy()))
    ordered = frame.iloc[order].reset_index(drop=True)
    return training_data(ordered, predictors, labels[order], ordered["person_key"].to_numpy(), weights[order])

"""Train the candidates of a study side by side, judge them on rows that trained none of them, and choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from models.audit_groups import KINDS as GROUP_KINDS
from models.audit_groups import audit_groups
from models.censoring import censoring_weights
from models.estimators import CandidateSpec, NoPredictorsError, candidate_specs
from models.evaluation import Evaluation, evaluate
from models.fairness import audit
from models.gates import GateResult, JudgedRows, eligible, judge
from models.intervals import Estimate
from models.leaks import single_feature_discrimination
from models.need_within_score import need_columns
from models.predictors import Predictor, SchemaMismatchError, predictors_from_catalogue
from models.risk_model import CoverageNotServedError, RiskModel
from models.splitting import SplitRefusedError, person_folds, shared_people, time_split
from models.training import TooFewEventsError, TrainedCandidate, TrainingPlan, train_candidate
from models.training_data import TrainingData, training_data
from pipelines.code_level_features import with_code_columns
from pipelines.errors import RefusalError
from pipelines.modelling_rows import ModellingRows, offered_predictors, read_catalogue, read_modelling_rows, with_chosen_codes
from pipelines.settings import EngineSettings, StudySettings
from pipelines.storage import Lake

BASELINE = "age_sex"
REFUSALS = (TooFewEventsError, SplitRefusedError, NoPredictorsError, SchemaMismatchError, CoverageNotServedError)


@dataclass(frozen=True)
class TestRows:
    """The rows that judge: labels known, nobody who left; and which of their people no training row knows."""

    rows: ModellingRows
    new_people: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        return self.rows.labels["label"].to_numpy(dtype=np.int8)

    @property
    def person(self) -> np.ndarray:
        return self.rows.frame["person_key"].to_numpy()

    @property
    def keys(self) -> np.ndarray:
        return np.asarray(self.rows.frame["person_id"].astype(str) + "|" + self.rows.frame["index_event_id"].astype(str))


@dataclass(frozen=True)
class JudgedCandidate:
    """A trained candidate with everything that was found about it."""

    name: str
    method: str
    model: RiskModel
    risk: np.ndarray  # of the test rows
    every_risk: np.ndarray | None  # where folds judge: of every row read, the ones not at risk too
    evaluation: Evaluation
    new_people: Evaluation | None
    audit: pd.DataFrame
    gates: tuple[GateResult, ...]
    notes: tuple[str, ...]

    @property
    def eligible(self) -> bool:
        return eligible(self.gates)


@dataclass(frozen=True)
class StudyResult:
    """The candidates of a study, judged on the same rows."""

    candidates: tuple[JudgedCandidate, ...]
    test: TestRows
    train_rows: int
    train_events: int
    every_row: ModellingRows | None
    notes: tuple[str, ...]

    @property
    def chosen(self) -> JudgedCandidate | None:
        """Give the eligible candidate that discriminates best; of equals the first named."""
        able = [candidate for candidate in self.candidates if candidate.eligible and candidate.name != BASELINE]
        return max(able, key=lambda candidate: round(candidate.evaluation.value("auroc"), 6)) if able else None


def run_study(
    lake: Lake,
    study: StudySettings,
    engine: EngineSettings,
    dates: dict[str, tuple[date, ...]],
    data_cut: date,
    group_kinds: Sequence[str] = (),
    allowed_feeds: Sequence[str] | None = None,
) -> StudyResult:
    """Train and judge every candidate of a study; refusals of the models become RefusalErrors."""
    predictors, unread = offered_predictors(study.candidates, predictors_from_catalogue(read_catalogue(lake)))
    try:
        if study.validation.kind == "time":
            return _by_time(lake, study, engine, dates, data_cut, predictors, unread, allowed_feeds)
        return _by_folds(lake, study, engine, dates, predictors, unread, group_kinds, allowed_feeds)
    except REFUSALS as refusal:
        raise RefusalError(str(refusal)) from refusal


def _by_time(
    lake: Lake, study: StudySettings, engine: EngineSettings, dates: dict[str, tuple[date, ...]], data_cut: date,
    predictors: tuple[Predictor, ...], unread: Sequence[str], allowed_feeds: Sequence[str] | None,
) -> StudyResult:  # fmt: skip
    outcome = study.outcome
    split = time_split(dates["train"], dates["test"][0], outcome.horizon_days, outcome.maturity_days, data_cut)
    learned = [_learnable(read_modelling_rows(lake, [day], outcome.name, predictors, unread)) for day in split.train]
    data = _training_rows(learned, predictors)
    coded = with_chosen_codes(lake, data.frame, predictors, study.candidates, study.code_level, engine.threads, allowed_feeds)
    specs, notes = candidate_specs(study.candidates, coded.predictors)
    data = replace(data, frame=coded.frame, predictors=coded.predictors)
    tested = read_modelling_rows(lake, [split.test], outcome.name, predictors, unread)
    tested = tested.chosen(tested.at_risk & ~tested.left)
    columns = [predictor.column for predictor in coded.predictors if predictor.column is not None]
    tested = replace(tested, frame=with_code_columns(lake, tested.frame, columns, engine.threads))
    test = TestRows(tested, ~shared_people(data.person, tested.frame["person_key"].to_numpy()))
    folds = person_folds(data.person, study.validation.folds, study.seed)
    plan, alone = _plan(study, engine), single_feature_discrimination(data, study.seed)
    judged: list[JudgedCandidate] = []
    for spec in specs:
        trained = train_candidate(spec, data, folds, plan)
        risk = trained.model.predict(test.rows.frame)
        judged.append(_judged(study, test, data.events, alone, judged, spec, trained, risk, None, GROUP_KINDS))
    return StudyResult(tuple(judged), test, data.rows, data.events, None, notes)


def _by_folds(
    lake: Lake, study: StudySettings, engine: EngineSettings, dates: dict[str, tuple[date, ...]],
    predictors: tuple[Predictor, ...], unread: Sequence[str], group_kinds: Sequence[str], allowed_feeds: Sequence[str] | None,
) -> StudyResult:  # fmt: skip
    """Judge each row by models that never saw its person; rows not at risk weigh nothing, and are scored the same way."""
    every = read_modelling_rows(lake, None, study.outcome.name, predictors, unread)
    able = every.at_risk & ~every.left
    labels = every.labels["label"].where(able, 0).to_numpy(dtype=np.int8)
    weights = None if able.all() else able.astype(np.float64)
    coded = with_chosen_codes(
        lake, every.frame, predictors, study.candidates, study.code_level, engine.threads, allowed_feeds, able
    )
    specs, notes = candidate_specs(study.candidates, coded.predictors)
    every = replace(every, frame=coded.frame)
    data = training_data(every.frame, coded.predictors, labels, every.frame["person_key"].to_numpy(), weights)
    folds = person_folds(data.person, study.validation.folds, study.seed)
    plan, alone = _plan(study, engine, tune_in_folds=True), single_feature_discrimination(data, study.seed)
    test = TestRows(every.chosen(able), np.ones(int(able.sum()), dtype=bool))
    judged: list[JudgedCandidate] = []
    for spec in specs:
        trained = train_candidate(spec, data, folds, plan)
        risk = trained.out_of_fold_risk
        judged.append(_judged(study, test, data.events, alone, judged, spec, trained, risk[able], risk, group_kinds))
    return StudyResult(tuple(judged), test, int(able.sum()), data.events, every, notes)


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


def _plan(study: StudySettings, engine: EngineSettings, tune_in_folds: bool = False) -> TrainingPlan:
    return TrainingPlan(
        study.outcome.name, study.outcome.horizon_days, study.candidates, study.bands, study.seed, engine.threads, tune_in_folds
    )


def _judged(
    study: StudySettings, test: TestRows, events: int, alone: Mapping[str, Estimate], before: Sequence[JudgedCandidate],
    spec: CandidateSpec, trained: TrainedCandidate, risk: np.ndarray, every_risk: np.ndarray | None, group_kinds: Sequence[str],
) -> JudgedCandidate:  # fmt: skip
    """Evaluate, audit and gate a candidate on the rows that judge."""
    groups = audit_groups(test.rows.frame, group_kinds)
    shared = (study.capacity, study.seed, test.keys)
    baseline = next((candidate.risk for candidate in before if candidate.name == BASELINE), None)
    needs = need_columns(test.rows.frame, test.labels, test.rows.labels["death_date"].notna().to_numpy())
    judged = JudgedRows(risk, baseline, test.labels, test.person, groups, test.keys, needs)
    used = {predictor.name: alone[predictor.name] for predictor in trained.model.predictors if predictor.name in alone}
    gates = judge(judged, used, events, study.candidates.minimum_events, study.gates, study.capacity, study.seed)
    new = test.new_people
    return JudgedCandidate(
        spec.name,
        spec.method,
        trained.model,
        risk,
        every_risk,
        evaluate(risk, test.labels, test.person, *shared),
        _of_new_people(study, test, risk) if 0 < new.sum() < len(new) else None,
        audit(risk, test.labels, test.person, groups, *shared, needs),
        gates,
        trained.notes,
    )


def _of_new_people(study: StudySettings, test: TestRows, risk: np.ndarray) -> Evaluation | None:
    new = test.new_people
    labels = test.labels[new]
    if labels.sum() < 10:  # too few to say anything
        return None
    return evaluate(risk[new], labels, test.person[new], study.capacity, study.seed, test.keys[new])

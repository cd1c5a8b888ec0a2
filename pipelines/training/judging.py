"""Evaluate the models of a study on the same rows: how good and how fair they are, what their gates answer, and which is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from models.audit_groups import audit_groups
from models.candidates import BASELINE
from models.copied_periods import Copy, copied_period_gate
from models.evaluation import Evaluation, evaluate
from models.fairness import AuditedRows, audit
from models.gates import INCUMBENT_GATE, GateResult, JudgedRows, judge, label_of, no_gate_failed, worse_than_incumbent
from models.intervals import Estimate
from models.need_within_score import need_columns
from models.risk_model import RiskModel
from models.scored_rows import scored_rows
from pipelines.study.settings import StudySettings
from pipelines.training.modelling_rows import ModellingRows

FEWEST_EVENTS = 10  # of new people, below which they are not evaluated


@dataclass(frozen=True)
class TestRows:
    """The test rows: labels known and no leavers.

    `new_people` is the mask of the rows whose people have no training row. `copies` are features that copy another period's outcome.
    """

    rows: ModellingRows
    new_people: np.ndarray
    copies: tuple[Copy, ...] = ()

    @property
    def labels(self) -> np.ndarray:
        return self.rows.labels["label"].to_numpy(dtype=np.int8)

    @property
    def person(self) -> np.ndarray:
        return self.rows.frame["person_key"].to_numpy()

    @cached_property
    def keys(self) -> np.ndarray:
        return np.asarray(self.rows.frame["person_id"].astype(str) + "|" + self.rows.frame["index_event_id"].astype(str))


@dataclass(frozen=True)
class ScoredModel:
    """A model with the risks by which it is evaluated."""

    name: str
    method: str
    model: RiskModel
    risk: np.ndarray  # of the test rows
    every_risk: np.ndarray | None  # of the rows in StudyResult.cross_fitted, by models that never saw their person
    training_events: int
    notes: tuple[str, ...]
    tuning: pd.DataFrame | None = None


@dataclass(frozen=True)
class JudgedCandidate:
    """A trained candidate with its evaluation, audit and gates."""

    name: str
    method: str
    model: RiskModel
    risk: np.ndarray
    every_risk: np.ndarray | None
    evaluation: Evaluation
    new_people: Evaluation | None
    audit: pd.DataFrame
    gates: tuple[GateResult, ...]
    notes: tuple[str, ...]
    tuning: pd.DataFrame | None = None  # every trial, where it was tuned

    @property
    def eligible(self) -> bool:
        return no_gate_failed(self.gates)


@dataclass(frozen=True)
class JudgedIncumbent:
    """The model in use, evaluated like the candidates, or the reason why it cannot be compared with them."""

    version: str
    judged: JudgedCandidate | None
    reason: str = ""
    digest: str = ""

    def in_words(self) -> str:
        """Return how well the model in use does on the test rows, or why that is not known."""
        if self.judged is None:
            return f"In use: version {self.version}, which cannot be compared: {self.reason}."
        auroc = self.judged.evaluation.measures["auroc"]
        failed = [label_of(gate.gate) for gate in self.judged.gates if gate.answer == "fail"]
        gates = f"gates failed: {', '.join(failed)}" if failed else "no gate failed"
        return f"In use: version {self.version}, AUROC {auroc.value:.3f} ({auroc.lower:.3f} to {auroc.upper:.3f}) on the same rows; {gates}."

    def against(self, candidate: JudgedCandidate) -> JudgedCandidate:
        """Return a candidate with one more gate: whether it is worse than the model in use."""
        if self.judged is None:
            reason = f"version {self.version}, which is in use, cannot be compared: {self.reason}"
            return replace(candidate, gates=(*candidate.gates, GateResult(INCUMBENT_GATE, "cannot_tell", reason)))
        return replace(candidate, gates=(*candidate.gates, worse_than_incumbent(candidate.gates, self.judged.gates)))


@dataclass(frozen=True)
class StudyResult:
    """The candidates of a study, evaluated on the same rows.

    `cross_fitted` are the rows that both train and are scored, unless time separates them: their risks by models that never saw their person are
    stored. `elsewhere` holds audit rows (with columns candidate and split) of the recipe at other times and places (see
    pipelines.training.validation_plans).
    """

    candidates: tuple[JudgedCandidate, ...]
    test: TestRows
    train_rows: int
    train_events: int
    cross_fitted: pd.DataFrame | None
    notes: tuple[str, ...]
    incumbent: JudgedIncumbent | None = None
    elsewhere: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def chosen(self) -> JudgedCandidate | None:
        """Return the eligible candidate that discriminates best; of equals the first named."""
        return best_eligible(self.candidates)

    def elsewhere_of(self, candidate: JudgedCandidate) -> pd.DataFrame:
        """Return the rows of `elsewhere` of one candidate."""
        rows = self.elsewhere
        return rows[rows["candidate"] == candidate.name] if len(rows) else rows


def best_eligible(candidates: Sequence[JudgedCandidate], but: str = "") -> JudgedCandidate | None:
    """Return the eligible candidate that discriminates best, of equals the first named, without the baseline and one other."""
    able = [candidate for candidate in candidates if candidate.eligible and candidate.name not in (BASELINE, but)]
    return max(able, key=lambda candidate: round(candidate.evaluation.value("auroc"), 6)) if able else None


@dataclass(frozen=True)
class Evaluator:
    """Evaluates every model of a study in the same way: on the same rows, with the same groups and gates.

    `alone` is the AUROC of each predictor alone.
    """

    study: StudySettings
    test: TestRows
    alone: Mapping[str, Estimate]
    group_kinds: Sequence[str]

    def judge(self, scored: ScoredModel, candidates: Sequence[JudgedCandidate]) -> JudgedCandidate:
        """Evaluate, audit and gate a model on the test rows; the baseline, if there is one, is among the `candidates`."""
        study, test, risk = self.study, self.test, scored.risk
        groups = audit_groups(test.rows.frame, self.group_kinds)
        needs = need_columns(test.rows.frame, test.labels, test.rows.labels["death_date"].notna().to_numpy())
        ranked = scored_rows(risk, test.labels, test.person, test.keys)
        evaluation = evaluate(ranked, study.capacity, study.seed, teams=self._teams())
        return JudgedCandidate(
            scored.name,
            scored.method,
            scored.model,
            risk,
            scored.every_risk,
            evaluation,
            self._of_new_people(risk),
            audit(AuditedRows(ranked, groups, needs), study.capacity, study.seed, evaluation),
            self._gates(scored, candidates, groups, needs),
            scored.notes,
            scored.tuning,
        )

    def _gates(
        self, scored: ScoredModel, candidates: Sequence[JudgedCandidate], groups: pd.DataFrame, needs: pd.DataFrame
    ) -> tuple[GateResult, ...]:
        study, test = self.study, self.test
        baseline = next((candidate.risk for candidate in candidates if candidate.name == BASELINE), None)
        no_baseline = baseline is None and scored.name != BASELINE
        rows = JudgedRows(scored.risk, baseline, test.labels, test.person, groups, test.keys, needs, no_baseline)
        used = {
            predictor.name: self.alone[predictor.name] for predictor in scored.model.predictors if predictor.name in self.alone
        }
        gates = judge(
            rows, used, scored.training_events, study.candidates.minimum_events, study.gates_in_force, study.capacity, study.seed
        )
        return (*gates, copied_period_gate(test.copies, scored.model.predictors))

    def _teams(self) -> np.ndarray | None:
        """Return the team on whose list each test row is; None if the rows do not have it."""
        frame, team = self.test.rows.frame, self.study.capacity.team
        return frame[team].to_numpy(dtype=object) if team in frame and frame[team].notna().any() else None

    def _of_new_people(self, risk: np.ndarray) -> Evaluation | None:
        """Evaluate the test rows whose people trained no model; None if all or none are such, or too few have the outcome."""
        test, new = self.test, self.test.new_people
        labels = test.labels[new]
        if not 0 < new.sum() < len(new) or labels.sum() < FEWEST_EVENTS:
            return None
        rows = scored_rows(risk[new], labels, test.person[new], test.keys[new])
        return evaluate(rows, self.study.capacity, self.study.seed)

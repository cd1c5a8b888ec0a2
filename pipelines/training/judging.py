"""Judge the models of a study on the same rows: how good, how fair, what the gates say, and which one is chosen."""

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
from models.fairness import audit
from models.gates import GateResult, JudgedRows, eligible, judge, worse_than_incumbent
from models.intervals import Estimate
from models.need_within_score import need_columns
from models.risk_model import RiskModel
from models.scored_rows import scored_rows
from pipelines.study.settings import StudySettings
from pipelines.training.modelling_rows import ModellingRows


@dataclass(frozen=True)
class TestRows:
    """The rows that judge: labels known, nobody who left; which of their people no training row knows; what copies another period's outcome."""

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
    """A model with the risks by which it is judged."""

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
    """A trained candidate with everything that was found about it."""

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
        return eligible(self.gates)


@dataclass(frozen=True)
class JudgedIncumbent:
    """The model in use, judged as the candidates are; or the reason why it cannot be compared with them."""

    version: str
    judged: JudgedCandidate | None
    reason: str = ""
    digest: str = ""

    def in_words(self) -> str:
        """Say how well the model in use does on the rows that judge, or why nobody can say."""
        if self.judged is None:
            return f"In use: version {self.version}, which cannot be compared: {self.reason}."
        auroc = self.judged.evaluation.measures["auroc"]
        failed = [gate.gate for gate in self.judged.gates if gate.answer == "fail"]
        told = f"it fails {', '.join(failed)}" if failed else "it fails no gate"
        return f"In use: version {self.version}, AUROC {auroc.value:.3f} ({auroc.lower:.3f} to {auroc.upper:.3f}) on the same rows; {told}."

    def against(self, candidate: JudgedCandidate) -> JudgedCandidate:
        """Give a candidate with one gate more: whether it is worse than the model in use, which an approver weighs where nobody can tell."""
        if self.judged is None:
            words = f"version {self.version}, which is in use, cannot be compared: {self.reason}"
            return replace(candidate, gates=(*candidate.gates, GateResult("no_worse_than_incumbent", "cannot_tell", words)))
        return replace(candidate, gates=(*candidate.gates, worse_than_incumbent(candidate.gates, self.judged.gates)))


@dataclass(frozen=True)
class StudyResult:
    """The candidates of a study, judged on the same rows.

    `cross_fitted` are the rows that train and are scored as well, but where time divides them: their risks by models that never saw their
    person are kept. `elsewhere` holds audit rows (with columns candidate and split) of the recipe at other times and places; see pipelines.training.validation_plans.
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
        """Give the eligible candidate that discriminates best; of equals the first named."""
        return best_eligible(self.candidates)

    def elsewhere_of(self, candidate: JudgedCandidate) -> pd.DataFrame:
        """Give the rows of `elsewhere` that are of one candidate."""
        rows = self.elsewhere
        return rows[rows["candidate"] == candidate.name] if len(rows) else rows


def best_eligible(candidates: Sequence[JudgedCandidate], but: str = "") -> JudgedCandidate | None:
    """Give the eligible candidate that discriminates best, of equals the first named, leaving out the baseline and one other."""
    able = [candidate for candidate in candidates if candidate.eligible and candidate.name not in (BASELINE, but)]
    return max(able, key=lambda candidate: round(candidate.evaluation.value("auroc"), 6)) if able else None


def judged(
    study: StudySettings, test: TestRows, alone: Mapping[str, Estimate], before: Sequence[JudgedCandidate],
    scored: ScoredModel, group_kinds: Sequence[str],
) -> JudgedCandidate:  # fmt: skip
    """Evaluate, audit and gate a model on the rows that judge; `before` holds the baseline, `alone` what each predictor tells alone."""
    groups = audit_groups(test.rows.frame, group_kinds)
    shared = (study.capacity, study.seed, test.keys)
    risk = scored.risk
    baseline = next((candidate.risk for candidate in before if candidate.name == BASELINE), None)
    needs = need_columns(test.rows.frame, test.labels, test.rows.labels["death_date"].notna().to_numpy())
    no_baseline = baseline is None and scored.name != BASELINE
    rows = JudgedRows(risk, baseline, test.labels, test.person, groups, test.keys, needs, no_baseline)
    used = {predictor.name: alone[predictor.name] for predictor in scored.model.predictors if predictor.name in alone}
    gates = judge(
        rows, used, scored.training_events, study.candidates.minimum_events, study.gates_in_force, study.capacity, study.seed
    )
    gates = (*gates, copied_period_gate(test.copies, scored.model.predictors))
    new = test.new_people
    ranked = scored_rows(risk, test.labels, test.person, test.keys)
    evaluation = evaluate(ranked, study.capacity, study.seed, teams=_teams(study, test))
    return JudgedCandidate(
        scored.name,
        scored.method,
        scored.model,
        risk,
        scored.every_risk,
        evaluation,
        _of_new_people(study, test, risk) if 0 < new.sum() < len(new) else None,
        audit(risk, test.labels, test.person, groups, *shared, needs, evaluation),
        gates,
        scored.notes,
        scored.tuning,
    )


def _teams(study: StudySettings, test: TestRows) -> np.ndarray | None:
    """Give whose list each test row is on; None where the rows do not tell."""
    frame, team = test.rows.frame, study.capacity.team
    return frame[team].to_numpy(dtype=object) if team in frame and frame[team].notna().any() else None


def _of_new_people(study: StudySettings, test: TestRows, risk: np.ndarray) -> Evaluation | None:
    new = test.new_people
    labels = test.labels[new]
    if labels.sum() < 10:  # too few to say anything
        return None
    return evaluate(scored_rows(risk[new], labels, test.person[new], test.keys[new]), study.capacity, study.seed)

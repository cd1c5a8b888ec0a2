"""What a training leaves behind: runs and models in MLflow, the audit and the candidates in the lake."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from expectations.sql_values import quote
from expectations.tables import risk as tables
from models.gate_declaration import ANSWERS
from models.gates import label_of
from models.scored_rows import ScoredRows, scored_rows
from pipelines.lake.storage import Lake
from pipelines.study.settings import StudySettings
from pipelines.tracking.tracked_record import ModelFiles
from pipelines.training.audit_for_readers import store_audit_for_readers
from pipelines.training.inputs import TrainingInputs, cohort_flow
from pipelines.training.judging import JudgedCandidate, StudyResult
from pipelines.training.model_example import example_rows
from pipelines.training.tracked_runs import HEADLINE, candidate_run, describe_candidate, describe_study, saved_view, training_run

if TYPE_CHECKING:
    from pipelines.tracking.tracker import Tracker


class ModelReport(Protocol):
    """Write the report of one candidate, with what is known of the whole training beside it."""

    def __call__(
        self,
        study: StudySettings,
        result: StudyResult,
        candidate: JudgedCandidate,
        ranked: Mapping[str, ScoredRows],
        status: Mapping[str, str],
        made: TrainingInputs,
        flow: Sequence[tuple[str, int]],
    ) -> str: ...


def is_recorded(lake: Lake, training_id: str) -> bool:
    """Return whether a training was recorded to its end."""
    return bool(lake.read_or_empty(tables.MODELS, "training_id", f"training_id = {quote(training_id)}").num_rows)


def latest_training(lake: Lake, outcome: str) -> str:
    """Return the id of the training of an outcome that was recorded last, '' before the first."""
    rows = lake.read_or_empty(tables.MODELS, "training_id", f"outcome = {quote(outcome)}", "recorded_at DESC LIMIT 1")
    return str(rows["training_id"][0].as_py()) if rows.num_rows else ""


def record_training(
    lake: Lake, tracker: Tracker, study: StudySettings, result: StudyResult, inputs: TrainingInputs, report: ModelReport
) -> dict[str, object]:
    """Log every candidate, register the eligible ones and store what was found. The best eligible one becomes the challenger.

    An approval makes it champion when the next scoring begins (pipelines.training.promotion).
    """
    chosen = result.chosen
    status = {candidate.name: _status(candidate) for candidate in result.candidates}
    ranked = {candidate.name: _scored(candidate, result) for candidate in result.candidates}
    tags = inputs.tags(study)
    tracker.describe(study.name, describe_study(study), saved_view(study))
    parent = tracker.open_run(study.name, training_run(study, result, tags, ranked, status))
    sources = {name: (str(lake.folder(name)), version) for name, version in inputs.table_versions.items()}
    tracker.log_inputs(parent, study.name, sources)
    flow = cohort_flow(lake, inputs.dates["test"])
    runs, versions = {}, {}
    for candidate in result.candidates:
        page = report(study, result, candidate, ranked, status, inputs, flow)
        other = result.elsewhere_of(candidate)
        record = candidate_run(study, candidate, ranked[candidate.name], tags, status[candidate.name], page, other)
        runs[candidate.name] = tracker.open_run(study.name, record, parent)
        if candidate.eligible:
            versions[candidate.name] = _register(tracker, study, candidate, result, runs[candidate.name], inputs.training_id)
    if result.incumbent and result.incumbent.judged:
        _record_incumbent(tracker, study, result, result.incumbent.judged, tags, parent)
    tracker.challenge(study.name, versions[chosen.name] if chosen else None)
    _store(lake, study, result, inputs, runs, versions)
    return _summary(result)


def _summary(result: StudyResult) -> dict[str, object]:
    eligible, chosen = [candidate.name for candidate in result.candidates if candidate.eligible], result.chosen
    summary = {
        "candidates": len(result.candidates),
        "eligible": ", ".join(eligible) or "none",
        "chosen": chosen.name if chosen else "none",
    }
    return {**summary, "auroc": round(chosen.evaluation.value("auroc"), 4)} if chosen else summary


def _status(candidate: JudgedCandidate) -> str:
    return "eligible" if candidate.eligible else "candidate"


def _scored(candidate: JudgedCandidate, result: StudyResult) -> ScoredRows:
    return scored_rows(candidate.risk, result.test.labels, result.test.person, result.test.keys)


def _record_incumbent(
    tracker: Tracker, study: StudySettings, result: StudyResult, judged: JudgedCandidate, tags: Mapping[str, str], parent: str
) -> None:
    """Log the model in use as a run beside the candidates: the same measures on the same rows."""
    tracker.open_run(study.name, candidate_run(study, judged, _scored(judged, result), tags, "in use"), parent)


def _register(
    tracker: Tracker, study: StudySettings, candidate: JudgedCandidate, result: StudyResult, run_id: str, training_id: str
) -> str:
    example = example_rows(result.test.rows.frame, candidate.model.predictors)
    files = ModelFiles(candidate.name, candidate.model.to_files(), example, candidate.model.predict(example))
    tags = {"candidate": candidate.name, "digest": candidate.model.digest, "training_id": training_id, **_answers(candidate)}
    if "recalibrated" in candidate.model.record:
        tags["parent_version"] = candidate.model.record["recalibrated"]["parent_version"]
    return tracker.register(run_id, study.name, files, tags, describe_candidate(candidate, "eligible"))


def _answers(candidate: JudgedCandidate) -> dict[str, str]:
    """Return the labels of the gates by their answer: one tag for each answer that was given."""
    answers = sorted({gate.answer for gate in candidate.gates})
    return {
        f"gates {ANSWERS[answer]}": "; ".join(label_of(gate.gate) for gate in candidate.gates if gate.answer == answer)
        for answer in answers
    }


def _store(
    lake: Lake, study: StudySettings, result: StudyResult, inputs: TrainingInputs, runs: Mapping[str, str],
    versions: Mapping[str, str],
) -> None:  # fmt: skip
    """Store the audit, as it is and as it may leave, and the cross-fitted risks, then the candidates: a training counts once these are there."""
    partition = {"training_id": inputs.training_id}
    audits = [_audit_rows(study, candidate, versions.get(candidate.name)) for candidate in result.candidates]
    if result.incumbent and result.incumbent.judged:
        audits.append(_audit_rows(study, result.incumbent.judged, result.incumbent.version))
    if len(result.elsewhere):
        audits.append(result.elsewhere.assign(outcome=study.outcome.name, model_version=None))
    lake.write(tables.MODEL_AUDIT, pd.concat(audits, ignore_index=True), partition)
    store_audit_for_readers(lake, inputs.training_id)
    if result.cross_fitted is not None and result.chosen is not None:
        keys = result.cross_fitted[["person_id", "index_event_id"]].astype(str)
        risks = keys.assign(risk=result.chosen.every_risk).dropna().sort_values(["person_id", "index_event_id"])
        lake.write(tables.CROSS_FITTED, risks, partition)
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    rows = [
        _model_row(study, candidate, inputs, runs[candidate.name], versions.get(candidate.name), now)
        for candidate in result.candidates
    ]
    lake.append(tables.MODELS, rows)


def _audit_rows(study: StudySettings, candidate: JudgedCandidate, version: str | None) -> pd.DataFrame:
    return candidate.audit.assign(outcome=study.outcome.name, candidate=candidate.name, model_version=version, split="test")


def _model_row(
    study: StudySettings,
    candidate: JudgedCandidate,
    inputs: TrainingInputs,
    run_id: str,
    version: str | None,
    recorded_at: str,
) -> dict[str, object]:
    made_of = {"dates": inputs.dates, "table_versions": inputs.table_versions, "code_version": inputs.code_version}
    return {
        "training_id": inputs.training_id,
        "outcome": study.outcome.name,
        "candidate": candidate.name,
        "recorded_at": recorded_at,
        "model_digest": candidate.model.digest,
        "mlflow_run_id": run_id,
        "model_version": version,
        **{name: _finite(candidate.evaluation.value(name)) for name in HEADLINE},
        "eligible": candidate.eligible,
        "gates": json.dumps([{"gate": gate.gate, "answer": gate.answer, "reason": gate.reason} for gate in candidate.gates]),
        "status": _status(candidate),
        "approved_by_role": None,
        "approval_reason": None,
        "approval_date": None,
        "inputs": json.dumps(made_of, sort_keys=True, default=str),
    }


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

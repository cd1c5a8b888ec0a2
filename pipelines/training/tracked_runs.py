"""What a reader of MLflow sees of a training: its runs with their tags, plots and tables, descriptions, a saved view of the runs.

The tags that all runs of a training share are `TrainingInputs.tags` in `inputs.py`. `pipelines/tracking/tracker.py` writes them.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from models.capacity import decision_curve, share_name
from models.gate_declaration import ANSWERS
from models.gates import label_of, lines_of, undecided_gates
from models.plots import calibration_figure, precision_recall_figure, quintile_figure, roc_figure
from models.sample_size import SampleSize, sample_size
from models.scored_rows import ScoredRows
from pipelines.study.settings import StudySettings
from pipelines.tracking.tracked_record import Record
from pipelines.training.judging import JudgedCandidate, StudyResult

HEADLINE = ("auroc", "average_precision", "brier", "calibration_slope", "observed_over_expected")
VIEW_NAME = "Trainings and their candidates"
THRESHOLDS = tuple(np.round(np.arange(0.01, 0.51, 0.01), 2))
TUNED = {"logistic": "tuned_prior_variance", "lightgbm": "tuned_trees"}


def training_run(
    study: StudySettings,
    result: StudyResult,
    tags: Mapping[str, str],
    ranked: Mapping[str, ScoredRows],
    status: Mapping[str, str],
) -> Record:
    """Return the run of a training: its candidates side by side, and the chosen one's measures."""
    comparison = pd.DataFrame(
        [
            {"candidate": candidate.name, **_headline(candidate), "status": status[candidate.name]}
            for candidate in result.candidates
        ]
    )
    rows = {"train_rows": result.train_rows, "train_events": result.train_events, "test_rows": len(result.test.labels)}
    chosen = result.chosen
    return Record(
        name=f"training {tags['strata.training_id'][:8]}",
        description=describe_training(study, result, status),
        params={
            "outcome": study.outcome.name,
            "horizon_days": study.outcome.horizon_days,
            "validation": study.validation.kind,
            "imd_edition": study.imd_edition,
            "seed": study.seed,
            "chosen": chosen.name if chosen else "none",
        },
        metrics={**rows, **_compared(study, chosen)},
        tags={**tags, "strata.kind": "training", "strata.status": status[chosen.name] if chosen else "nothing eligible"},
        figures={
            "roc": roc_figure(ranked, "ROC: candidates on the same rows"),
            "precision_recall": precision_recall_figure(ranked, "Precision and recall: candidates on the same rows"),
        },
        tables={"candidates": comparison},
        texts={"notes.txt": "\n".join(result.notes) or "No notes."},
    )


def candidate_run(
    study: StudySettings,
    candidate: JudgedCandidate,
    rows: ScoredRows,
    tags: Mapping[str, str],
    status: str,
    report: str | None = None,
    elsewhere: pd.DataFrame | None = None,
) -> Record:
    """Return the run of a candidate: how it was made, how good and how fair it is, and what its gates say."""
    gates = {f"strata.gate.{gate.gate}": ANSWERS[gate.answer] for gate in candidate.gates}
    return Record(
        name=candidate.name,
        description=describe_candidate(candidate, status),
        params=_params(candidate),
        metrics={**metrics_of(candidate), **_elsewhere(elsewhere), "people_needed": _sample_size(candidate).needed},
        tags={
            **tags,
            **gates,
            "strata.kind": "candidate",
            "strata.candidate": candidate.name,
            "strata.gates_failed": "; ".join(label_of(gate.gate) for gate in candidate.gates if gate.answer == "fail") or "none",
            "strata.sample_size": "enough" if _sample_size(candidate).enough else "too few",
            "strata.status": status,
        },
        figures=_figures(study, candidate, rows),
        tables={
            "audit": candidate.audit,
            "decision_curve": decision_curve(rows, THRESHOLDS),
            **({"tuning": candidate.tuning} if candidate.tuning is not None else {}),
            **({"by_time_and_place": elsewhere} if elsewhere is not None and len(elsewhere) else {}),
        },
        texts={
            **({"model_report.html": report} if report else {}),
            "gates.txt": _gates_text(candidate),
            "sample_size.txt": _sample_size(candidate).describe(candidate.method),
        },
    )


def metrics_of(candidate: JudgedCandidate) -> dict[str, float]:
    """Return a candidate's metrics; the part of a name before the slash is a section of MLflow's page of charts."""
    named = {_sectioned(name): value for name, value in candidate.evaluation.as_metrics().items()}
    if candidate.new_people:
        named |= {f"new_people/{name}": value for name, value in candidate.new_people.as_metrics().items()}
    audit = candidate.audit
    shown = audit["metric"].isin(["auroc", "observed_over_expected", "base_rate"]) & audit["value"].notna()
    rows = audit[(audit["group_kind"] == "imd_quintile") & shown].to_dict("records")
    return named | {f"imd_quintile_{row['group_name']}/{row['metric']}": row["value"] for row in rows}


def _elsewhere(rows: pd.DataFrame | None) -> dict[str, float]:
    """Return the metrics of a recipe at other times and places, such as place_U12345/auroc."""
    if rows is None or rows.empty:
        return {}
    shown = rows[rows["metric"].isin(HEADLINE) & rows["value"].notna()].to_dict("records")
    return {f"{str(row['split']).replace(':', '_')}/{row['metric']}": float(row["value"]) for row in shown}


def _sectioned(name: str) -> str:
    if name.endswith(("_lower", "_upper")):
        return f"limits/{name}"
    return f"capacity/{name}" if "_top_" in name else name


def _headline(candidate: JudgedCandidate) -> dict[str, float]:
    return {name: candidate.evaluation.value(name) for name in HEADLINE}


def _compared(study: StudySettings, candidate: JudgedCandidate | None) -> dict[str, float]:
    """Return the metrics by which candidates, and trainings by their chosen one, are compared."""
    known = metrics_of(candidate) if candidate else {}
    return {name: known[name] for name in _shown(study) if name in known}


def _shown(study: StudySettings) -> tuple[str, ...]:
    share = share_name(study.capacity.deciding_share)
    return (*HEADLINE, f"capacity/sensitivity_{share}", f"capacity/ppv_{share}", "events")


def _params(candidate: JudgedCandidate) -> dict[str, object]:
    record = candidate.model.record
    return {
        "method": candidate.method,
        "predictors": len(candidate.model.predictors),
        "training_rows": record["rows"],
        "training_people": record["people"],
        "training_events": record["events"],
        TUNED[candidate.method]: record["main"]["tuned"],
        "calibration": record["main"]["calibration"],
        "estimator_without_gp": record["without_gp"] is not None,
    }


def _figures(study: StudySettings, candidate: JudgedCandidate, rows: ScoredRows) -> dict[str, Figure]:
    one = {candidate.name: rows}
    figures = {
        "roc": roc_figure(one, f"ROC: {candidate.name}"),
        "precision_recall": precision_recall_figure(one, f"Precision and recall: {candidate.name}"),
        "calibration": calibration_figure(rows, f"Calibration: {candidate.name}"),
    }
    if (candidate.audit["group_kind"] == "imd_quintile").any():
        title = f"By deprivation quintile: {candidate.name}"
        figures["by_imd_quintile"] = quintile_figure(candidate.audit, study.capacity.deciding_share, title)
    return figures


def _gates_text(candidate: JudgedCandidate) -> str:
    lines = [f"{line.text}\n  {line.explanation}" for line in lines_of(candidate.gates)]
    return "\n".join([*lines, "", _open_gates(candidate), *candidate.notes])


def _open_gates(candidate: JudgedCandidate) -> str:
    open_gates = [label_of(name) for name in undecided_gates(candidate.gates)]
    if not open_gates:
        return "No gate needs an approver beyond the usual one."
    return f"Gates without enough data to decide, which need an approver's decision: {'; '.join(open_gates)}."


def _sample_size(candidate: JudgedCandidate) -> SampleSize:
    record = candidate.model.record
    events = min(record["events"], record["people"] - 1)
    return sample_size(len(candidate.model.predictors), record["people"], events)


def describe_training(study: StudySettings, result: StudyResult, status: Mapping[str, str]) -> str:
    """Describe a training: what was predicted, and its candidates side by side."""
    head = f"`{study.outcome.name}` within {study.outcome.horizon_days} days; {len(result.test.labels):,} rows that trained no candidate."
    lines = ["candidate", *(name.replace("_", " ") for name in HEADLINE), "status"]
    rows = [
        [candidate.name, *(f"{candidate.evaluation.value(name):.3f}" for name in HEADLINE), status[candidate.name]]
        for candidate in result.candidates
    ]
    used = [result.incumbent.in_words()] if result.incumbent else []
    return "\n\n".join([head, _markdown([lines, *rows]), *used, *result.notes])


def describe_candidate(candidate: JudgedCandidate, status: str) -> str:
    """Describe a candidate: how well it discriminates, its gates with their reasons, and what an approver has to decide."""
    auroc = candidate.evaluation.measures["auroc"]
    head = f"{status.capitalize()}: AUROC {auroc.value:.3f} ({auroc.lower:.3f} to {auroc.upper:.3f}), {candidate.evaluation.events:,} events."
    gates = [["gate", "answer", "reason"], *([line.label, line.answer, line.reason] for line in lines_of(candidate.gates))]
    return "\n\n".join([head, _markdown(gates), _open_gates(candidate), *candidate.notes])


def describe_study(study: StudySettings) -> str:
    """Describe an experiment: what its runs are."""
    return (
        f"Study of `{study.outcome.name}` within {study.outcome.horizon_days} days. One run for each training; open it with + for its "
        "candidates. Limits are 95% intervals; *capacity* is what the top of the list finds; *new people* trained no candidate."
    )


def saved_view(study: StudySettings) -> str:
    """Return the state of a saved view of MLflow's runs page: the measures that compare candidates, as columns."""
    columns = ["tags.`strata.status`", *(f"metrics.`{name}`" for name in _shown(study)), "params.`predictors`"]
    state = {"orderByKey": "attributes.start_time", "orderByAsc": False, "selectedColumns": columns}
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return json.dumps({"name": VIEW_NAME, "createdAt": 0, "updatedAt": 0, "state": f"deflate;{packed}"})


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join([head, f"|{'---|' * len(rows[0])}", *body])

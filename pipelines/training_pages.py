"""What a reader of MLflow sees of a training: descriptions in Markdown, names of metrics, a saved view of the runs."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.capacity import share_name
from models.gates import undecided
from pipelines.settings import StudySettings

if TYPE_CHECKING:
    from pipelines.train import JudgedCandidate, StudyResult

HEADLINE = ("auroc", "average_precision", "brier", "calibration_slope", "observed_over_expected")
VIEW_NAME = "Trainings and their candidates"


def metrics_of(candidate: JudgedCandidate) -> dict[str, float]:
    """Give a candidate's metrics; what stands before the slash is a section of MLflow's page of charts."""
    named = {_sectioned(name): value for name, value in candidate.evaluation.as_metrics().items()}
    if candidate.new_people:
        named |= {f"new_people/{name}": value for name, value in candidate.new_people.as_metrics().items()}
    audit = candidate.audit
    shown = audit["metric"].isin(["auroc", "observed_over_expected", "base_rate"]) & audit["value"].notna()
    rows = audit[(audit["group_kind"] == "imd_quintile") & shown].to_dict("records")
    return named | {f"imd_quintile_{row['group_name']}/{row['metric']}": row["value"] for row in rows}


def _sectioned(name: str) -> str:
    if name.endswith(("_lower", "_upper")):
        return f"limits/{name}"
    return f"capacity/{name}" if "_top_" in name else name


def describe_training(study: StudySettings, result: StudyResult, status: Mapping[str, str]) -> str:
    """Describe a training: what was predicted, and its candidates side by side."""
    head = f"`{study.outcome.name}` within {study.outcome.horizon_days} days; {len(result.test.labels):,} rows that trained no candidate."
    lines = ["candidate", *(name.replace("_", " ") for name in HEADLINE), "status"]
    rows = [
        [candidate.name, *(f"{candidate.evaluation.value(name):.3f}" for name in HEADLINE), status[candidate.name]]
        for candidate in result.candidates
    ]
    return "\n\n".join([head, _markdown([lines, *rows]), *result.notes])


def describe_candidate(candidate: JudgedCandidate, status: str) -> str:
    """Describe a candidate: how well it discriminates, its gates with their reasons, and who has to decide what is open."""
    auroc = candidate.evaluation.measures["auroc"]
    head = f"**{status}**: AUROC {auroc.value:.3f} ({auroc.lower:.3f} to {auroc.upper:.3f}), {candidate.evaluation.events:,} events."
    gates = [["gate", "answer", "reason"], *([gate.gate, gate.answer, gate.reason] for gate in candidate.gates)]
    needs = undecided(candidate.gates)
    closing = f"Gates that need an approver: {', '.join(needs)}." if needs else "No gate needs an approver beyond the usual one."
    return "\n\n".join([head, _markdown(gates), closing, *candidate.notes])


def describe_study(study: StudySettings) -> str:
    """Describe an experiment: what its runs are."""
    return (
        f"Study of `{study.outcome.name}` within {study.outcome.horizon_days} days. One run for each training; open it with + for its "
        "candidates. Limits are 95% intervals; *capacity* is what the top of the list finds; *new people* trained no candidate."
    )


def saved_view(study: StudySettings) -> str:
    """Give the state of a saved view of MLflow's runs page: the measures that compare candidates, as columns."""
    share = share_name(study.capacity.deciding_share)
    metrics = [*HEADLINE, f"capacity/sensitivity_{share}", f"capacity/ppv_{share}", "events"]
    columns = ["tags.`strata.status`", *(f"metrics.`{name}`" for name in metrics), "params.`predictors`"]
    state = {"orderByKey": "attributes.start_time", "orderByAsc": False, "selectedColumns": columns}
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return json.dumps({"name": VIEW_NAME, "createdAt": 0, "updatedAt": 0, "state": f"deflate;{packed}"})


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join([head, f"|{'---|' * len(rows[0])}", *body])

"""The part of a summary about the latest training: the candidates, the champion, and why others may not be used."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType

from expectations.sql_values import quote
from expectations.tables import risk
from models.gates import label_of, line_of
from pipelines.lake.decision_record import waivers_of
from pipelines.lake.storage import Lake
from pipelines.reports.labels import label
from pipelines.reports.terminal import item, paragraph, section, table, whole_line

LONGEST_REASON = 260
COLUMNS = {
    "candidate": "Candidate",
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "brier": "Brier score",
    "calibration_slope": "Calibration slope",
    "observed_over_expected": "Observed over expected",
    "status": "Status",
}


def model_lines(lake: Lake, outcome: str) -> Iterator[RenderableType]:
    """Yield the candidates of an outcome's latest training with their measures, and what the gates say of them."""
    rows = _latest_training(lake, outcome)
    if not rows:
        return
    yield section(f"Candidates for '{outcome}', on rows that trained none of them")
    yield table([{**row, "candidate": label(row["candidate"])} for row in rows], COLUMNS)
    for row in rows:
        yield from _candidate_lines(lake, row)
    if any(row["eligible"] for row in rows) and not any(row["status"] == "champion" for row in rows):
        yield paragraph(
            "No candidate of this training became champion, and a model in use stays. An approval makes one model champion. Read the "
            "report of the best candidate (alias challenger), then record its approval:"
        )
        yield whole_line("  strata decide CONFIG approval 'STUDY version N' --role ROLE --reason WHY")


def _latest_training(lake: Lake, outcome: str) -> list[dict[str, Any]]:
    rows = lake.read_or_empty(risk.MODELS, where=f"outcome = {quote(outcome)}", order="recorded_at").to_pylist()
    return [row for row in rows if row["training_id"] == rows[-1]["training_id"]]


def _candidate_lines(lake: Lake, row: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Yield the gates that a champion did not pass, or those that keep a candidate from use, with their waivers."""
    gates = [line_of(**gate) for gate in json.loads(str(row["gates"])) if gate["answer"] != "pass"]
    if row["status"] == "champion":
        approval = f"approved by: {row['approved_by_role']} ({row['approval_reason']})"
        yield paragraph(f"Champion: {label(row['candidate'])}, version {row['model_version']}, {approval}.")
    elif not row["eligible"]:
        yield paragraph(f"Not eligible: {label(row['candidate'])}.")
        gates = [gate for gate in gates if gate.token == "fail"]
    else:
        return
    yield from (item(_shortened(gate.text)) for gate in gates)
    for gate, waiver in waivers_of(lake, str(row["model_digest"])).items():
        yield item(f"Waived until {waiver.expires}: {label_of(gate)}, by {waiver.role} ({waiver.reason}).")


def _shortened(reason: str) -> str:
    """Return a gate's reason, without the parts of it that a terminal has no room for; the model report has them all."""
    if len(reason) <= LONGEST_REASON:
        return reason
    whole, _, _ = reason[:LONGEST_REASON].rpartition("; ")
    return f"{whole or reason[:LONGEST_REASON]}; see the model report for the rest"

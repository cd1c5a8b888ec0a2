"""The monitoring page: one file, with counts and figures under disclosure control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake
from pipelines.lake.whole_files import write_whole
from pipelines.reports.labels import label
from pipelines.reports.monitoring.alert_part import alert_part
from pipelines.reports.monitoring.code_list_part import code_list_part
from pipelines.reports.monitoring.cost_part import cost_part
from pipelines.reports.monitoring.drift_part import drift_part
from pipelines.reports.monitoring.list_part import list_part
from pipelines.reports.monitoring.matured_part import matured_part
from pipelines.reports.monitoring.register_part import register_part
from pipelines.reports.monitoring.unit_part import unit_part
from pipelines.reports.monitoring.volume_part import volume_part
from pipelines.reports.numbers import NOT_COMPUTED
from pipelines.reports.pages import render


def write_monitoring_page(lake: Lake, file: Path, deployment: str, outcomes: Sequence[str], today: date) -> Path:
    """Write the page from the monitoring tables and return its path."""
    return write_whole(file, monitoring_page(lake, deployment, outcomes, today))


def monitoring_page(lake: Lake, deployment: str, outcomes: Sequence[str], today: date) -> str:
    """Return the page as HTML."""
    parts = [_outcome(lake, outcome, number) for number, outcome in enumerate(outcomes)]
    return render(
        "monitoring.html",
        deployment=deployment,
        today=str(today),
        alerts=alert_part(lake, today),
        volumes=volume_part(lake),
        code_lists=code_list_part(lake),
        registers=register_part(lake),
        units=unit_part(lake),
        outcomes=parts,
        costs=cost_part(lake),
        summary=[_summary(part) for part in parts],
    )


def _outcome(lake: Lake, outcome: str, number: int) -> dict[str, Any]:
    runs = published_runs(lake, outcome)
    latest = runs[-1] if runs else None
    drift = drift_part(lake, str(latest["model_name"]), str(number)) if latest else None
    return {
        "number": number,
        "name": label(outcome),
        "run": str(latest["run_id"]) if latest else "",
        "index_date": str(latest["index_date"]) if latest else "",
        "published": str(latest["recorded_at"])[:10] if latest else "",
        "model": str(latest["model_version"]) if latest else "",
        "drift": drift,
        "lists": list_part(lake, runs, str(number)),
        "matured": matured_part(lake, runs, str(number)),
    }


def _summary(outcome: Mapping[str, Any]) -> dict[str, str]:
    """Return the figures of an outcome that the reader needs first."""
    drift, lists, matured = outcome["drift"], outcome["lists"], outcome["matured"]
    return {
        "outcome": outcome["name"],
        "published": f"{outcome['published']}, index date {outcome['index_date']}" if outcome["run"] else "none",
        "features": drift["counts"] if drift else NOT_COMPUTED,
        "turnover": lists["new"] if lists else NOT_COMPUTED,
        "matured": matured["latest"] if matured else NOT_COMPUTED,
    }

"""Write the monitoring page: everything inside it, nothing fetched, only what may leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake
from pipelines.reports.monitoring.alert_part import alert_part
from pipelines.reports.monitoring.cost_part import cost_part
from pipelines.reports.monitoring.drift_part import drift_part
from pipelines.reports.monitoring.list_part import list_part
from pipelines.reports.monitoring.matured_part import matured_part
from pipelines.reports.monitoring.volume_part import volume_part
from pipelines.reports.template import template
from pipelines.reports.words import NOT_COMPUTED


def write_monitoring_page(lake: Lake, file: Path, deployment: str, outcomes: Sequence[str], today: date) -> Path:
    """Write the page from the monitoring tables there are and give its path."""
    draft = file.with_name(f".{file.name}")
    file.parent.mkdir(parents=True, exist_ok=True)
    draft.write_text(monitoring_page(lake, deployment, outcomes, today), encoding="utf-8")
    return draft.replace(file)  # whoever reads it meanwhile sees a whole page


def monitoring_page(lake: Lake, deployment: str, outcomes: Sequence[str], today: date) -> str:
    """Give the page as HTML."""
    alerts, told = alert_part(lake, today), [_outcome(lake, outcome, number) for number, outcome in enumerate(outcomes)]
    return template("monitoring/page.html").render(
        deployment=deployment, today=str(today), alerts=alerts, volumes=volume_part(lake), outcomes=told, costs=cost_part(lake),
        summary=[_summary(outcome) for outcome in told],
    )  # fmt: skip


def _outcome(lake: Lake, outcome: str, number: int) -> dict[str, Any]:
    runs = published_runs(lake, outcome)
    latest = runs[-1] if runs else None
    drift = drift_part(lake, str(latest["model_name"]), str(number)) if latest else None
    return {
        "number": number,
        "name": outcome.replace("_", " "),
        "run": str(latest["run_id"]) if latest else "",
        "index_date": str(latest["index_date"]) if latest else "",
        "published": str(latest["recorded_at"])[:10] if latest else "",
        "model": str(latest["model_version"]) if latest else "",
        "drift": drift,
        "lists": list_part(lake, runs, str(number)),
        "matured": matured_part(lake, runs, str(number)),
    }


def _summary(outcome: Mapping[str, Any]) -> dict[str, str]:
    """Give the figures of an outcome that a reader wants first."""
    drift, lists, matured = outcome["drift"], outcome["lists"], outcome["matured"]
    return {
        "outcome": outcome["name"],
        "published": f"{outcome['published']}, index date {outcome['index_date']}" if outcome["run"] else "none",
        "features": drift["counts"] if drift else NOT_COMPUTED,
        "turnover": lists["new"] if lists else NOT_COMPUTED,
        "matured": matured["latest"] if matured else NOT_COMPUTED,
    }

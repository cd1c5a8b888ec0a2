"""What a command prints at its end: summaries of the stored tables, with counts and figures and no person."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType

from expectations.sql_values import quote
from expectations.tables import core, risk
from pipelines.reports.data_lines import absent_lines, cohort_lines, extract_lines, feature_lines, quarantine_lines, warning_lines
from pipelines.reports.equity_lines import inequality_lines
from pipelines.reports.model_lines import model_lines
from pipelines.reports.run_lines import run_lines
from pipelines.reports.terminal import item, paragraph, section, title, whole_line
from pipelines.run.deployment import Deployment
from pipelines.validation.defects import count_defects, describe_defects


def closing_summary(deployment: Deployment, seconds: float) -> RenderableType:
    """Return what a run did, and where to look next."""
    lake, study = deployment.lake, deployment.settings.study
    outcomes = [one.outcome.name for one in study.each]
    return Group(
        title(f"Strata: '{deployment.settings.deployment}' finished in {seconds:,.0f} s"),
        *cohort_lines(deployment),
        *absent_lines(deployment),
        *quarantine_lines(lake),
        *warning_lines(lake),
        *feature_lines(deployment),
        *(line for outcome in outcomes for line in model_lines(lake, outcome)),
        *(line for outcome in outcomes for line in inequality_lines(lake, outcome)),
        *(line for outcome in outcomes for line in run_lines(deployment, outcome)),
        *_next_steps(deployment),
    )


def extract_summary(deployment: Deployment) -> RenderableType:
    """Return what ingest and validation found."""
    lake = deployment.lake
    return Group(
        title(f"Extracts of '{deployment.settings.deployment}'"),
        *extract_lines(lake),
        *absent_lines(deployment, with_reference=False),
        *quarantine_lines(lake),
        *warning_lines(lake),
        section("Where to look next"),
        *_place("keys of the rows", str(lake.folder(core.QUARANTINE.name))),
        *_place("data quality", str(deployment.reports / "validation.html")),
    )


def defect_summary(deployment: Deployment) -> RenderableType:
    """Return how many planted defects of synthetic data were found, missed and falsely raised."""
    with deployment.duckdb() as con:
        counts = count_defects(deployment.lake, con, deployment.landing)
    lines = describe_defects(counts).splitlines()
    return Group(title("Planted defects: found, missed and falsely raised"), *map(whole_line, lines))


def _next_steps(deployment: Deployment) -> Iterator[RenderableType]:
    yield section("Where to look next")
    yield from _place("data quality", str(deployment.reports / "validation.html"))
    if (monitoring := deployment.reports / "monitoring.html").is_file():
        yield from _place("monitoring", str(monitoring))
    for page in _model_reports(deployment):
        yield from _place("model report", page)
    yield from _place("tables", str(deployment.lake.root))
    config = str(deployment.config) if deployment.config else "CONFIG"
    yield from _place("a practice's page and CSV", f".venv/bin/strata caseload {config} --practice CODE")
    yield from _place("models and runs", f"make ui CONFIG={config}" if deployment.config else "make ui")
    yield paragraph("then http://127.0.0.1:5000 (MLflow) and http://127.0.0.1:3000 (Dagster)", indent=4)


def _place(name: str, where: str) -> Iterator[RenderableType]:
    """Yield a name, and below it a path or command on one unbroken line, which can be copied."""
    yield item(f"{name}:")
    yield whole_line(f"    {where}")


def _model_reports(deployment: Deployment) -> Iterator[str]:
    """Yield the report of each outcome's champion; the reports of other candidates are artifacts of their MLflow runs."""
    lake = deployment.lake
    for study in deployment.settings.study.each:
        where = f"outcome = {quote(study.outcome.name)} AND status = 'champion'"
        runs = lake.read_or_empty(risk.MODELS, "mlflow_run_id", where, "recorded_at DESC LIMIT 1")["mlflow_run_id"].to_pylist()
        for run in runs:
            page = deployment.home / "mlartifacts" / str(run) / "artifacts" / "model_report.html"
            if page.is_file():
                yield str(page)

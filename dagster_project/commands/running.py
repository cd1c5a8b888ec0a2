"""Commands that run the pipeline or a part of it."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from dagster_project.commands.deployment_command import Config, day_of, deployment_of, show_facts

if TYPE_CHECKING:
    from pipelines.run.deployment import Deployment


def run(config: Config) -> None:
    """Run the whole pipeline and print the closing summary."""
    with deployment_of(config) as deployment:
        _execute_and_summarise(deployment, "whole_pipeline")


def check_extract(config: Config) -> None:
    """Ingest and validate the extracts, and print the rows that were set aside."""
    with deployment_of(config) as deployment:
        from pipelines.reports.command_summaries import extract_summary
        from pipelines.reports.terminal import show

        _execute(deployment, "check_extract")
        show(extract_summary(deployment))


def score(config: Config) -> None:
    """Score the scoring date with the champion and print the closing summary."""
    with deployment_of(config) as deployment:
        _execute_and_summarise(deployment, "score_only")


def recalibrate(config: Config) -> None:
    """Fit the champion's calibration again on the latest matured date, for use once it passes the gates and is approved."""
    with deployment_of(config) as deployment, deployment.alone():
        from pipelines.stages import preparation, recalibrating

        preparation.prepare(deployment)
        show_facts(recalibrating.recalibrate(deployment).summary)


def backfill(
    config: Config,
    first: Annotated[str, typer.Argument(help="The index date of the first month, such as 2024-01-01.")],
    last: Annotated[str | None, typer.Argument(help="The index date of the last month, by default the first.")] = None,
) -> None:
    """Build features and labels of the first day of each month, from the core tables there are."""
    with deployment_of(config) as deployment:
        from pipelines.stages import run_plan

        run_plan.refuse_backfill(deployment)
        days = run_plan.month_starts(day_of(first), day_of(last or first))
        _execute(deployment, "index_dates", days)
        show_facts({"index dates built": len(days), "first": days[0], "last": days[-1]})


def defects(config: Config) -> None:
    """Print how many planted defects of synthetic data were found, missed and falsely raised."""
    with deployment_of(config) as deployment:
        from pipelines.reports.command_summaries import defect_summary
        from pipelines.reports.terminal import show

        _execute(deployment, "check_extract")
        show(defect_summary(deployment))


def _execute_and_summarise(deployment: Deployment, job: str) -> None:
    """Execute a job and print the closing summary; end with exit code 1 where one of several studies was refused."""
    from dagster_project.headless import say
    from pipelines.reports.command_summaries import closing_summary
    from pipelines.reports.terminal import show

    started = time.perf_counter()
    refusals = _execute(deployment, job)
    show(closing_summary(deployment, time.perf_counter() - started))
    for message in refusals:
        say(f"\nRefused, while the other studies continued: {message}")
    if refusals:
        raise typer.Exit(1)


def _execute(deployment: Deployment, job: str, index_dates: tuple[date, ...] = ()) -> list[str]:
    """Execute a job for some index dates, or for those of the plan; return the checks that failed and stopped nothing."""
    from dagster_project.assembly import build
    from dagster_project.headless import end_killed_runs, open_instance, run_job, say
    from dagster_project.partitions import add_index_dates
    from dagster_project.resources import chosen_config
    from pipelines.stages import preparation, run_plan

    with deployment.alone():
        preparation.prepare(deployment)
        with open_instance(deployment.home) as instance:
            end_killed_runs(instance)
            plan = run_plan.whole_plan(deployment)
            planned = plan["score"] if job == "score_only" else tuple(day for days in plan.values() for day in days)
            say(f"Strata: {job.replace('_', ' ')} of '{deployment.settings.deployment}', writing to {deployment.home}")
            definitions = build(chosen_config())
            tags, log = add_index_dates(instance, index_dates or planned), deployment.reports / "last_error.log"
            return run_job(definitions.resolve_job_def(job), instance, tags, log)

"""Commands that show results: caseload pages, the evidence of one person and the web pages."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Annotated

import typer

from dagster_project.commands.deployment_command import Config, PersonId, day_of, deployment_of, show_facts


def caseload(
    config: Config,
    practice: Annotated[str | None, typer.Option(help="The code of the practice or neighbourhood, by default every one.")] = None,
) -> None:
    """Write the current caseload of a practice, or of every place, as a page to print and a CSV file."""
    with deployment_of(config) as deployment:
        from pipelines.stages import caseloads

        show_facts(caseloads.write_pages(deployment, practice).summary)


def why(
    config: Config,
    person_id: PersonId,
    index_date: Annotated[str, typer.Argument(help="The day that the features look back from, such as 2026-01-01.")],
    feature: Annotated[str | None, typer.Argument(help="The feature to explain, by default every one.")] = None,
) -> None:
    """Show the events behind a person's features, or why the person is not in the cohort (exit code 1)."""
    with deployment_of(config) as deployment:
        from pipelines.reports.terminal import show
        from pipelines.stages import building

        answer = building.explain_person(deployment, person_id, day_of(index_date), feature)
        show(answer.content)
        raise typer.Exit(0 if answer.in_cohort else 1)


def ui(config: Config) -> None:
    """Serve the web pages of Dagster and MLflow on this machine until interrupted."""
    with deployment_of(config) as deployment:
        from dagster_project import servers
        from dagster_project.headless import open_instance, write_workspace
        from dagster_project.partitions import add_index_dates
        from pipelines.errors import StrataError
        from pipelines.stages import run_plan

        with suppress(StrataError):  # before the first extract there are no dates to choose from
            plan = run_plan.whole_plan(deployment)
            with open_instance(deployment.home) as instance:
                add_index_dates(instance, (day for days in plan.values() for day in days))
        workspace, tracker = write_workspace(deployment.home), deployment.tracker
        page = tracker.page(deployment.settings.study.name)
        settings = [str(deployment.home), str(workspace), tracker.uri, tracker.artifacts.as_uri(), page]
        os.environ.update(STRATA_CONFIG=str(config.resolve()), STRATA_HOME=str(deployment.home))
        os.execv(sys.executable, [sys.executable, "-m", servers.__name__, *settings])

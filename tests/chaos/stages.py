"""The stages of a run as the assets call them, each in a separate process that can be killed."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

from pipelines.lake.run_record import published_runs
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import building, conforming, landing, modelling, organisations, preparation, publishing, run_plan

DONE, REFUSED, FAULT = 0, 1, 2
BUG = re.compile("(fault of|bug in) Strata")  # part of the message of an unexpected error


def board(deployment: Deployment) -> None:
    """Write the synthetic board's extracts."""
    landing.write_synthetic_board(deployment)


def ingest(deployment: Deployment) -> None:
    """Ingest every feed."""
    for table in run_plan.raw_tables(deployment):
        landing.ingest(deployment, table)


def validate(deployment: Deployment) -> None:
    """Validate every feed."""
    for table in run_plan.raw_tables(deployment):
        landing.validate(deployment, table)


def conform(deployment: Deployment) -> None:
    """Write the core tables."""
    for step in (
        landing.count_volumes, organisations.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people,
        conforming.conform_registrations, conforming.conform_spells, conforming.conform_events, conforming.conform_coverage,
        conforming.conform_linkage,
    ):  # fmt: skip
        step(deployment)


def features(deployment: Deployment) -> None:
    """Write features and labels of every index date."""
    building.build_catalogue(deployment)
    for day in sorted({day for days in run_plan.index_date_plan(deployment).values() for day in days}):
        building.build_features(deployment, day)
        building.build_labels(deployment, day)


def training(deployment: Deployment) -> None:
    """Train, evaluate and record the models."""
    modelling.train(deployment)


def scoring(deployment: Deployment) -> None:
    """Score the scoring date and publish in the lake."""
    modelling.score(deployment, run_plan.index_date_plan(deployment)["score"][0])


def publication(deployment: Deployment) -> None:
    """Publish the lake's runs in the database."""
    publishing.follow_in_postgres(deployment)


def withdrawal(deployment: Deployment) -> None:
    """Withdraw the latest run."""
    latest = published_runs(deployment.lake, deployment.settings.study.outcome.name)[-1]
    publishing.withdraw_run(deployment, str(latest["run_id"]), "The fault harness withdraws it")


STAGES: dict[str, Callable[[Deployment], None]] = {
    stage.__name__: stage for stage in (board, ingest, validate, conform, features, training, scoring, publication, withdrawal)
}


def run_stage(name: str, config: Path) -> int:
    """Run a stage with the home locked, print the message of an error, and return the exit code."""
    from dagster_project.headless import explain

    deployment = open_deployment(config)
    try:
        with deployment.alone():
            if name != board.__name__:
                preparation.prepare(deployment)
            STAGES[name](deployment)
    except Exception as error:
        message = explain(error, deployment.home / "reports" / "last_error.log")
        print(message.replace("\n", " "), file=sys.stderr, flush=True)
        return FAULT if BUG.search(message) else REFUSED
    return DONE

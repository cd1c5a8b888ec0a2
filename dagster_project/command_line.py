"""The `strata` command: the same assets without a browser, and the pages in one."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

# Set before any library reads them: threads that wait must not spin, and nothing tells anyone outside what is run here.
for name, value in {
    "OMP_WAIT_POLICY": "passive",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "DO_NOT_TRACK": "true",
}.items():
    os.environ.setdefault(name, value)

from dagster_project.resources import chosen_config, opened  # noqa: E402 - after the environment is set
from pipelines.deployment import Deployment  # noqa: E402
from pipelines.errors import StrataError  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code: 0 done, 1 stopped with a reason, 130 interrupted."""
    given = _parser().parse_args(arguments)
    os.environ["STRATA_CONFIG"] = str(given.config)
    from dagster_project.headless import explain, say

    log = Path("strata-error.log")
    try:
        deployment = opened(chosen_config())
        log = deployment.reports / "last_error.log"
        given.command(deployment)
    except KeyboardInterrupt:
        say("\nStopped. What was committed stays; run the command again to go on.")
        return 130
    except Exception as error:
        say(f"\nStopped: {explain(error, log)}")
        return 1
    return 0


def run(deployment: Deployment) -> None:
    """Run the whole pipeline and print the closing summary."""
    from pipelines.report import closing_summary

    started = time.perf_counter()
    _execute(deployment, "whole_pipeline")
    print(closing_summary(deployment, time.perf_counter() - started))


def check_extract(deployment: Deployment) -> None:
    """Ingest and validate, and print what was set aside."""
    from pipelines.report import extract_summary

    _execute(deployment, "check_extract")
    print(extract_summary(deployment))


def score(deployment: Deployment) -> None:
    """Score the scoring date with the champion and print the closing summary."""
    from pipelines.report import closing_summary

    started = time.perf_counter()
    _execute(deployment, "score_only")
    print(closing_summary(deployment, time.perf_counter() - started))


def defects(deployment: Deployment) -> None:
    """Print how many planted defects were found, missed and falsely raised."""
    from pipelines.report import defect_summary

    _execute(deployment, "check_extract")
    print(defect_summary(deployment))


def interfaces(deployment: Deployment) -> None:
    """Serve the pages of Dagster and MLflow on the loopback interface until interrupted."""
    from dagster_project import servers
    from dagster_project.headless import open_instance, write_workspace
    from dagster_project.partitions import add_index_dates
    from pipelines import stages

    with suppress(StrataError):  # before the first extract there are no dates to choose from
        plan = stages.index_date_plan(deployment)
        add_index_dates(open_instance(deployment.home), (day for days in plan.values() for day in days))
    workspace, tracker = write_workspace(deployment.home), deployment.tracker
    given = [
        str(deployment.home),
        str(workspace),
        tracker.uri,
        tracker.artifacts.as_uri(),
        tracker.page(deployment.settings.study.name),
    ]
    os.environ.update(STRATA_CONFIG=str(Path(chosen_config()).resolve()), STRATA_HOME=str(deployment.home))
    os.execv(sys.executable, [sys.executable, "-m", servers.__name__, *given])


def _execute(deployment: Deployment, job: str) -> None:
    from dagster_project.assembly import build
    from dagster_project.headless import end_killed_runs, open_instance, run_job, say
    from dagster_project.partitions import add_index_dates
    from pipelines import stages

    with deployment.alone():
        stages.prepare(deployment)
        instance = open_instance(deployment.home)
        end_killed_runs(instance)
        plan = stages.index_date_plan(deployment)
        dates = plan["score"] if job == "score_only" else tuple(day for days in plan.values() for day in days)
        say(f"Strata: {job} of '{deployment.settings.deployment}', writing to {deployment.home}")
        whole = build(chosen_config())
        run_job(whole.resolve_job_def(job), instance, add_index_dates(instance, dates), deployment.reports / "last_error.log")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="strata", description="Risk stratification for Integrated Care Boards.")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, command in (
        ("run", run),
        ("check-extract", check_extract),
        ("score", score),
        ("defects", defects),
        ("ui", interfaces),
    ):
        words = str(command.__doc__).splitlines()[0]
        added = commands.add_parser(name, help=words, description=words)
        added.add_argument(
            "config", type=Path, nargs="?", default=Path("config/demo.yaml"), help="the deployment's configuration"
        )
        added.set_defaults(command=command)
    return parser


if __name__ == "__main__":
    sys.exit(main())

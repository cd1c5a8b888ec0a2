"""The `strata` command: the same assets without a browser, and the pages in one."""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
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
# Where Spark is installed other libraries import it, and it says of pandas 3 that it does not support all of it.
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)

from dagster_project.resources import chosen_config, opened  # noqa: E402 - after the environment is set
from pipelines.deployment import Deployment  # noqa: E402
from pipelines.errors import StrataError  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code: 0 done, 1 stopped with a reason (or the answer is no), 130 interrupted."""
    given = _parser().parse_args(arguments)
    os.environ["STRATA_CONFIG"] = str(given.config)
    from dagster_project.headless import explain, say

    log = Path("strata-error.log")
    try:
        deployment = opened(chosen_config())
        log = deployment.reports / "last_error.log"
        return given.command(deployment, *(getattr(given, name.strip("-?")) for name, _ in given.more)) or 0
    except KeyboardInterrupt:
        say("\nStopped. What was committed stays; run the command again to go on.")
        return 130
    except Exception as error:
        say(f"\nStopped: {explain(error, log)}")
        return 1


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


def publish(deployment: Deployment) -> None:
    """Bring the publishing database to what the lake has published; what it lacks is added."""
    from pipelines.stages import publishing

    with deployment.alone():
        print(_told(publishing.follow_in_postgres(deployment)))


def withdraw(deployment: Deployment, run_id: str, reason: str) -> None:
    """Withdraw a published run, with a reason: readers see the run before it."""
    from pipelines.stages import publishing

    with deployment.alone():
        print(_told(publishing.withdraw_run(deployment, run_id, reason or "")))


def why(deployment: Deployment, person_id: str, index_date: str, feature: str | None) -> int:
    """Show the events behind a person's features on an index date, or why the person is not in the cohort (exit code 1)."""
    from pipelines.stages import building

    try:
        day = date.fromisoformat(index_date)
    except ValueError:
        raise StrataError(f"'{index_date}' is no date; write it as 2025-01-31") from None
    answer = building.explain_person(deployment, person_id, day, feature)
    print(answer.text)
    return 0 if answer.in_cohort else 1


def _told(summary: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in summary.items())


def interfaces(deployment: Deployment) -> None:
    """Serve the pages of Dagster and MLflow on the loopback interface until interrupted."""
    from dagster_project import servers
    from dagster_project.headless import open_instance, write_workspace
    from dagster_project.partitions import add_index_dates
    from pipelines.stages import run_plan

    with suppress(StrataError):  # before the first extract there are no dates to choose from
        plan = run_plan.index_date_plan(deployment)
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
    from pipelines.stages import run_plan

    with deployment.alone():
        run_plan.prepare(deployment)
        instance = open_instance(deployment.home)
        end_killed_runs(instance)
        plan = run_plan.index_date_plan(deployment)
        dates = plan["score"] if job == "score_only" else tuple(day for days in plan.values() for day in days)
        say(f"Strata: {job} of '{deployment.settings.deployment}', writing to {deployment.home}")
        whole = build(chosen_config())
        run_job(whole.resolve_job_def(job), instance, add_index_dates(instance, dates), deployment.reports / "last_error.log")


# Each command, and what it takes after the configuration; a question mark follows what may be left out.
COMMANDS: tuple[tuple[str, Callable[..., int | None], tuple[tuple[str, str], ...]], ...] = (
    ("run", run, ()),
    ("check-extract", check_extract, ()),
    ("score", score, ()),
    ("publish", publish, ()),
    ("withdraw", withdraw, (("run_id", "the run, as risk__runs names it"), ("--reason", "why; recorded and shown to readers"))),
    ("defects", defects, ()),
    (
        "why",
        why,
        (
            ("person_id", "the pseudonym"),
            ("index_date", "the day that the features look back from"),
            ("feature?", "one feature; all where left out"),
        ),
    ),
    ("ui", interfaces, ()),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="strata", description="Risk stratification for Integrated Care Boards.")
    commands = parser.add_subparsers(required=True, metavar="command")
    for name, command, more in COMMANDS:
        words = str(command.__doc__).splitlines()[0]
        added = commands.add_parser(name, help=words, description=words)
        added.add_argument(
            "config", type=Path, nargs="?", default=Path("config/demo.yaml"), help="the deployment's configuration"
        )
        for argument, explained in more:
            added.add_argument(argument.rstrip("?"), help=explained, nargs="?" if argument.endswith("?") else None)
        added.set_defaults(command=command, more=more)
    return parser


if __name__ == "__main__":
    sys.exit(main())

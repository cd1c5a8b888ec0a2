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
from pipelines.errors import StrataError  # noqa: E402
from pipelines.lake.file_modes import for_this_account  # noqa: E402
from pipelines.run.deployment import Deployment, open_deployment  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code: 0 done, 1 stopped with a reason (or the answer is no), 130 interrupted."""
    given = _parser().parse_args(arguments)
    os.environ["STRATA_CONFIG"] = str(given.config)
    from dagster_project.headless import explain, say

    log = Path("strata-error.log")
    try:
        with for_this_account():
            deployment = open_deployment(given.config, any_format=True) if given.command is upgrade else opened(chosen_config())
            log = deployment.reports / "last_error.log"
            return given.command(deployment, *(getattr(given, name.strip("-?")) for name, _ in given.more)) or 0
    except KeyboardInterrupt:
        say("\nStopped. What was committed stays; run the command again to go on.")
        return 130
    except Exception as error:
        say(f"\nStopped: {explain(error, log)}")
        return 1


def run(deployment: Deployment) -> int:
    """Run the whole pipeline and print the closing summary."""
    return _execute_and_sum_up(deployment, "whole_pipeline")


def check_extract(deployment: Deployment) -> None:
    """Ingest and validate, and print what was set aside."""
    from pipelines.reports.command_summaries import extract_summary

    _execute(deployment, "check_extract")
    print(extract_summary(deployment))


def score(deployment: Deployment) -> int:
    """Score the scoring date with the champion and print the closing summary."""
    return _execute_and_sum_up(deployment, "score_only")


def backfill(deployment: Deployment, first: str, last: str | None) -> None:
    """Build features and labels for the first day of each month from one date to another, from the core tables there are."""
    from pipelines.stages import run_plan

    run_plan.refuse_backfill(deployment)
    days = run_plan.month_starts(_day(first), _day(last or first))
    _execute(deployment, "index_dates", days)
    print(f"features and labels of {len(days)} index dates: {days[0]} to {days[-1]}")


def defects(deployment: Deployment) -> None:
    """Print how many planted defects were found, missed and falsely raised."""
    from pipelines.reports.command_summaries import defect_summary

    _execute(deployment, "check_extract")
    print(defect_summary(deployment))


def recalibrate(deployment: Deployment) -> None:
    """Fit the champion's calibration again on the latest matured date; judged by the same gates, in use once approved."""
    from pipelines.stages import recalibrating, run_plan

    with deployment.alone():
        run_plan.prepare(deployment)
        print(_told(recalibrating.recalibrate(deployment).summary))


def publish(deployment: Deployment) -> None:
    """Bring the publishing database to what the lake has published; what it lacks is added."""
    from pipelines.stages import publishing

    with deployment.alone():
        print(_told(publishing.follow_in_postgres(deployment).summary))


def withdraw(deployment: Deployment, run_id: str, reason: str, role: str | None) -> None:
    """Withdraw a published run, with a reason: readers see the run before it."""
    from pipelines.stages import publishing

    with deployment.alone():
        print(_told(publishing.withdraw_run(deployment, run_id, reason or "", role or "")))


def decide(
    deployment: Deployment, kind: str, subject: str, role: str | None, reason: str | None, expires: str | None, ends: str | None
) -> None:
    """Record a decision: an approval, an accepted breach, a waiver or a withdrawal, with role and reason."""
    from pipelines.stages import deciding

    request = deciding.DecisionRequest(kind, subject, role or "", reason or "", _day(expires) if expires else None, ends or "")
    with deployment.alone():
        print(_told(deciding.decide(deployment, request)))


def reproduce(deployment: Deployment, run_id: str) -> int:
    """Score a past run again from its recorded tables and model, and compare every risk (exit code 1 where one differs)."""
    from pipelines.stages import upkeep

    found = upkeep.reproduce(deployment, run_id)
    print(_told(found.told()))
    return 0 if found.exact else 1


def upgrade(deployment: Deployment) -> None:
    """Bring a home that an earlier version wrote, or one that was moved, to what this version reads and writes."""
    from pipelines.run.upgrade import upgrade

    with deployment.alone():
        print(_told(upgrade(deployment)))


def tidy(deployment: Deployment) -> None:
    """Remove what the settings keep no longer: old versions, old runs, old deliveries."""
    from pipelines.stages import upkeep

    with deployment.alone():
        print(_told(upkeep.tidy(deployment)))


def erase(deployment: Deployment, person_id: str, reason: str) -> None:
    """Take one person out of every table, report and database, and out of what is delivered later."""
    from pipelines.stages import upkeep

    with deployment.alone():
        done = upkeep.erase_person(deployment, person_id, reason or "")
    print(f"rows removed: {_told(done) or 'none'}")
    print("The extracts as they were delivered are not Strata's: have the person erased there, too.")


def caseload(deployment: Deployment, practice: str | None) -> None:
    """Write the current caseload of a practice (or every place's) as a page to print and a CSV."""
    from pipelines.stages import caseloads

    print(_told(caseloads.write_pages(deployment, practice).summary))


def reidentify(
    deployment: Deployment,
    practice: str | None,
    identifiers: str | None,
    out: str | None,
    role: str | None,
    reason: str | None,
) -> None:
    """Find a practice's own people among the scores by its list of NHS numbers; each use is recorded."""
    from pipelines.stages import privacy
    from pipelines.upkeep.reidentification import Request

    if not practice or not identifiers or not out:
        raise StrataError(
            "say --practice (its code), --identifiers (its file of NHS numbers, one a line) and --out (the file to write)"
        )
    asked = Request(practice, role or "", reason or "")
    with deployment.alone():
        print(_told(privacy.reidentify_practice(deployment, asked, Path(identifiers), Path(out))))


def rotate_key(deployment: Deployment) -> None:
    """Give everyone the pseudonym of a new key, in every table and database; one that was cut short is completed."""
    from pipelines.stages import privacy

    with deployment.alone():
        print(_told(privacy.rotate_key(deployment)))
    print("Whoever reads scores needs the new pseudonyms; caseload pages must be written anew (`strata caseload`).")


def why(deployment: Deployment, person_id: str, index_date: str, feature: str | None) -> int:
    """Show the events behind a person's features on an index date, or why the person is not in the cohort (exit code 1)."""
    from pipelines.stages import building

    answer = building.explain_person(deployment, person_id, _day(index_date), feature)
    print(answer.text)
    return 0 if answer.in_cohort else 1


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise StrataError(f"'{given}' is no date; write it as 2025-01-31") from None


def _told(summary: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in summary.items())


def interfaces(deployment: Deployment) -> None:
    """Serve the pages of Dagster and MLflow on the loopback interface until interrupted."""
    from dagster_project import servers
    from dagster_project.headless import open_instance, write_workspace
    from dagster_project.partitions import add_index_dates
    from pipelines.stages import run_plan

    with suppress(StrataError):  # before the first extract there are no dates to choose from
        plan = run_plan.whole_plan(deployment)
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


def _execute_and_sum_up(deployment: Deployment, job: str) -> int:
    """Execute a job and print the closing summary; where one of several studies was refused, say so last and give exit code 1."""
    from dagster_project.headless import say
    from pipelines.reports.command_summaries import closing_summary

    started = time.perf_counter()
    refused = _execute(deployment, job)
    print(closing_summary(deployment, time.perf_counter() - started))
    for words in refused:
        say(f"\nRefused, while the other studies went on: {words}")
    return 1 if refused else 0


def _execute(deployment: Deployment, job: str, chosen: tuple[date, ...] = ()) -> list[str]:
    """Execute a job for chosen index dates, else for those of the plan; give what failed and stopped nothing."""
    from dagster_project.assembly import build
    from dagster_project.headless import end_killed_runs, open_instance, run_job, say
    from dagster_project.partitions import add_index_dates
    from pipelines.stages import run_plan

    with deployment.alone():
        run_plan.prepare(deployment)
        instance = open_instance(deployment.home)
        end_killed_runs(instance)
        plan = run_plan.whole_plan(deployment)
        planned = plan["score"] if job == "score_only" else tuple(day for days in plan.values() for day in days)
        say(f"Strata: {job} of '{deployment.settings.deployment}', writing to {deployment.home}")
        whole = build(chosen_config())
        tags, log = add_index_dates(instance, chosen or planned), deployment.reports / "last_error.log"
        return run_job(whole.resolve_job_def(job), instance, tags, log)


# Each command, and what it takes after the configuration; a question mark follows what may be left out.
COMMANDS: tuple[tuple[str, Callable[..., int | None], tuple[tuple[str, str], ...]], ...] = (
    ("run", run, ()),
    ("check-extract", check_extract, ()),
    ("score", score, ()),
    ("recalibrate", recalibrate, ()),
    (
        "backfill",
        backfill,
        (("first", "the first month's index date: 2024-01-01"), ("last?", "the last one's; the first where left out")),
    ),
    ("publish", publish, ()),
    (
        "withdraw",
        withdraw,
        (
            ("run_id", "the run, as risk__runs names it"),
            ("--reason", "why; recorded and shown to readers"),
            ("--role", "the role of the person who decided; recorded"),
        ),
    ),
    (
        "decide",
        decide,
        (
            ("kind", "approval, accepted_breach, waiver or withdrawal"),
            ("subject", "what is decided about, such as 'emergency_admission version 3'; docs/operations.md lists the forms"),
            ("--role", "the role of the person who decided, never a name; recorded"),
            ("--reason", "why; recorded"),
            ("--expires", "the last day on which it counts: 2026-12-31"),
            ("--ends", "an earlier decision that this one replaces, by its decision_id"),
        ),
    ),
    ("reproduce", reproduce, (("run_id", "the run, as risk__runs names it"),)),
    ("tidy", tidy, ()),
    ("upgrade", upgrade, ()),
    ("erase", erase, (("person_id", "the pseudonym"), ("--reason", "why; recorded without the person"))),
    ("defects", defects, ()),
    ("caseload", caseload, (("--practice", "code of the practice or neighbourhood; all of them where left out"),)),
    (
        "reidentify",
        reidentify,
        (
            ("--practice", "code of the practice; one at a time"),
            ("--identifiers", "the practice's own file of NHS numbers, one a line"),
            ("--out", "the file to write, outside Strata's folder: NHS number, band, risk, drivers"),
            ("--role", "the role of who asks; recorded"),
            ("--reason", "why; recorded"),
        ),
    ),
    ("rotate-key", rotate_key, ()),
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

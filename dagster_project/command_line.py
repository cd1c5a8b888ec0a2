"""The `strata` command: each step of the pipeline from a terminal, and the web pages of Dagster and MLflow."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand

if TYPE_CHECKING:
    from pipelines.run.deployment import Deployment

# Set before any library reads them: threads that wait must not spin, and no library reports use to anyone.
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "passive",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "DO_NOT_TRACK": "true",
}
for _name, _value in ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
# Other libraries import Spark where it is installed, and Spark warns that it does not fully support pandas 3.
warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)

DEFAULT_CONFIG = Path("config/demo.yaml")
INTERRUPTED = 130

app = typer.Typer(
    help="Risk stratification for Integrated Care Boards.",
    epilog="Each command takes the configuration of a deployment, config/demo.yaml by default.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class DeploymentCommand(TyperCommand):
    """A command whose first argument, the configuration, is optional even where required arguments follow."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert the default configuration where there are only as many arguments as the others require."""
        required = sum(isinstance(parameter, TyperArgument) and parameter.required for parameter in self.params)
        if required and len(_positionals(args)) <= required:
            args = [str(DEFAULT_CONFIG), *args]
        return super().parse_args(ctx, args)


def _positionals(args: list[str]) -> list[str]:
    """Return the arguments that are neither options nor values of options: every option but --help takes a value."""
    found: list[str] = []
    rest = iter(args)
    for argument in rest:
        if argument == "--":
            return [*found, *rest]
        if not argument.startswith("-"):
            found.append(argument)
        elif "=" not in argument and argument not in ("-h", "--help"):
            next(rest, None)
    return found


Config = Annotated[
    Path,
    typer.Argument(
        default_factory=lambda: DEFAULT_CONFIG, show_default=str(DEFAULT_CONFIG), help="The configuration of the deployment."
    ),
]
Role = Annotated[str, typer.Option(help="The role of the person who decided, never a name, which is recorded.")]
RunId = Annotated[str, typer.Argument(help="The run, by its run_id in risk__runs.")]
PersonId = Annotated[str, typer.Argument(help="The pseudonym of the person.")]


def main(arguments: list[str] | tuple[str, ...] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 stopped with a reason or the answer is no, 2 wrong usage, 130 interrupted."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="strata")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@contextmanager
def _deployment(config: Path, any_format: bool = False) -> Iterator[Deployment]:
    """Open the deployment of a configuration for a command; an error ends the command with a message and its exit code."""
    os.environ["STRATA_CONFIG"] = str(config)
    from dagster_project.headless import explain, say
    from dagster_project.resources import chosen_config, opened
    from pipelines.lake.file_modes import for_this_account
    from pipelines.run.deployment import open_deployment

    log = Path("strata-error.log")
    try:
        with for_this_account():
            deployment = open_deployment(config, any_format=True) if any_format else opened(chosen_config())
            log = deployment.reports / "last_error.log"
            yield deployment
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        say("\nStopped. What was committed stays. Run the command again to continue.")
        raise typer.Exit(INTERRUPTED) from None
    except Exception as error:
        say(f"\nStopped: {explain(error, log)}")
        raise typer.Exit(1) from None


def _show_facts(summary: Mapping[str, object]) -> None:
    from pipelines.reports.terminal import facts, show

    show(facts(summary))


def _day(text: str) -> date:
    from pipelines.errors import StrataError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise StrataError(f"'{text}' is not a date. Write it as 2025-01-31") from None


@app.command(cls=DeploymentCommand)
def run(config: Config) -> None:
    """Run the whole pipeline and print the closing summary."""
    with _deployment(config) as deployment:
        _execute_and_summarise(deployment, "whole_pipeline")


@app.command(cls=DeploymentCommand)
def check_extract(config: Config) -> None:
    """Ingest and validate the extracts, and print the rows that were set aside."""
    with _deployment(config) as deployment:
        from pipelines.reports.command_summaries import extract_summary
        from pipelines.reports.terminal import show

        _execute(deployment, "check_extract")
        show(extract_summary(deployment))


@app.command(cls=DeploymentCommand)
def score(config: Config) -> None:
    """Score the scoring date with the champion and print the closing summary."""
    with _deployment(config) as deployment:
        _execute_and_summarise(deployment, "score_only")


@app.command(cls=DeploymentCommand)
def recalibrate(config: Config) -> None:
    """Fit the champion's calibration again on the latest matured date, for use once it passes the gates and is approved."""
    with _deployment(config) as deployment, deployment.alone():
        from pipelines.stages import recalibrating, run_plan

        run_plan.prepare(deployment)
        _show_facts(recalibrating.recalibrate(deployment).summary)


@app.command(cls=DeploymentCommand)
def backfill(
    config: Config,
    first: Annotated[str, typer.Argument(help="The index date of the first month, such as 2024-01-01.")],
    last: Annotated[str | None, typer.Argument(help="The index date of the last month, by default the first.")] = None,
) -> None:
    """Build features and labels of the first day of each month, from the core tables there are."""
    with _deployment(config) as deployment:
        from pipelines.stages import run_plan

        run_plan.refuse_backfill(deployment)
        days = run_plan.month_starts(_day(first), _day(last or first))
        _execute(deployment, "index_dates", days)
        _show_facts({"index dates built": len(days), "first": days[0], "last": days[-1]})


@app.command(cls=DeploymentCommand)
def publish(config: Config) -> None:
    """Add to the publishing database what the lake has published and the database lacks."""
    with _deployment(config) as deployment, deployment.alone():
        from pipelines.stages import publishing

        _show_facts(publishing.follow_in_postgres(deployment).summary)


@app.command(cls=DeploymentCommand)
def withdraw(
    config: Config,
    run_id: RunId,
    reason: Annotated[str, typer.Option(help="The reason, which is recorded and shown to readers.")] = "",
    role: Role = "",
) -> None:
    """Withdraw a published run, so that readers see the run before it."""
    with _deployment(config) as deployment, deployment.alone():
        from pipelines.stages import publishing

        _show_facts(publishing.withdraw_run(deployment, run_id, reason, role))


@app.command(cls=DeploymentCommand)
def decide(
    config: Config,
    kind: Annotated[str, typer.Argument(help="The kind: approval, accepted_breach, late_delivery, waiver or withdrawal.")],
    subject: Annotated[
        str,
        typer.Argument(
            help="What is decided about, such as 'emergency_admission version 3'; docs/operations.md lists the forms."
        ),
    ],
    role: Role = "",
    reason: Annotated[str, typer.Option(help="The reason, which is recorded.")] = "",
    expires: Annotated[str | None, typer.Option(help="The last day on which the decision counts, such as 2026-12-31.")] = None,
    ends: Annotated[str, typer.Option(help="The decision_id of an earlier decision that this one replaces.")] = "",
) -> None:
    """Record a decision with its role and reason: an approval, an accepted breach, a waiver or a withdrawal."""
    with _deployment(config) as deployment:
        from pipelines.stages import deciding

        request = deciding.DecisionRequest(kind, subject, role, reason, _day(expires) if expires else None, ends)
        with deployment.alone():
            _show_facts(deciding.decide(deployment, request))


@app.command(cls=DeploymentCommand)
def reproduce(config: Config, run_id: RunId) -> None:
    """Score a past run again from its recorded tables and model, and compare every risk (exit code 1 where any differs)."""
    with _deployment(config) as deployment:
        from pipelines.stages import upkeep

        reproduction = upkeep.reproduce(deployment, run_id)
        _show_facts(reproduction.summary())
        raise typer.Exit(0 if reproduction.exact else 1)


@app.command(cls=DeploymentCommand)
def tidy(config: Config) -> None:
    """Remove the old table versions, runs and deliveries that the settings no longer keep."""
    with _deployment(config) as deployment, deployment.alone():
        from pipelines.stages import upkeep

        _show_facts(upkeep.tidy(deployment))


@app.command(name="upgrade", cls=DeploymentCommand)
def upgrade(config: Config) -> None:
    """Upgrade a home that an earlier version wrote, or one that was moved, to this version."""
    with _deployment(config, any_format=True) as deployment, deployment.alone():
        from pipelines.run.upgrade import upgrade as upgrade_home

        _show_facts(upgrade_home(deployment))


@app.command(cls=DeploymentCommand)
def erase(
    config: Config,
    person_id: PersonId,
    reason: Annotated[str, typer.Option(help="The reason, which is recorded without the person.")] = "",
) -> None:
    """Remove one person from every table, report and database, and from later deliveries."""
    with _deployment(config) as deployment:
        from pipelines.stages import upkeep

        with deployment.alone():
            rows = upkeep.erase_person(deployment, person_id, reason)
        _show_facts({"rows removed": rows})
        print("Strata does not change the extracts as delivered. Ask their sender to erase the person there, too.")


@app.command(cls=DeploymentCommand)
def defects(config: Config) -> None:
    """Print how many planted defects of synthetic data were found, missed and falsely raised."""
    with _deployment(config) as deployment:
        from pipelines.reports.command_summaries import defect_summary
        from pipelines.reports.terminal import show

        _execute(deployment, "check_extract")
        show(defect_summary(deployment))


@app.command(cls=DeploymentCommand)
def caseload(
    config: Config,
    practice: Annotated[str | None, typer.Option(help="The code of the practice or neighbourhood, by default every one.")] = None,
) -> None:
    """Write the current caseload of a practice, or of every place, as a page to print and a CSV file."""
    with _deployment(config) as deployment:
        from pipelines.stages import caseloads

        _show_facts(caseloads.write_pages(deployment, practice).summary)


@app.command(cls=DeploymentCommand)
def reidentify(
    config: Config,
    practice: Annotated[str, typer.Option(help="The code of the practice, one for each use.")] = "",
    identifiers: Annotated[Path | None, typer.Option(help="The practice's own file of NHS numbers, one on each line.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write, outside Strata's folder, with NHS number, band, risk and drivers.")
    ] = None,
    role: Annotated[str, typer.Option(help="The role of the person who asks, which is recorded.")] = "",
    reason: Annotated[str, typer.Option(help="The reason, which is recorded.")] = "",
) -> None:
    """Find a practice's own people among the scores by its NHS numbers, and record the use."""
    with _deployment(config) as deployment:
        from pipelines.errors import StrataError
        from pipelines.stages import privacy
        from pipelines.upkeep.reidentification import Request

        if not practice or not identifiers or not out:
            raise StrataError(
                "re-identification needs three options: --practice (its code), --identifiers (its file of NHS numbers, one on each "
                "line) and --out (the file to write)"
            )
        with deployment.alone():
            _show_facts(privacy.reidentify_practice(deployment, Request(practice, role, reason), identifiers, out))


@app.command(cls=DeploymentCommand)
def rotate_key(config: Config) -> None:
    """Replace every pseudonym with one of a new key, in every table and database, or complete an interrupted rotation."""
    with _deployment(config) as deployment:
        from pipelines.stages import privacy

        with deployment.alone():
            _show_facts(privacy.rotate_key(deployment))
        print("Readers of scores need the new pseudonyms. Write the caseload pages again with `strata caseload`.")


@app.command(cls=DeploymentCommand)
def why(
    config: Config,
    person_id: PersonId,
    index_date: Annotated[str, typer.Argument(help="The day that the features look back from, such as 2026-01-01.")],
    feature: Annotated[str | None, typer.Argument(help="The feature to explain, by default every one.")] = None,
) -> None:
    """Show the events behind a person's features, or why the person is not in the cohort (exit code 1)."""
    with _deployment(config) as deployment:
        from pipelines.reports.terminal import show
        from pipelines.stages import building

        answer = building.explain_person(deployment, person_id, _day(index_date), feature)
        show(answer.content)
        raise typer.Exit(0 if answer.in_cohort else 1)


@app.command(name="ui", cls=DeploymentCommand)
def interfaces(config: Config) -> None:
    """Serve the web pages of Dagster and MLflow on this machine until interrupted."""
    with _deployment(config) as deployment:
        from dagster_project import servers
        from dagster_project.headless import open_instance, write_workspace
        from dagster_project.partitions import add_index_dates
        from pipelines.errors import StrataError
        from pipelines.stages import run_plan

        with suppress(StrataError):  # before the first extract there are no dates to choose from
            plan = run_plan.whole_plan(deployment)
            add_index_dates(open_instance(deployment.home), (day for days in plan.values() for day in days))
        workspace, tracker = write_workspace(deployment.home), deployment.tracker
        page = tracker.page(deployment.settings.study.name)
        settings = [str(deployment.home), str(workspace), tracker.uri, tracker.artifacts.as_uri(), page]
        os.environ.update(STRATA_CONFIG=str(config.resolve()), STRATA_HOME=str(deployment.home))
        os.execv(sys.executable, [sys.executable, "-m", servers.__name__, *settings])


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
    from pipelines.stages import run_plan

    with deployment.alone():
        run_plan.prepare(deployment)
        instance = open_instance(deployment.home)
        end_killed_runs(instance)
        plan = run_plan.whole_plan(deployment)
        planned = plan["score"] if job == "score_only" else tuple(day for days in plan.values() for day in days)
        say(f"Strata: {job.replace('_', ' ')} of '{deployment.settings.deployment}', writing to {deployment.home}")
        definitions = build(chosen_config())
        tags, log = add_index_dates(instance, index_dates or planned), deployment.reports / "last_error.log"
        return run_job(definitions.resolve_job_def(job), instance, tags, log)


if __name__ == "__main__":
    sys.exit(main())

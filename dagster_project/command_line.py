"""The `strata` command: the list of its commands, and the entry point."""

from __future__ import annotations

import os
import sys
import warnings

import typer

from dagster_project.commands import privacy, publishing, reading, running, upkeep
from dagster_project.commands.deployment_command import DeploymentCommand

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

# In the order of `strata --help`.
COMMANDS = (
    running.run,
    running.check_extract,
    running.score,
    running.recalibrate,
    running.backfill,
    publishing.publish,
    publishing.refresh_exclusions,
    publishing.withdraw,
    publishing.decide,
    upkeep.reproduce,
    upkeep.tidy,
    upkeep.upgrade,
    privacy.erase,
    running.defects,
    reading.caseload,
    privacy.reidentify,
    privacy.rotate_key,
    reading.why,
    reading.ui,
)

app = typer.Typer(
    help="Risk stratification for Integrated Care Boards.",
    epilog="Each command takes the configuration of a deployment, config/demo.yaml by default.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in COMMANDS:
    app.command(cls=DeploymentCommand)(_command)


def main(arguments: list[str] | tuple[str, ...] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 stopped with a reason or the answer is no, 2 wrong usage, 130 interrupted."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="strata")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())

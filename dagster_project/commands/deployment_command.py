"""A command of a deployment: its arguments, how it opens the deployment, and how it reports an error."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand

if TYPE_CHECKING:
    from pipelines.run.deployment import Deployment

DEFAULT_CONFIG = Path("config/demo.yaml")
INTERRUPTED = 130

Config = Annotated[
    Path,
    typer.Argument(
        default_factory=lambda: DEFAULT_CONFIG, show_default=str(DEFAULT_CONFIG), help="The configuration of the deployment."
    ),
]
Role = Annotated[str, typer.Option(help="The role of the person who decided, never a name, which is recorded.")]
RunId = Annotated[str, typer.Argument(help="The run, by its run_id in risk__runs.")]
PersonId = Annotated[str, typer.Argument(help="The pseudonym of the person.")]


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


@contextmanager
def deployment_of(config: Path, any_format: bool = False) -> Iterator[Deployment]:
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


def show_facts(summary: Mapping[str, object]) -> None:
    """Print a summary as two columns."""
    from pipelines.reports.terminal import facts, show

    show(facts(summary))


def day_of(text: str) -> date:
    """Return the date that an argument names; raise StrataError if it names none."""
    from pipelines.errors import StrataError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise StrataError(f"'{text}' is not a date. Write it as 2025-01-31") from None

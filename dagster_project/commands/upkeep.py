"""Commands that keep the home in order: reproduction of a run, retention and upgrade."""

from __future__ import annotations

import typer

from dagster_project.commands.deployment_command import Config, RunId, deployment_of, show_facts


def reproduce(config: Config, run_id: RunId) -> None:
    """Score a past run again from its recorded tables and model, and compare every risk (exit code 1 where any differs)."""
    with deployment_of(config) as deployment:
        from pipelines.stages import upkeep

        reproduction = upkeep.reproduce(deployment, run_id)
        show_facts(reproduction.summary())
        raise typer.Exit(0 if reproduction.exact else 1)


def tidy(config: Config) -> None:
    """Remove the old table versions, runs and deliveries that the settings no longer keep."""
    with deployment_of(config) as deployment, deployment.alone():
        from pipelines.stages import upkeep

        show_facts(upkeep.tidy(deployment))


def upgrade(config: Config) -> None:
    """Upgrade a home that an earlier version wrote, or one that was moved, to this version."""
    with deployment_of(config, any_format=True) as deployment, deployment.alone():
        from pipelines.run.upgrade import upgrade as upgrade_home

        show_facts(upgrade_home(deployment))

"""The assets, checks, jobs, schedule and sensor of one deployment; feeds that its configuration does not name have no asset."""

from __future__ import annotations

import dagster as dg

from dagster_project import stage_assets
from dagster_project.defs import automation
from dagster_project.resources import StrataResource, opened


def build(config: str) -> dg.Definitions:
    """Put together the definitions of a configuration."""
    deployment = opened(config)
    return dg.Definitions(
        assets=stage_assets.assets(deployment),
        asset_checks=stage_assets.checks(deployment),
        jobs=automation.jobs(deployment),
        schedules=automation.schedules(deployment),
        sensors=automation.sensors(deployment),
        resources={"strata": StrataResource(config=config)},
        executor=dg.in_process_executor,
    )

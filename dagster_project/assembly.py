"""The assets, checks, jobs, schedule and sensor of one deployment; feeds that its configuration does not name have no asset."""

from __future__ import annotations

import dagster as dg

from dagster_project.defs import automation, core, equity, features, monitoring, publishing, raw, risk
from dagster_project.resources import StrataResource, opened


def build(config: str) -> dg.Definitions:
    """Put together the definitions of a configuration."""
    deployment = opened(config)
    assets = [
        *raw.assets(deployment),
        *core.assets(deployment),
        *features.assets(deployment),
        *risk.assets(deployment),
        *equity.assets(deployment),
        *monitoring.assets(deployment),
        *publishing.assets(deployment),
    ]
    return dg.Definitions(
        assets=assets,
        asset_checks=[*raw.checks(deployment), *core.checks(deployment), *risk.checks(deployment)],
        jobs=automation.jobs(deployment),
        schedules=automation.schedules(deployment),
        sensors=automation.sensors(deployment),
        resources={"strata": StrataResource(config=config)},
        executor=dg.in_process_executor,
    )

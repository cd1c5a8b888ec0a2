"""The publishing database follows the lake, where one is configured."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from dagster_project.resources import StrataResource
from dagster_project.table_assets import metadata_of, told
from expectations.tables import risk
from expectations.tables.equity import AUDIT_FOR_READERS
from pipelines.run.deployment import Deployment
from pipelines.stages import publishing, run_plan

DATABASE = "postgres"


def assets(deployment: Deployment) -> Sequence[dg.AssetsDefinition]:
    """Give the asset of the database of a deployment that has one and has people to score."""
    if deployment.settings.publish.postgres is None or not run_plan.has_list(deployment):
        return []

    @dg.asset(
        name=DATABASE,
        deps=[
            risk.SCORES.name,
            risk.CURRENT.name,
            risk.DRIVERS.name,
            risk.RUNS.name,
            risk.MODEL_AUDIT.name,
            AUDIT_FOR_READERS.name,
        ],
        group_name="published",
        kinds={"postgres"},
        description="Every published run, whole or not at all, for readers of the database.",
    )
    def database(strata: StrataResource) -> dg.MaterializeResult:
        return dg.MaterializeResult(
            metadata=metadata_of(told(DATABASE, lambda: publishing.follow_in_postgres(strata.deployment)))
        )

    return [database]

"""The raw tables: extracts as they came, each with its suite as a blocking check."""

from collections.abc import Sequence

import dagster as dg

from dagster_project.resources import StrataResource
from dagster_project.table_assets import metadata_of, table_asset, told
from expectations.table import Table
from pipelines.run.deployment import Deployment
from pipelines.stages import landing, run_plan

BOARD = "synthetic_board"


def assets(deployment: Deployment) -> Sequence[dg.AssetsDefinition]:
    """Give the raw tables of the configured feeds, and the synthetic board where they come from one."""
    made = [_synthetic_board()] if deployment.settings.source.chosen.writes_its_extracts else []
    return [*made, *(_raw(table, deployment) for table in run_plan.raw_tables(deployment))]


def checks(deployment: Deployment) -> Sequence[dg.AssetChecksDefinition]:
    """Give a blocking check for each raw table: its suite."""
    return [_suite(table) for table in run_plan.raw_tables(deployment)]


def _synthetic_board() -> dg.AssetsDefinition:
    @dg.asset(name=BOARD, group_name="landing", kinds={"file"})
    def body(strata: StrataResource) -> dg.MaterializeResult:
        """Write a whole synthetic board as NHS extracts, unless this very board is there already."""
        return dg.MaterializeResult(metadata=dict(told(BOARD, lambda: landing.write_synthetic_board(strata.deployment))))

    return body


def _raw(table: Table, deployment: Deployment) -> dg.AssetsDefinition:
    first = run_plan.raw_tables(deployment)[0].name
    deps = [BOARD] if deployment.settings.source.chosen.writes_its_extracts else []
    waits = [] if table.name == first else [first]
    return table_asset([table], [*deps, *waits], lambda deployment: landing.ingest(deployment, table))


def _suite(table: Table) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=table.name, name="suite", blocking=True, description=f"The Great Expectations suite of {table.name}.")
    def body(strata: StrataResource) -> dg.AssetCheckResult:
        summary = told(f"{table.name} suite", lambda: landing.validate(strata.deployment, table))
        broken = str(summary.get("broken", ""))
        return dg.AssetCheckResult(
            passed=not broken,
            description=broken,
            metadata=metadata_of({key: value for key, value in summary.items() if key != "broken"}),
        )

    return body

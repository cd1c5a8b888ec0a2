"""How a declared table becomes an asset: its description, schema and row count, and one call that writes it."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from dagster_project.partitions import INDEX_DATES
from dagster_project.resources import StrataResource
from expectations.table import Table
from pipelines.deployment import Deployment

Summary = Mapping[str, Any]
Stage = Callable[[Deployment], Summary]
DatedStage = Callable[[Deployment, date], Summary]


def spec_of(table: Table, deps: Sequence[str], partitioned: bool = False) -> dg.AssetSpec:
    """Give the asset of a declared table."""
    columns = [
        dg.TableColumn(
            column.name,
            type=column.arrow_type,
            description=column.description,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for column in table.columns
    ]
    return dg.AssetSpec(
        table.name,
        deps=list(deps),
        group_name=table.layer,
        description=table.description,
        kinds={"deltalake"},
        metadata={"dagster/column_schema": dg.TableSchema(columns)},
        partitions_def=INDEX_DATES if partitioned else None,
    )


def table_asset(tables: Sequence[Table], deps: Sequence[str], stage: Stage) -> dg.AssetsDefinition:
    """Make the assets of tables that one stage writes in one call."""

    @dg.multi_asset(specs=[spec_of(table, deps) for table in tables], name=f"write_{tables[0].name}")
    def body(strata: StrataResource):  # type: ignore[no-untyped-def]
        summary = told(tables[0].name, lambda: stage(strata.deployment))
        for table in tables:
            yield dg.MaterializeResult(table.name, metadata=_metadata(strata.deployment, table, summary))

    return body


def dated_asset(tables: Sequence[Table], deps: Sequence[str], stage: DatedStage) -> dg.AssetsDefinition:
    """Make the assets of tables that one stage writes for one index date after the other."""

    @dg.multi_asset(
        specs=[spec_of(table, deps, partitioned=True) for table in tables],
        name=f"write_{tables[0].name}",
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def body(context: dg.AssetExecutionContext, strata: StrataResource):  # type: ignore[no-untyped-def]
        for key in sorted(context.partition_keys):
            day = date.fromisoformat(key)
            told(f"{tables[0].name} {key}", lambda day=day: stage(strata.deployment, day))  # type: ignore[misc]
        for table in tables:
            yield dg.MaterializeResult(table.name, metadata=_metadata(strata.deployment, table, {}))

    return body


def _metadata(deployment: Deployment, table: Table, summary: Summary) -> dict[str, Any]:
    known = {name: value for name, value in summary.items() if isinstance(value, (int, float, str, dict))}
    return {"dagster/row_count": deployment.lake.rows(table.name), **known}


def told(name: str, work: Callable[[], Summary]) -> Summary:
    """Do the work and tell the person who watches how long it took and what came of it."""
    start = time.perf_counter()
    summary = work()
    facts = ", ".join(
        f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}" for key, value in summary.items() if _short(value)
    )
    print(f"  {name:<38} {time.perf_counter() - start:7.1f} s  {facts}", file=sys.stderr, flush=True)
    return summary


def _short(value: object) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, str) and len(value) < 60)

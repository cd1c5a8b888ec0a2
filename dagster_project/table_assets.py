"""How a declared table becomes an asset: its description, schema and row count, and one call that writes it."""

import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg

from dagster_project.partitions import INDEX_DATES, asked_for
from dagster_project.resources import StrataResource
from expectations.table import Column, Table
from pipelines.deployment import Deployment
from pipelines.stored_columns import stored_columns

NAME_WIDTH = 38
LINE_WIDTH = 120
NO_BREAK = "\u00a0"

Summary = Mapping[str, Any]
Stage = Callable[[Deployment], Summary]
DatedStage = Callable[[Deployment, date], Summary]


def spec_of(table: Table, deps: Sequence[str], partitioned: bool = False) -> dg.AssetSpec:
    """Give the asset of a declared table."""
    return dg.AssetSpec(
        table.name,
        deps=list(deps),
        group_name=table.layer,
        description=table.description,
        kinds={"deltalake"},
        metadata={"dagster/column_schema": _schema(table.columns)},
        partitions_def=INDEX_DATES if partitioned else None,
    )


def table_asset(tables: Sequence[Table], deps: Sequence[str], stage: Stage) -> dg.AssetsDefinition:
    """Make the assets of tables that one stage writes in one call."""

    @dg.multi_asset(specs=[spec_of(table, deps) for table in tables], name=f"write_{tables[0].name}")
    def body(strata: StrataResource):  # type: ignore[no-untyped-def]
        summary = told(tables[0].name, lambda: stage(strata.deployment))
        for table in tables:
            yield dg.MaterializeResult(table.name, metadata={**metadata_of(summary), **_as_stored(strata.deployment, table)})

    return body


def dated_asset(tables: Sequence[Table], deps: Sequence[str], stage: DatedStage) -> dg.AssetsDefinition:
    """Make the assets of tables that one stage writes for one index date after the other."""

    @dg.multi_asset(
        specs=[spec_of(table, deps, partitioned=True) for table in tables],
        name=f"write_{tables[0].name}",
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def body(context: dg.AssetExecutionContext, strata: StrataResource):  # type: ignore[no-untyped-def]
        wanted = asked_for(context.run.tags, context.partition_keys)
        for key in sorted(context.partition_keys):
            summary: Summary = {"status": "not a date of this run: left as it is"}
            if key in wanted:
                day = date.fromisoformat(key)
                summary = told(f"{tables[0].name} {key}", lambda day=day: stage(strata.deployment, day))  # type: ignore[misc]
            for table in tables:
                of_date = {**metadata_of(summary), **_rows_of_date(strata.deployment, table, key)}
                context.add_asset_metadata(of_date, table.name, key)
        for table in tables:
            yield dg.MaterializeResult(table.name, metadata=_as_stored(strata.deployment, table))

    return body


def told(name: str, work: Callable[[], Summary]) -> Summary:
    """Do the work and tell the person who watches how long it took and what came of it, unless there was nothing to do."""
    start = time.perf_counter()
    summary = work()
    if "skipped" in summary:
        return summary
    head = f"  {name:<{NAME_WIDTH}} {time.perf_counter() - start:7.1f} s  "
    facts = [f"{key} {_figure(value)}".replace("_", " ") for key, value in summary.items() if _short(value)]
    unbroken = ", ".join(fact.replace(" ", NO_BREAK) for fact in facts)
    text = textwrap.fill(unbroken, LINE_WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) if facts else head.rstrip()
    print(text.replace(NO_BREAK, " "), file=sys.stderr, flush=True)
    return summary


def _schema(columns: Sequence[Column]) -> dg.TableSchema:
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name,
                type=column.arrow_type,
                description=f"{column.description} Unit: {column.unit}." if column.unit else column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in columns
        ]
    )


def metadata_of(summary: Summary) -> dict[str, Any]:
    """Give what Dagster's pages show of a summary; text of several lines is Markdown."""
    return {
        name: dg.MetadataValue.md(value) if isinstance(value, str) and "\n" in value else value
        for name, value in summary.items()
        if isinstance(value, (int, float, str, dict)) and value != ""
    }


def _as_stored(deployment: Deployment, table: Table) -> dict[str, Any]:
    """Tell of a table as it now lies in the lake."""
    return {
        "dagster/row_count": deployment.lake.rows(table.name),
        "dagster/column_schema": _schema(stored_columns(deployment.lake, table)),
        "folder": dg.MetadataValue.path(str(deployment.lake.folder(table.name))),
    }


def _rows_of_date(deployment: Deployment, table: Table, key: str) -> dict[str, Any]:
    if table.partitioned_by != ("index_date",):
        return {}
    return {"dagster/partition_row_count": deployment.lake.rows(table.name, {"index_date": key})}


def _figure(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _short(value: object) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, str) and 0 < len(value) < 60 and "\n" not in value)

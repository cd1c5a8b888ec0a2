"""How a declared table becomes an asset: its description, schema and row count, and one call that writes it."""

import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

import dagster as dg

from dagster_project.faults import is_own, without_cause, without_values
from dagster_project.partitions import INDEX_DATES, asked_for
from dagster_project.resources import StrataResource
from dagster_project.stored_columns import stored_columns
from expectations.table import Column, Table
from pipelines.run.deployment import Deployment
from pipelines.stages.by_study import REFUSED
from pipelines.stages.stage_log import Reads, run_stage

NAME_WIDTH = 38
LINE_WIDTH = 120
NO_BREAK = "\u00a0"
EVERY_STUDY = "every_study"

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


def table_asset(
    tables: Sequence[Table], deps: Sequence[str], stage: Stage, by_study: bool = False, reads: Reads | None = None
) -> dg.AssetsDefinition:
    """Make the assets of tables that one stage writes in one call, perhaps for several studies (see by_study).

    A stage that says what it `reads` is left out where none of that is new.
    """

    @dg.multi_asset(
        specs=[spec_of(table, deps) for table in tables],
        name=f"write_{tables[0].name}",
        check_specs=_by_study(tables[0]) if by_study else None,
    )
    def body(strata: StrataResource):  # type: ignore[no-untyped-def]
        deployment = strata.deployment
        summary = told(tables[0].name, lambda: run_stage(deployment, tables[0].name, lambda: stage(deployment), tables, reads))
        for table in tables:
            yield dg.MaterializeResult(table.name, metadata={**metadata_of(summary), **_as_stored(strata.deployment, table)})
        if by_study:
            yield _every_study(tables[0], [summary])

    return body


def dated_asset(
    tables: Sequence[Table], deps: Sequence[str], stage: DatedStage, by_study: bool = False, reads: Reads | None = None
) -> dg.AssetsDefinition:
    """Make the assets of tables that one stage writes for one index date after the other."""
    name = tables[0].name

    @dg.multi_asset(
        specs=[spec_of(table, deps, partitioned=True) for table in tables],
        name=f"write_{tables[0].name}",
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=_by_study(tables[0]) if by_study else None,
    )
    def body(context: dg.AssetExecutionContext, strata: StrataResource):  # type: ignore[no-untyped-def]
        wanted = asked_for(context.run.tags, context.partition_keys)
        summaries = []
        for key in sorted(context.partition_keys):
            summary: Summary = {"status": "not a date of this run: left as it is"}
            if key in wanted:
                work = partial(stage, strata.deployment, date.fromisoformat(key))
                summary = told(f"{name} {key}", partial(run_stage, strata.deployment, name, work, tables, reads, key))
            for table in tables:
                of_date = {**metadata_of(summary), **_rows_of_date(strata.deployment, table, key)}
                context.add_asset_metadata(of_date, table.name, key)
            summaries.append(summary)
        for table in tables:
            yield dg.MaterializeResult(table.name, metadata=_as_stored(strata.deployment, table))
        if by_study:
            yield _every_study(tables[0], summaries)

    return body


def _by_study(table: Table) -> list[dg.AssetCheckSpec]:
    words = "Every study of the configuration was served; one that is refused stops none of the others."
    return [dg.AssetCheckSpec(EVERY_STUDY, asset=table.name, description=words)]


def _every_study(table: Table, summaries: Sequence[Summary]) -> dg.AssetCheckResult:
    refused = [str(summary[REFUSED]) for summary in summaries if REFUSED in summary]
    return dg.AssetCheckResult(
        asset_key=table.name, check_name=EVERY_STUDY, passed=not refused, description="\n".join(refused) or None
    )


def told(name: str, work: Callable[[], Summary]) -> Summary:
    """Do the work and tell the person who watches how long it took and what came of it, unless there was nothing to do."""
    start = time.perf_counter()
    try:
        summary = work()
    except Exception as error:
        if is_own(error):  # a refusal: trying again would be refused again
            raise dg.Failure(str(error), allow_retries=False) from without_cause(error)
        raise without_values(error)  # noqa: B904 - it holds its cause, and Dagster stores the words of a cause
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

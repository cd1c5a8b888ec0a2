"""Dagster's assets and checks, built from the declared stages: one call runs the stage that writes an asset's tables."""

import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import Any

import dagster as dg

from dagster_project.faults import is_own, without_cause, without_values
from dagster_project.partitions import INDEX_DATES, asked_for
from dagster_project.resources import StrataResource
from dagster_project.stored_columns import stored_columns
from expectations.table import Column, Table
from pipelines.lake.code_version import code_version
from pipelines.run.deployment import Deployment
from pipelines.stages.declared import perform, stages_of
from pipelines.stages.results import StageResult, Status
from pipelines.stages.stage import Check, Per, Stage

NAME_WIDTH = 38
LINE_WIDTH = 120
NO_BREAK = "\u00a0"
EVERY_STUDY = "every_study"
NOT_OF_THIS_RUN = StageResult(status=Status.SKIPPED, message="not a date of this run: left as it is")


def assets(deployment: Deployment) -> list[dg.AssetsDefinition]:
    """Return the assets of every stage of a deployment."""
    return [_asset(stage, deployment) for stage in stages_of(deployment) if stage.check is None]


def checks(deployment: Deployment) -> list[dg.AssetChecksDefinition]:
    """Return the checks that the stages of a deployment make."""
    return [_check(stage, stage.check) for stage in stages_of(deployment) if stage.check is not None]


def asset_names(stage: Stage) -> tuple[str, ...]:
    """Return the assets of a stage: its tables, or its own name if it writes none."""
    return tuple(table.name for table in stage.writes) or (stage.name,)


def dependencies(stage: Stage, deployment: Deployment) -> list[str]:
    """Return the assets that come before a stage: what it reads of this run, and what it follows, as far as the deployment has it."""
    existing = {name for other in stages_of(deployment) if other.check is None for name in asset_names(other)}
    before = [*(table.name for table in stage.tables_read(deployment)), *stage.follows]
    return [name for name in dict.fromkeys(before) if name in existing and name not in asset_names(stage)]


def with_progress(name: str, work: Callable[[], StageResult]) -> StageResult:
    """Do the work and print its duration and result in one line, unless there was nothing to do."""
    start = time.perf_counter()
    try:
        result = work()
    except Exception as error:
        if is_own(error):  # a refusal: trying again would be refused again
            raise dg.Failure(str(error), allow_retries=False) from without_cause(error)
        raise without_values(error)  # noqa: B904 - it holds its cause, and Dagster stores the words of a cause
    if result.status != Status.SKIPPED:
        print(_progress_line(name, time.perf_counter() - start, result), file=sys.stderr, flush=True)
    return result


def metadata_of(result: StageResult) -> dict[str, Any]:
    """Return what Dagster's pages show of a result. Text of several lines is Markdown."""
    return {
        name: dg.MetadataValue.md(value) if isinstance(value, str) and "\n" in value else value
        for name, value in result.summary.items()
        if isinstance(value, (int, float, str, dict)) and value != ""
    }


def _asset(stage: Stage, deployment: Deployment) -> dg.AssetsDefinition:
    @dg.multi_asset(
        specs=_specs(stage, deployment),
        name=f"write_{stage.name}" if stage.writes else stage.name,
        backfill_policy=dg.BackfillPolicy.single_run() if Per.INDEX_DATE in stage.per else None,
        check_specs=_checks_of_studies(stage, deployment),
    )
    def body(context: dg.AssetExecutionContext, strata: StrataResource):  # type: ignore[no-untyped-def]
        run = _run_dates if Per.INDEX_DATE in stage.per else _run_once
        results = list(run(context, strata.deployment, stage))
        facts = metadata_of(results[0]) if Per.INDEX_DATE not in stage.per else {}
        for table in stage.writes:
            yield dg.MaterializeResult(table.name, metadata={**facts, **_as_stored(strata.deployment, table)})
        if not stage.writes:
            yield dg.MaterializeResult(stage.name, metadata=facts)
        if _checks_of_studies(stage, strata.deployment):
            yield _every_study(stage, results)

    return body


def _run_once(context: dg.AssetExecutionContext, deployment: Deployment, stage: Stage) -> Iterator[StageResult]:
    yield with_progress(stage.name, lambda: perform(deployment, stage))


def _run_dates(context: dg.AssetExecutionContext, deployment: Deployment, stage: Stage) -> Iterator[StageResult]:
    """Run a stage for one index date after the other; dates that lie between those of the run are left as they are."""
    of_this_run = asked_for(context.run.tags, context.partition_keys)
    for key in sorted(context.partition_keys):
        result = NOT_OF_THIS_RUN
        if key in of_this_run:
            result = with_progress(f"{stage.name} {key}", partial(perform, deployment, stage, date.fromisoformat(key)))
        for table in stage.writes:
            of_date = {**metadata_of(result), **_rows_of_date(deployment, table, key)}
            context.add_asset_metadata(of_date, table.name, key)
        yield result


def _specs(stage: Stage, deployment: Deployment) -> list[dg.AssetSpec]:
    shared: dict[str, Any] = {
        "deps": dependencies(stage, deployment),
        "kinds": {stage.kind},
        "code_version": code_version(),
        "partitions_def": INDEX_DATES if Per.INDEX_DATE in stage.per else None,
    }
    declared = _declaration(stage)
    if not stage.writes:
        return [dg.AssetSpec(stage.name, group_name=stage.group, description=stage.description, metadata=declared, **shared)]
    return [
        dg.AssetSpec(
            table.name,
            group_name=table.layer,
            description=table.description,
            metadata={"dagster/column_schema": _schema(table.columns), **declared},
            **shared,
        )
        for table in stage.writes
    ]


def _declaration(stage: Stage) -> dict[str, str]:
    """Return what a stage declares besides its dependencies, as metadata of its assets."""
    parts = {
        "reads_earlier": [table.name for table in stage.reads_earlier],
        "settings": list(stage.settings),
        "outside_inputs": [str(which) for which in stage.outside],
    }
    return {f"strata/{name}": ", ".join(values) for name, values in parts.items() if values}


def _check(stage: Stage, check: Check) -> dg.AssetChecksDefinition:
    severity = dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN

    @dg.asset_check(asset=check.table.name, name=check.name, blocking=check.blocking, description=check.description)
    def body(strata: StrataResource) -> dg.AssetCheckResult:
        result = with_progress(stage.name, lambda: perform(strata.deployment, stage))
        return dg.AssetCheckResult(
            passed=not result.broken, severity=severity, description=result.broken or None, metadata=metadata_of(result)
        )

    return body


def _checks_of_studies(stage: Stage, deployment: Deployment) -> list[dg.AssetCheckSpec] | None:
    """Return the check that every study was served, for a stage of a deployment with several."""
    if Per.STUDY not in stage.per or len(deployment.studies) == 1:
        return None
    description = "Every study of the configuration was served. One that is refused stops none of the others."
    return [dg.AssetCheckSpec(EVERY_STUDY, asset=asset_names(stage)[0], description=description)]


def _every_study(stage: Stage, results: Sequence[StageResult]) -> dg.AssetCheckResult:
    refused = [result.refusals for result in results if result.refused]
    return dg.AssetCheckResult(
        asset_key=asset_names(stage)[0], check_name=EVERY_STUDY, passed=not refused, description="\n".join(refused) or None
    )


def _progress_line(name: str, seconds: float, result: StageResult) -> str:
    head = f"  {name:<{NAME_WIDTH}} {seconds:7.1f} s  "
    facts = [f"{key} {_figure(value)}".replace("_", " ") for key, value in result.summary.items() if _short(value)]
    unbroken = ", ".join(fact.replace(" ", NO_BREAK) for fact in facts)
    text = textwrap.fill(unbroken, LINE_WIDTH, initial_indent=head, subsequent_indent=" " * len(head)) if facts else head.rstrip()
    return text.replace(NO_BREAK, " ")


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


def _as_stored(deployment: Deployment, table: Table) -> dict[str, Any]:
    """Return the metadata of a table as it now is in the lake."""
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

"""Jobs, the monthly schedule and the sensor that waits for new extracts."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from dagster_project.partitions import add_index_dates
from pipelines.deployment import Deployment
from pipelines.errors import RefusalError
from pipelines.stages import run_plan

WHOLE = dg.define_asset_job(
    "whole_pipeline",
    dg.AssetSelection.all(),
    description="From new extracts to published scores, for every index date of the plan.",
)
CHECK = dg.define_asset_job(
    "check_extract", dg.AssetSelection.groups("landing", "raw"), description="Ingest and validate new extracts, and nothing else."
)
TRAINING = ("risk__models", "equity__model_audit")
SCORE = dg.define_asset_job(
    "score_only",
    dg.AssetSelection.all() - dg.AssetSelection.assets(*TRAINING),
    description="From new extracts to scores for the scoring date, by the champion there is; trains nothing.",
)


def jobs(deployment: Deployment) -> list[Any]:
    """Give the jobs; a source without a list of people has nobody to score."""
    return [WHOLE, CHECK, *([SCORE] if run_plan.has_list(deployment) else [])]


def _whole_run(instance: dg.DagsterInstance, deployment: Deployment, key: str) -> dg.RunRequest | dg.SkipReason:
    try:
        plan = run_plan.index_date_plan(deployment)
    except RefusalError as error:  # no extract has landed yet
        return dg.SkipReason(str(error))
    return dg.RunRequest(run_key=key, tags=add_index_dates(instance, {day for days in plan.values() for day in days}))


def schedules(deployment: Deployment) -> Sequence[dg.ScheduleDefinition]:
    """Give the monthly schedule: the second day of each month, 05:00 in London."""

    @dg.schedule(
        job=WHOLE,
        cron_schedule="0 5 2 * *",
        execution_timezone="Europe/London",
        description="The whole pipeline once a month, for every index date of the plan.",
    )
    def monthly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        return _whole_run(context.instance, deployment, f"monthly-{context.scheduled_execution_time:%Y-%m-%d}")

    return [monthly]


def sensors(deployment: Deployment) -> Sequence[dg.SensorDefinition]:
    """Give the sensor for new extracts; a deployment without files of its own has none."""
    if deployment.settings.source.kind == "synthetic":
        return []

    @dg.sensor(job=WHOLE, minimum_interval_seconds=300, description="The whole pipeline when files arrived or changed.")
    def new_extracts(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        seen = run_plan.landed_files_digest(deployment)
        if seen == context.cursor:
            yield dg.SkipReason("no new extract")
            return
        answer = _whole_run(context.instance, deployment, f"extracts-{seen}")
        if isinstance(answer, dg.RunRequest):
            context.update_cursor(seen)
        yield answer

    return [new_extracts]

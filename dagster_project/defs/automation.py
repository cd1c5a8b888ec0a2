"""Jobs, the monthly schedule and the sensor that waits for new extracts."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from dagster_project.partitions import add_index_dates
from dagster_project.resources import StrataResource
from pipelines import stages
from pipelines.deployment import Deployment

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
    return [WHOLE, CHECK, *([SCORE] if stages.has_list(deployment) else [])]


def _whole_run(
    context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext, strata: StrataResource, key: str
) -> dg.RunRequest:
    plan = stages.index_date_plan(strata.deployment)
    dates = sorted({day for days in plan.values() for day in days})
    return dg.RunRequest(run_key=key, tags=add_index_dates(context.instance, dates))


def schedules() -> Sequence[dg.ScheduleDefinition]:
    """Give the monthly schedule: the second day of each month, 05:00 in London."""

    @dg.schedule(job=WHOLE, cron_schedule="0 5 2 * *", execution_timezone="Europe/London")
    def monthly(context: dg.ScheduleEvaluationContext, strata: StrataResource) -> dg.RunRequest:
        """Run the whole pipeline once a month."""
        return _whole_run(context, strata, f"monthly-{context.scheduled_execution_time:%Y-%m-%d}")

    return [monthly]


def sensors(deployment: Deployment) -> Sequence[dg.SensorDefinition]:
    """Give the sensor for new extracts; a deployment without files of its own has none."""
    if deployment.settings.source.kind == "synthetic":
        return []

    @dg.sensor(job=WHOLE, minimum_interval_seconds=300)
    def new_extracts(context: dg.SensorEvaluationContext, strata: StrataResource) -> Iterator[dg.RunRequest | dg.SkipReason]:
        """Run the whole pipeline when files arrived or changed."""
        seen = stages.landed_files_digest(strata.deployment)
        if seen == context.cursor:
            yield dg.SkipReason("no new extract")
            return
        context.update_cursor(seen)
        yield _whole_run(context, strata, f"extracts-{seen}")

    return [new_extracts]

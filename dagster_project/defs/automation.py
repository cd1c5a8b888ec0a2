"""Jobs, what starts them, and how often a step that failed is tried again."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import dagster as dg

from dagster_project.partitions import add_index_dates
from dagster_project.resources import WATCHING, StrataResource
from dagster_project.stage_assets import metadata_of, with_progress
from expectations.tables import monitoring, risk
from pipelines.errors import StrataError
from pipelines.run.deployment import Deployment
from pipelines.stages import refreshing, run_plan, upkeep
from pipelines.stages.results import StageResult

LONDON = "Europe/London"
Answer = dg.RunRequest | dg.SkipReason  # of a schedule or a sensor
WHOLE = dg.define_asset_job(
    "whole_pipeline",
    dg.AssetSelection.all(),
    description="From new extracts to published scores, for every index date of the plan.",
)
CHECK = dg.define_asset_job(
    "check_extract",
    # With the organisations, by whose lines of succession rows are read; a ready-made feature table has none.
    dg.AssetSelection.groups("landing", "raw") | dg.AssetSelection.key_substring("core__organisation"),
    description="Ingest and validate new extracts, and nothing else.",
)
TRAINING = ("risk__models", "equity__model_audit", "equity__audit_for_readers")
SCORE = dg.define_asset_job(
    "score_only",
    dg.AssetSelection.all() - dg.AssetSelection.assets(*TRAINING),
    description="From new extracts to scores for the scoring date, by the champion there is; trains nothing.",
)
BACKFILL = dg.define_asset_job(
    "index_dates",
    dg.AssetSelection.assets("features__person", "risk__cohort_flow", "risk__labels"),
    description="Features and labels of chosen index dates, from the core tables there are.",
)
WATCH = dg.define_asset_job(
    "watch",
    dg.AssetSelection.assets(monitoring.ALERTS.name)
    | dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(risk.CURRENT.name), "fresh_enough")),
    tags={WATCHING: "true"},
    description="Whether readers have fresh scores, and the alerts: a day without a run is looked at, too.",
)


@dg.op(name="let_go", description="Remove what the settings keep no longer.")
def _let_go(strata: StrataResource) -> dg.Output[None]:
    result = with_progress("tidy", lambda: StageResult(upkeep.tidy(strata.deployment)))
    return dg.Output(None, metadata=metadata_of(result))


@dg.job(
    name="tidy",
    description="Old versions, old runs and old deliveries go; small files are put together.",
    tags={WATCHING: "true"},  # a full disk keeps runs from beginning, and this is what makes room
)
def tidy() -> None:
    """Let go of what is kept no longer."""
    _let_go()


@dg.op(name="remove_from_what_readers_see", description="Remove people who died, objected or left from what readers see.")
def _refresh(strata: StrataResource) -> dg.Output[None]:
    result = with_progress("refresh exclusions", lambda: refreshing.refresh_exclusions(strata.deployment))
    if result.refused:  # what the other feeds say is done; trying again would be refused again
        raise dg.Failure(result.refusals, metadata=metadata_of(result), allow_retries=False)
    return dg.Output(None, metadata=metadata_of(result))


@dg.job(
    name="refresh_exclusions",
    description="Take in the registered list and objections, and remove people who died, objected or left from what readers see.",
    tags={
        WATCHING: "true"
    },  # a late feed or an approval that ended keeps runs from beginning, and people are removed nevertheless
)
def refresh() -> None:
    """Remove people from what readers see between two runs."""
    _refresh()


def jobs(deployment: Deployment) -> list[Any]:
    """Return the jobs; a source without a list of people has no one to score, and a ready-made table has its own dates."""
    if not run_plan.has_list(deployment):
        return [WHOLE, _unattended(deployment), CHECK, tidy]
    settings = deployment.settings
    own_dates = not settings.source.chosen.is_conformed or not settings.study.cohort.one_date_for_all
    dated = [] if own_dates else [BACKFILL]
    refreshed = [refresh] if refreshing.list_tables(deployment) else []
    return [WHOLE, _unattended(deployment), CHECK, SCORE, *dated, WATCH, *refreshed, tidy]


def schedules(deployment: Deployment) -> Sequence[dg.ScheduleDefinition]:
    """Return the schedules: the month's run, the daily watch and the monthly tidying, in London's time."""
    settings, whole = deployment.settings.schedule, _unattended(deployment)

    @dg.schedule(
        job=whole,
        cron_schedule=f"0 {settings.hour} {settings.day_of_month} * *",
        execution_timezone=LONDON,
        description="The whole pipeline once a month, for every index date of the plan.",
    )
    def monthly(context: dg.ScheduleEvaluationContext) -> Answer:
        return _whole_run(context.instance, deployment, f"monthly-{context.scheduled_execution_time:%Y-%m-%d}")

    if not run_plan.has_list(deployment):
        return [monthly]
    daily = dg.ScheduleDefinition(name="daily_watch", job=WATCH, cron_schedule="0 7 * * *", execution_timezone=LONDON)
    tidying = dg.ScheduleDefinition(name="monthly_tidy", job=tidy, cron_schedule="0 3 20 * *", execution_timezone=LONDON)
    if not refreshing.list_tables(deployment):
        return [monthly, daily, tidying]

    @dg.schedule(
        job=refresh,
        cron_schedule="30 6 * * *",
        execution_timezone=LONDON,
        description="Every day: people who died, objected or left are removed from what readers see.",
    )
    def daily_refresh(context: dg.ScheduleEvaluationContext) -> Answer:
        return _refresh_request(deployment, f"daily-{context.scheduled_execution_time:%Y-%m-%d}")

    return [monthly, daily, daily_refresh, tidying]


def sensors(deployment: Deployment) -> Sequence[dg.SensorDefinition]:
    """Return the sensors for new extracts; a deployment whose files Strata writes has none."""
    if deployment.settings.source.chosen.writes_its_extracts:
        return []

    new_extracts = _sensor(
        "new_extracts",
        _unattended(deployment),
        "The whole pipeline when files arrived or changed.",
        lambda: run_plan.landed_files_digest(deployment),
        lambda instance, seen: _whole_run(instance, deployment, f"extracts-{seen}"),
    )
    if not run_plan.has_list(deployment) or not refreshing.list_tables(deployment):
        return [new_extracts]
    new_lists = _sensor(
        "new_lists",
        refresh,
        "The refresh of exclusions when files of the registered list or of objections arrived or changed.",
        lambda: refreshing.landed_lists_digest(deployment),
        lambda _, seen: _refresh_request(deployment, f"lists-{seen}"),
    )
    return [new_extracts, new_lists]


def _sensor(
    name: str, job: Any, description: str, digest: Callable[[], str], request: Callable[[dg.DagsterInstance, str], Answer]
) -> dg.SensorDefinition:
    """Return a sensor that requests a run when the digest of landed files is not that of its latest run."""

    @dg.sensor(name=name, job=job, minimum_interval_seconds=300, description=description)
    def watch(context: dg.SensorEvaluationContext) -> Answer:
        seen = digest()
        if seen == context.cursor:
            return dg.SkipReason("no file arrived or changed")
        answer = request(context.instance, seen)
        if isinstance(answer, dg.RunRequest):
            context.update_cursor(seen)
        return answer

    return watch


@cache
def _unattended(deployment: Deployment) -> Any:
    """Return the job that schedule and sensor start: the whole pipeline, with steps that are tried again after a fault."""
    settings = deployment.settings.schedule
    policy = dg.RetryPolicy(
        max_retries=settings.retries, delay=settings.retry_delay_s, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
    )
    return dg.define_asset_job(
        "unattended",
        dg.AssetSelection.all(),
        op_retry_policy=policy,
        description="The whole pipeline as schedule and sensor start it: a step that fails by a fault is tried again.",
    )


def _refresh_request(deployment: Deployment, key: str) -> Answer:
    if not refreshing.is_published(deployment):
        return dg.SkipReason("no run is published, so readers see no one")
    return dg.RunRequest(run_key=key)


def _whole_run(instance: dg.DagsterInstance, deployment: Deployment, key: str) -> Answer:
    try:
        run_plan.refuse_future_dates(deployment)
        run_plan.refuse_deliveries_far_ahead(deployment)
        run_plan.refuse_late(deployment)
        run_plan.refuse_contradictory_dates(deployment)
        plan = run_plan.whole_plan(deployment)
    except StrataError as error:  # no extract has landed yet, one is dated after today, a feed is awaited, or dates do not fit
        return dg.SkipReason(str(error))
    return dg.RunRequest(run_key=key, tags=add_index_dates(instance, {day for days in plan.values() for day in days}))

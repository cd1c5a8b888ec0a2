"""Every stage, in an order in which each comes after what it reads, and the run of one of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache

from pipelines.run.deployment import Deployment
from pipelines.stages import building, conforming, landing, modelling, monitoring, publishing, run_plan
from pipelines.stages.results import StageResult
from pipelines.stages.stage import Per, Stage
from pipelines.stages.stage_log import run_stage

# The stages of each feed, which come between the first and the others, are made by landing.feed_stages.
FIRST: tuple[Stage, ...] = (landing.write_synthetic_board,)
STAGES: tuple[Stage, ...] = (
    *landing.STAGES,
    *conforming.STAGES,
    *building.STAGES,
    *modelling.STAGES,
    *monitoring.STAGES,
    *publishing.STAGES,
)


@cache
def stages_of(deployment: Deployment) -> tuple[Stage, ...]:
    """Return the stages of a deployment: those that its source, its feeds and its settings allow."""
    first, others = (tuple(stage for stage in stages if stage.exists(deployment)) for stages in (FIRST, STAGES))
    return (*first, *landing.feed_stages(deployment), *others)


@cache
def shared_tables(deployment: Deployment) -> frozenset[str]:
    """Return the tables to which other stages add what the stage that writes them did not."""
    every = [*stages_of(deployment), *(stage.first for stage in stages_of(deployment) if stage.first)]
    return frozenset(table.name for stage in every for table in stage.adds_to)


def perform(deployment: Deployment, stage: Stage, index_date: date | None = None) -> StageResult:
    """Run a stage of a deployment and record it; skip it if nothing that it reads or wrote has changed."""
    return run_stage(deployment, stage, index_date, shared_tables(deployment))


def perform_all(deployment: Deployment) -> Iterator[tuple[Stage, date | None, StageResult]]:
    """Run every stage for every index date of the plan, one after the other, and yield each with its result."""
    for stage in stages_of(deployment):
        dates: tuple[date | None, ...] = (None,)
        if Per.INDEX_DATE in stage.per:
            plan = run_plan.whole_plan(deployment)
            dates = tuple(sorted({day for days in plan.values() for day in days}))
        for day in dates:
            yield stage, day, perform(deployment, stage, day)

"""Every stage, in an order in which each comes after what it reads, and the run of one of them."""

from __future__ import annotations

from datetime import date
from functools import cache

from pipelines.run.deployment import Deployment
from pipelines.stages import building, conforming, landing, modelling, monitoring, organisations, planning, publishing
from pipelines.stages.results import StageResult
from pipelines.stages.stage import Stage
from pipelines.stages.stage_log import run_stage

# The stages of each feed, which come between the first and the others, are made by landing.feed_stages.
FIRST: tuple[Stage, ...] = (landing.write_synthetic_board, organisations.conform_organisations)
STAGES: tuple[Stage, ...] = (
    *landing.STAGES,
    *conforming.STAGES,
    *building.STAGES,
    *modelling.STAGES,
    *planning.STAGES,
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

"""Which stages a deployment has: it follows from its source."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.run.deployment import Deployment
from pipelines.stages import run_plan

Predicate = Callable[[Deployment], bool]


def has_core(deployment: Deployment) -> bool:
    """Return whether the source's rows become core tables; a ready-made feature table has none."""
    return run_plan.has_core_tables(deployment)


def has_ready_table(deployment: Deployment) -> bool:
    """Return whether the source is a ready-made feature table."""
    return not run_plan.has_core_tables(deployment)


def has_list(deployment: Deployment) -> bool:
    """Return whether there is a list of people to score."""
    return run_plan.has_list(deployment)


def has_people_and_core(deployment: Deployment) -> bool:
    """Return whether there are people to score, whose features are built from core tables."""
    return has_list(deployment) and has_core(deployment)


def is_for_planning(deployment: Deployment) -> bool:
    """Return whether a deployment with core tables is for planning, which follows the national data opt-out."""
    return has_core(deployment) and deployment.settings.purpose.use == "planning"


def has_synthetic_board(deployment: Deployment) -> bool:
    """Return whether the source is a synthetic board, which Strata writes itself."""
    return run_plan.source(deployment).source.writes_its_extracts


def has_database(deployment: Deployment) -> bool:
    """Return whether a database follows the lake and there are people to score."""
    return deployment.settings.publish.postgres is not None and has_list(deployment)


def has_feed(feed: str) -> Predicate:
    """Return a predicate: whether the source has a feed."""
    return lambda deployment: has_core(deployment) and any(table.feed == feed for table in run_plan.raw_tables(deployment))

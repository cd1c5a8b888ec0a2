"""Take a synthetic board's extracts through ingest, validation, conform and features, and keep the core tables for several dates."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings
from pipelines.stages import building, conforming, landing, organisations, run_plan
from pipelines.stages.stage import Stage
from pipelines.validation.validate import validate_feed

SETTINGS = {
    "deployment": "deliveries", "purpose": {"use": "planning", "approval": "Synthetic people", "approval_expires": "2099-12-31"},
    "source": {"kind": "nhs", "nhs": {}}, "engine": {"threads": 1}, "validation": {"least_month_rows": 60},
}  # fmt: skip
CONFORM = (
    conforming.conform_areas, conforming.conform_objections, conforming.conform_people,
    conforming.conform_registrations, conforming.conform_spells, conforming.conform_events, conforming.conform_coverage,
)  # fmt: skip


def opened(home: Path) -> Deployment:
    """Return the deployment of a home."""
    return Deployment(Settings.model_validate(SETTINGS), home, home)


def validated(extracts: Path, home: Path, keep: Callable[[Path], bool]) -> Deployment:
    """Copy the extracts that are kept into a home, and ingest and validate them."""
    for file in extracts.rglob("*.csv"):
        if keep(file):
            target = home / "landing" / file.relative_to(extracts)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    deployment = opened(home)
    organisations.conform_organisations(deployment)
    reading = run_plan.source(deployment).reading
    for table in run_plan.raw_tables(deployment):
        landing.ingest(deployment, table)
        with deployment.duckdb() as con:  # without the pages of the stage
            validate_feed(deployment.lake, con, table, reading, deployment.settings.validation)
    return deployment


def conform(deployment: Deployment, steps: Sequence[Stage] = CONFORM) -> Deployment:
    """Make the core tables, or those of some steps."""
    for step in steps:
        step(deployment)
    return deployment


def features_on(deployment: Deployment, day: date) -> pd.DataFrame:
    """Build the features of an index date and return them in order of person."""
    building.build_features(deployment, day)
    rows = deployment.lake.read("features__person", order="person_id", partition={"index_date": day.isoformat()}).to_pandas()
    return rows.drop(columns="person_key").reset_index(drop=True)

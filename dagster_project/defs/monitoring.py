"""Features that moved, lists run by run, what came of past scores, and the alerts these raise."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from dagster_project.table_assets import table_asset
from expectations.tables import monitoring as tables
from expectations.tables.features import PERSON_FEATURES
from expectations.tables.records import VALIDATION
from expectations.tables.risk import LABELS, RUNS
from expectations.tables.risk import SCORES as RISKS
from pipelines.run.deployment import Deployment
from pipelines.stages import monitoring, run_plan


def assets(deployment: Deployment) -> Sequence[dg.AssetsDefinition]:
    """Give the monitoring of a deployment that has people to score."""
    if not run_plan.has_list(deployment):
        return []
    several = len(deployment.studies) > 1
    watched = [tables.DRIFT.name, tables.SCORES.name, tables.CALIBRATION.name, VALIDATION.name]
    return [
        table_asset([tables.DRIFT], [PERSON_FEATURES.name, RUNS.name], monitoring.drift, several),
        table_asset([tables.SCORES], [RISKS.name, RUNS.name], monitoring.scores),
        table_asset([tables.CALIBRATION], [RISKS.name, LABELS.name, RUNS.name], monitoring.calibration),
        table_asset([tables.ALERTS], watched, monitoring.alerts),
    ]

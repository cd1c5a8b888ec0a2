"""Inequality in the outcomes themselves: rates by group, from the labels of every index date."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from dagster_project.table_assets import table_asset
from expectations.tables.equity import OUTCOME_RATES
from expectations.tables.features import PERSON_FEATURES
from expectations.tables.risk import LABELS
from pipelines.run.deployment import Deployment
from pipelines.stages import modelling, run_plan


def assets(deployment: Deployment) -> Sequence[dg.AssetsDefinition]:
    """Give the rates of the outcomes of a deployment that has people to label."""
    if not run_plan.has_list(deployment):
        return []
    return [table_asset([OUTCOME_RATES], [PERSON_FEATURES.name, LABELS.name], modelling.outcome_rates)]

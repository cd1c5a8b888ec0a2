"""Models and scores: trained over all index dates, published for the scoring date."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from dagster_project.table_assets import dated_asset, table_asset
from expectations.tables import risk
from expectations.tables.features import PERSON_FEATURES
from pipelines.deployment import Deployment
from pipelines.stages import modelling, run_plan


def assets(deployment: Deployment) -> Sequence[dg.AssetsDefinition]:
    """Give the model and score tables of a deployment that has people to score."""
    if not run_plan.has_list(deployment):
        return []
    return [
        table_asset([risk.MODELS, risk.MODEL_AUDIT], [PERSON_FEATURES.name, risk.LABELS.name], modelling.train),
        dated_asset(
            [risk.SCORES, risk.DRIVERS, risk.RUNS, risk.CURRENT], [PERSON_FEATURES.name, risk.MODELS.name], modelling.score
        ),
    ]

"""Models and scores: trained over all index dates, published for the scoring date."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from dagster_project.resources import StrataResource
from dagster_project.table_assets import dated_asset, table_asset
from expectations.tables import caseload, risk
from expectations.tables.equity import AUDIT_FOR_READERS
from expectations.tables.features import PERSON_FEATURES
from pipelines.conform.actions import FEED
from pipelines.run.deployment import Deployment
from pipelines.stages import modelling, monitoring, run_plan


def assets(deployment: Deployment) -> Sequence[dg.AssetsDefinition]:
    """Give the model and score tables of a deployment that has people to score."""
    if not run_plan.has_list(deployment):
        return []
    several = len(deployment.studies) > 1
    sent = [caseload.ACTIONS.name] if any(table.feed == FEED for table in run_plan.raw_tables(deployment)) else []
    return [
        table_asset(
            [risk.MODELS, risk.MODEL_AUDIT, AUDIT_FOR_READERS], [PERSON_FEATURES.name, risk.LABELS.name], modelling.train, several
        ),
        dated_asset(
            [risk.SCORES, risk.DRIVERS, risk.RUNS, risk.CURRENT, caseload.CASELOAD, caseload.RISING, caseload.EXCLUSIONS],
            [PERSON_FEATURES.name, risk.MODELS.name, *sent],
            modelling.score,
            several,
        ),
    ]


def checks(deployment: Deployment) -> Sequence[dg.AssetChecksDefinition]:
    """Give the check of the scores' age, which stops nothing."""
    if not run_plan.has_list(deployment):
        return []

    @dg.asset_check(asset=risk.CURRENT.name, name="fresh_enough", blocking=False)
    def body(strata: StrataResource) -> dg.AssetCheckResult:
        """Tell where the scores that readers see are older than their contract promises."""
        stale = monitoring.stale_scores(strata.deployment)
        return dg.AssetCheckResult(passed=not stale, severity=dg.AssetCheckSeverity.WARN, description="; ".join(stale) or None)

    return [body]

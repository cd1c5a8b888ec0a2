"""Features, labels and the cohort's flow: one partition for each index date."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from dagster_project.table_assets import dated_asset, table_asset
from expectations.tables import core, risk
from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from pipelines.run.deployment import Deployment
from pipelines.stages import building, run_plan
from pipelines.stages.stage_log import Reads

READ_BY_FEATURES = (
    CATALOGUE.name, core.PERSON.name, core.REGISTRATION.name, core.RESIDENCE.name, core.AREA.name, core.ORGANISATION.name,
    core.ORGANISATION_RELATION.name, core.ORGANISATION_SUCCESSION.name, core.SPELL.name, core.EVENT.name,
    core.EVENT_SUPERSEDED.name, core.EVENT_TYPE.name, core.CODE.name, core.CODE_NAME.name, core.CODE_ANCESTOR.name, core.COVERAGE.name,
)  # fmt: skip


def assets(deployment: Deployment) -> Sequence[dg.AssetsDefinition]:
    """Give the feature tables of a deployment that has people to score."""
    if not deployment.settings.source.chosen.is_conformed:
        raw = run_plan.raw_tables(deployment)[0].name
        tables = [PERSON_FEATURES, CATALOGUE, risk.LABELS, risk.COHORT_FLOW]
        return [dated_asset(tables, [raw, core.QUARANTINE.name], building.load_ready_table)]
    if not run_plan.has_list(deployment):
        return []
    conformed = [
        table.name
        for table in (
            core.PERSON,
            core.REGISTRATION,
            core.RESIDENCE,
            core.AREA,
            core.ORGANISATION,
            core.SPELL,
            core.EVENT,
            core.CODE_NAME,
            core.CODE_ANCESTOR,
        )
    ]
    several = len(deployment.studies) > 1
    return [
        table_asset([CATALOGUE], [core.COVERAGE.name], building.build_catalogue),
        dated_asset(
            [PERSON_FEATURES, risk.COHORT_FLOW],
            [CATALOGUE.name, core.LINKAGE.name, *conformed],
            building.build_features,
            reads=Reads(READ_BY_FEATURES, ("omop_cohort",)),
        ),
        dated_asset([risk.LABELS], [PERSON_FEATURES.name, core.SPELL.name], building.build_labels, several),
    ]

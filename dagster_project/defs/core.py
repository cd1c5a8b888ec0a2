"""The core tables: validated rows, conformed."""

from collections.abc import Sequence

import dagster as dg

from dagster_project.resources import StrataResource
from dagster_project.table_assets import metadata_of, table_asset, told
from expectations.tables import core
from expectations.tables.features import SAME_DAY_CARE
from expectations.tables.records import VALIDATION
from expectations.tables.risk import VOLUMES
from pipelines.deployment import Deployment
from pipelines.stages import conforming, landing, run_plan


def assets(deployment: Deployment) -> Sequence[dg.AssetsDefinition]:
    """Give the core tables; a ready-made feature table has none but the quarantine."""
    raw = [table.name for table in run_plan.raw_tables(deployment)]
    quarantine = table_asset([core.QUARANTINE, VALIDATION], raw, landing.count_quarantine)
    if deployment.settings.source.kind == "feature_table":
        return [quarantine]
    after = [core.QUARANTINE.name]
    person = core.PERSON.name
    return [
        quarantine,
        table_asset([VOLUMES], after, landing.count_volumes),
        table_asset(
            [core.ORGANISATION, core.ORGANISATION_RELATION, core.ORGANISATION_SUCCESSION], after, conforming.conform_organisations
        ),
        table_asset([core.AREA], after, conforming.conform_areas),
        table_asset([core.PERSON], after, conforming.conform_people),
        table_asset([core.REGISTRATION, core.RESIDENCE], [person], conforming.conform_registrations),
        table_asset([core.SPELL], [person], conforming.conform_spells),
        table_asset(
            [core.EVENT, core.EVENT_SUPERSEDED, core.CODE, core.EVENT_TYPE, core.CODE_NAME, core.CODE_ANCESTOR],
            [core.SPELL.name],
            conforming.conform_events,
        ),
        table_asset([core.COVERAGE], [core.REGISTRATION.name, core.EVENT.name], conforming.conform_coverage),
        table_asset([core.LINKAGE], [core.REGISTRATION.name, core.EVENT.name], conforming.conform_linkage),
        table_asset([SAME_DAY_CARE], [core.EVENT.name], conforming.write_same_day_care),
    ]


def checks(deployment: Deployment) -> Sequence[dg.AssetChecksDefinition]:
    """Give the blocking check of the link between feeds and list."""
    if deployment.settings.source.kind == "feature_table" or not run_plan.has_list(deployment):
        return []

    @dg.asset_check(asset=core.LINKAGE.name, name="people_found_on_the_list", blocking=True)
    def body(strata: StrataResource) -> dg.AssetCheckResult:
        """Refuse to go on where a feed's people are strangers to the list."""
        summary = told("people found on the list", lambda: conforming.check_linkage(strata.deployment))
        broken = str(summary.get("broken", ""))
        return dg.AssetCheckResult(
            passed=not broken,
            description=broken,
            metadata=metadata_of({key: value for key, value in summary.items() if key != "broken"}),
        )

    return [body]

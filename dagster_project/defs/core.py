"""The core tables: validated rows, conformed."""

from collections.abc import Sequence

import dagster as dg

from dagster_project.resources import StrataResource
from dagster_project.table_assets import metadata_of, table_asset, told
from expectations.feeds import ADMISSIONS, EVENT_FEEDS, LIST_FEEDS
from expectations.tables import core
from expectations.tables.caseload import ACTIONS
from expectations.tables.features import SAME_DAY_CARE
from expectations.tables.records import VALIDATION
from expectations.tables.risk import VOLUMES
from pipelines.conform.actions import FEED
from pipelines.run.deployment import Deployment
from pipelines.stages import conforming, landing, run_plan
from pipelines.stages.stage_log import Reads


def assets(deployment: Deployment) -> Sequence[dg.AssetsDefinition]:
    """Give the core tables; a ready-made feature table has none but the quarantine."""
    raw = [table.name for table in run_plan.raw_tables(deployment)]
    quarantine = table_asset([core.QUARANTINE, VALIDATION], raw, landing.count_quarantine)
    if not deployment.settings.source.chosen.is_conformed:
        return [quarantine]
    after = [core.QUARANTINE.name]
    person = core.PERSON.name
    followed = [core.REGISTRATION.name, core.EVENT.name]
    read_there = (person, *followed)
    return [
        quarantine,
        table_asset([VOLUMES], after, landing.count_volumes),
        table_asset(
            [core.ORGANISATION, core.ORGANISATION_RELATION, core.ORGANISATION_SUCCESSION], after, conforming.conform_organisations
        ),
        table_asset([core.AREA], after, conforming.conform_areas),
        table_asset([core.PERSON], after, conforming.conform_people, reads=Reads()),
        table_asset(
            [core.REGISTRATION, core.RESIDENCE],
            [person, core.AREA.name],
            conforming.conform_registrations,
            reads=Reads((person, core.AREA.name), _feeds(deployment, *LIST_FEEDS)),
        ),
        table_asset(
            [core.SPELL], [person], conforming.conform_spells, reads=Reads((person,), _feeds(deployment, ADMISSIONS.name))
        ),
        table_asset(
            [core.EVENT, core.EVENT_SUPERSEDED, core.CODE, core.EVENT_TYPE],
            [core.SPELL.name],
            conforming.conform_events,
            reads=Reads((person, core.SPELL.name), _feeds(deployment, *EVENT_FEEDS)),
        ),
        table_asset([core.CODE_NAME, core.CODE_ANCESTOR], [core.EVENT.name], conforming.write_vocabulary),
        table_asset([core.COVERAGE], followed, conforming.conform_coverage, reads=Reads(read_there)),
        table_asset([core.LINKAGE], followed, conforming.conform_linkage, reads=Reads(read_there)),
        *([table_asset([ACTIONS], after, conforming.conform_actions)] if f"raw__{FEED}" in raw else []),
        table_asset([SAME_DAY_CARE], [core.EVENT.name], conforming.write_same_day_care),
    ]


def _feeds(deployment: Deployment, *names: str) -> tuple[str, ...] | None:
    """Give the feeds that a step reads; every table of an OMOP source may bear on each of them."""
    return deployment.settings.source.chosen.feeds_read(names)


def checks(deployment: Deployment) -> Sequence[dg.AssetChecksDefinition]:
    """Give the blocking check of the link between feeds and list."""
    if not deployment.settings.source.chosen.is_conformed or not run_plan.has_list(deployment):
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

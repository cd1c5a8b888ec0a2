"""From validated rows to core tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import duckdb

from expectations.feeds import ADMISSIONS, EVENT_FEEDS, GP_OBSERVATIONS, LIST_FEEDS, OBJECTION_FEEDS, PATIENTS, REGISTRATIONS
from expectations.tables import core, core_places
from expectations.tables.caseload import ACTIONS
from expectations.tables.features import SAME_DAY_CARE
from expectations.tables.measurement_units import UNITS
from expectations.tables.monitoring import LIST_USE, LIST_USE_BY_PRACTICE
from features.analytes import analyte_of_code
from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from features.undecided_products import undecided_products
from pipelines.building import code_list_use, same_day_care
from pipelines.conform import actions, areas_and_organisations, core_tables, objections
from pipelines.conform.by_source import conform_of
from pipelines.conform.code_vocabulary import name_codes, write_ancestors
from pipelines.conform.deaths import activity_after_death, check_activity
from pipelines.conform.event import EventRequest
from pipelines.conform.linkage import check_linkage as linkage_check
from pipelines.conform.objection_inputs import read_objection_inputs
from pipelines.lake.decision_record import ACCEPTED_BREACH, DEATH_REVIEW, NATIONAL_OPT_OUT
from pipelines.stages.context import StageContext
from pipelines.stages.organisations import check_organisations
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_core, has_feed, has_list, is_for_planning
from pipelines.stages.results import StageResult
from pipelines.stages.stage import ALL_FEEDS, Check, Stage, stage
from pipelines.stages.stage_inputs import (
    availability,
    case_cautious,
    confidential_people,
    deaths_named,
    national_list_check,
    people_accepted_as_alive,
    stated_deaths,
    stated_ends,
    stated_stays,
    superseded_rows,
    suppressing_marks,
    validated_rows,
    validated_rows_of,
)

Summary = Mapping[str, Any]


@stage([core_places.AREA], outside=(OutsideInput.REFERENCE_FILES,), follows=(core.QUARANTINE.name,), exists=has_core)
def conform_areas(context: StageContext) -> StageResult:
    """Write core__area from the reference files."""
    return StageResult(areas_and_organisations.conform_areas(context.lake, context.outside.reference))


@stage(
    [core.OBJECTION, core.OBJECTION_DELIVERY],
    reads_earlier=(core.OBJECTION, core.OBJECTION_DELIVERY),
    feeds=(*(feed.name for feed in OBJECTION_FEEDS), PATIENTS.name, REGISTRATIONS.name),
    settings=("source", "conform.objections"),
    decisions=(ACCEPTED_BREACH,),
    follows=(core.QUARANTINE.name,),
    exists=has_core,
)
def conform_objections(context: StageContext) -> StageResult:
    """Write core__objection and core__objection_delivery."""
    settings = context.settings.conform.objections
    inputs = read_objection_inputs(context.lake, context.raw_tables, context.source.reading)
    if not inputs.statements and not context.lake.rows(core.OBJECTION.name):
        context.lake.write(core.OBJECTION, [])
        context.lake.write(core.OBJECTION_DELIVERY, [])
        return StageResult({"objections": 0})
    return _conformed(context, lambda con, rows: objections.conform_objections(context.lake, con, rows, inputs, settings))


@stage(
    name="objections delivered",
    reads=(core.OBJECTION_DELIVERY,),
    settings=("conform.objections",),
    check=Check("objections_delivered", core.OBJECTION, "Refuse to go on where a delivery lacks objections or names strangers."),
    exists=has_core,
)
def check_objections(context: StageContext) -> StageResult:
    """Check that no delivery lacks too many objections, or names too many people who are not on the list."""
    deliveries = context.lake.read(core.OBJECTION_DELIVERY.name).to_pandas()
    objections.check_objections(deliveries, context.settings.conform.objections)
    return StageResult({"deliveries": len(deliveries)})


@stage(
    name="national list valid",
    reads=(core.OBJECTION_DELIVERY,),
    settings=("source.kind",),
    outside=(OutsideInput.TODAY,),
    decisions=(NATIONAL_OPT_OUT,),
    check=Check("national_list_valid", core.OBJECTION_DELIVERY, "Refuse planning with a national opt-out list that has expired."),
    exists=is_for_planning,
)
def check_national_list(context: StageContext) -> StageResult:
    """Check that planning uses a national list that is still valid, unless a decision states that it needs none."""
    return national_list_check(context)


@stage(
    [core.PERSON],
    reads=(core.OBJECTION,),
    follows=(core.OBJECTION_DELIVERY.name,),
    adds_to=(core.QUARANTINE,),
    reads_earlier=(core.PERSON,),
    feeds=ALL_FEEDS,
    settings=("source", "clinical", "conform.deaths"),
    decisions=(DEATH_REVIEW,),
    exists=has_core,
)
def conform_people(context: StageContext) -> StageResult:
    """Write core__person; rows of an OMOP source that break a rule of other tables are quarantined first."""
    deaths = stated_deaths(context) or deaths_named(context)
    stated = core_tables.StatedFacts(
        deaths,
        stays=stated_stays(context),
        marks=suppressing_marks(context),
        alive=people_accepted_as_alive(context),
        confidential=confidential_people(context),
        cautious=case_cautious(context),
        settings=context.settings.conform.deaths,
    )
    conform, rules = conform_of(context.source), context.settings.clinical
    with context.machine.duckdb() as con:
        return StageResult(conform.people(context.lake, con, validated_rows(context), rules, stated))


@stage(
    [core.REGISTRATION, core.RESIDENCE],
    reads=(core.PERSON, core_places.AREA),
    feeds=LIST_FEEDS,
    settings=("source", "conform.registration"),
    exists=has_core,
)
def conform_registrations(context: StageContext) -> StageResult:
    """Write core__registration and core__residence, and refuse residences of a year the areas do not know."""
    registration, ends = context.settings.conform.registration, stated_ends(context)

    def work(con: duckdb.DuckDBPyConnection, rows: Mapping[str, str]) -> Summary:
        summary = core_tables.conform_registrations(context.lake, con, rows, registration, ends)
        areas_and_organisations.check_residences(context.lake, con)
        return summary

    return _conformed(context, work)


@stage([core.SPELL], reads=(core.PERSON,), feeds=(ADMISSIONS.name,), settings=("source", "clinical"), exists=has_core)
def conform_spells(context: StageContext) -> StageResult:
    """Write core__spell."""
    available, rules, gone = availability(context), context.settings.clinical, superseded_rows(context, (ADMISSIONS.name,))
    return _conformed(context, lambda con, rows: core_tables.conform_spells(context.lake, con, rows, rules, available, gone))


@stage(
    [core.EVENT, core.EVENT_SUPERSEDED, core.CODE, core.EVENT_TYPE],
    reads=(core.PERSON, core.SPELL),
    reads_earlier=(core.CODE,),
    feeds=EVENT_FEEDS,
    settings=("source", "clinical", "conform.events"),
    outside=(OutsideInput.EVENT_CODES,),
    exists=has_core,
)
def conform_events(context: StageContext) -> StageResult:
    """Write core__event and its dictionaries."""
    settings, conform = context.settings, conform_of(context.source)
    work, gone = context.machine.home / "spill" / "events", superseded_rows(context)
    request = EventRequest(
        settings.clinical, conform.availability(), work, settings.conform.events, gone, context.outside.event_code_lists
    )
    with context.machine.duckdb() as con:
        return StageResult(conform.events(context.lake, con, validated_rows(context), request))


@stage(
    [UNITS],
    feeds=(GP_OBSERVATIONS.name,),
    settings=("source",),
    outside=(OutsideInput.EVENT_CODES,),
    follows=(core.EVENT.name,),
    exists=has_feed(GP_OBSERVATIONS.name),
)
def count_units(context: StageContext) -> StageResult:
    """Write monitoring__units: how the units of measured values were read."""
    analytes, available = analyte_of_code(context.outside.event_code_lists), availability(context)
    return _conformed(context, lambda con, rows: core_tables.conform_units(context.lake, con, rows, analytes, available))


@stage(
    [core.CODE_NAME, core.CODE_ANCESTOR],
    reads=(core.CODE,),
    feeds=("omop_concept",),
    settings=("source", "study.code_level.groups"),
    outside=(OutsideInput.CODE_LISTS, OutsideInput.LANDED_EXTRACTS),
    follows=(core.EVENT.name,),
    exists=has_core,
)
def write_vocabulary(context: StageContext) -> StageResult:
    """Write what codes are called, and the concepts above them if the study groups by those."""
    conform, grouped = conform_of(context.source), context.settings.study.code_level.groups == "omop_ancestors"
    files = conform.concept_ancestors() if grouped else ()
    with context.machine.duckdb() as con:
        concepts = next(
            (validated_rows_of(context, table) for table in context.raw_tables if table.feed == conform.concept_feed), None
        )
        name_codes(context.lake, con, load_code_lists(context.outside.code_lists), concepts)
        write_ancestors(context.lake, con, files)
    rows = context.lake.rows
    return StageResult({"names": rows(core.CODE_NAME.name), "ancestors": rows(core.CODE_ANCESTOR.name)})


@stage(
    name="activity after death",
    reads=(core.PERSON, core.EVENT),
    settings=("conform.deaths",),
    check=Check("activity_after_death", core.EVENT, "Refuse to go on where many people have events after their date of death."),
    exists=has_core,
)
def check_deaths(context: StageContext) -> StageResult:
    """Count the people with events after their date of death, and check their share."""
    settings = context.settings.conform.deaths
    with context.machine.duckdb() as con:
        people, active = activity_after_death(context.lake, con, settings)
    check_activity(people, active, settings)
    return StageResult({"people_with_a_date_of_death": people, "people_with_activity_after_death": active})


@stage([ACTIONS], feeds=(actions.FEED,), settings=("source",), exists=has_feed(actions.FEED))
def conform_actions(context: StageContext) -> StageResult:
    """Write risk__actions."""
    return _conformed(context, lambda con, rows: actions.conform_actions(context.lake, con, rows))


@stage(
    [core.COVERAGE],
    reads=(core.REGISTRATION, core.EVENT, core.EVENT_SUPERSEDED, core.CODE),
    feeds=(ADMISSIONS.name,),
    settings=("source", "conform.coverage"),
    outside=(OutsideInput.DATA_CUT, OutsideInput.FEED_CUTS),
    exists=has_core,
)
def conform_coverage(context: StageContext) -> StageResult:
    """Write core__coverage."""
    coverage, conform = context.settings.conform.coverage, conform_of(context.source)
    cut, cuts = context.outside.data_cut, context.outside.feed_cuts
    with context.machine.duckdb() as con:
        return StageResult(conform.coverage(context.lake, con, validated_rows(context), coverage, cut, cuts))


@stage(
    [core.LINKAGE],
    reads=(core.PERSON, core.EVENT, core.CODE),
    feeds=ALL_FEEDS,
    settings=("source",),
    exists=has_core,
)
def conform_linkage(context: StageContext) -> StageResult:
    """Write core__linkage."""
    return _conformed(context, lambda con, rows: core_tables.conform_linkage(context.lake, con, rows))


@stage(
    name="people found on the list",
    reads=(core.LINKAGE,),
    settings=("conform.linkage",),
    check=Check("people_found_on_the_list", core.LINKAGE, "Refuse to go on where a feed's people are strangers to the list."),
    exists=lambda deployment: has_core(deployment) and has_list(deployment),
)
def check_linkage(context: StageContext) -> StageResult:
    """Check the share of people found on the registered list."""
    linkage = context.lake.read(core.LINKAGE.name).to_pandas()
    linkage_check(linkage, context.settings.conform.linkage)
    return StageResult({"organisations": len(linkage)})


@stage([SAME_DAY_CARE], reads=(core.SPELL, core.EVENT, core.CODE), exists=has_core)
def write_same_day_care(context: StageContext) -> StageResult:
    """Write monitoring__same_day_emergency_care."""
    return StageResult(dict(same_day_care.write_same_day_care(context.lake)))


@stage([LIST_USE, LIST_USE_BY_PRACTICE], reads=(core.EVENT, core.CODE), outside=(OutsideInput.CODE_LISTS,), exists=has_core)
def write_code_list_use(context: StageContext) -> StageResult:
    """Write monitoring__code_lists and monitoring__code_lists_by_practice."""
    lists = load_code_lists(context.outside.code_lists)
    without = code_list_use.write_code_list_use(context.lake, build_catalogue(lists, 2025))  # no list depends on the edition
    summary = {"rows": context.lake.rows(LIST_USE.name), "lists without entries": without}
    undecided = len(undecided_products(lists))
    return StageResult(summary | ({"undecided products of the dm+d map": undecided} if undecided else {}))


def _conformed(context: StageContext, work: Callable[[duckdb.DuckDBPyConnection, Mapping[str, str]], Summary]) -> StageResult:
    """Do one conform step over the validated rows of the feeds that the stage reads."""
    with context.machine.duckdb() as con:
        return StageResult(work(con, conform_of(context.source).rows(validated_rows(context))))


STAGES: tuple[Stage, ...] = (
    conform_areas, conform_objections, check_objections, check_national_list, conform_people, conform_registrations,
    conform_spells, conform_events, count_units, write_vocabulary, check_deaths, conform_coverage, check_organisations, conform_linkage, check_linkage, conform_actions,
    write_same_day_care, write_code_list_use,
)  # fmt: skip

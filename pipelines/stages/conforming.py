"""From validated rows to core tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from expectations.tables import core
from features.code_lists import load_code_lists
from pipelines.building import same_day_care
from pipelines.conform import actions, areas_and_organisations, core_tables
from pipelines.conform.by_source import conform_of
from pipelines.conform.code_vocabulary import name_codes, write_ancestors
from pipelines.conform.event import EventRequest
from pipelines.conform.linkage import check_linkage as linkage_check
from pipelines.errors import ValidationStop
from pipelines.run.deployment import Deployment
from pipelines.stages.run_plan import code_lists, data_cut, raw_tables, source
from pipelines.stages.stage_inputs import (
    availability,
    conformed,
    deaths_named,
    latest_objections,
    reference,
    stated_deaths,
    stated_ends,
    superseded,
    validated,
    validated_rows,
)

Summary = dict[str, Any]


def conform_organisations(deployment: Deployment) -> Summary:
    """Write the organisation tables from the reference files."""
    return areas_and_organisations.conform_organisations(deployment.lake, reference(deployment))


def conform_areas(deployment: Deployment) -> Summary:
    """Write core__area from the reference files."""
    return areas_and_organisations.conform_areas(deployment.lake, reference(deployment))


def conform_people(deployment: Deployment) -> Summary:
    """Write core__person; rows of an OMOP source that break a rule of other tables are quarantined first."""
    deaths = stated_deaths(deployment) or deaths_named(deployment)
    stated = core_tables.StatedFacts(deaths, latest_objections(deployment))
    conform, rules = conform_of(source(deployment)), deployment.settings.clinical
    with deployment.duckdb() as con:
        return conform.people(deployment.lake, con, validated_rows(deployment), rules, stated)


def conform_registrations(deployment: Deployment) -> Summary:
    """Write core__registration and core__residence, and refuse residences of a year the areas do not know."""
    registration, ends = deployment.settings.conform.registration, stated_ends(deployment)

    def work(con: duckdb.DuckDBPyConnection, rows: Mapping[str, str]) -> Summary:
        summary = core_tables.conform_registrations(deployment.lake, con, rows, registration, ends)
        areas_and_organisations.check_residences(deployment.lake, con)
        return summary

    return conformed(deployment, work)


def conform_spells(deployment: Deployment) -> Summary:
    """Write core__spell."""
    available, rules = availability(deployment), deployment.settings.clinical
    return conformed(deployment, lambda con, rows: core_tables.conform_spells(deployment.lake, con, rows, rules, available))


def conform_events(deployment: Deployment) -> Summary:
    """Write core__event and its dictionaries."""
    settings, conform = deployment.settings, conform_of(source(deployment))
    work, gone = deployment.home / "spill" / "events", superseded(deployment)
    request = EventRequest(settings.clinical, conform.availability(), work, settings.conform.events, gone)
    with deployment.duckdb() as con:
        return conform.events(deployment.lake, con, validated_rows(deployment), request)


def write_vocabulary(deployment: Deployment) -> Summary:
    """Write what codes are called, and the concepts above them where the study groups by those."""
    conform, grouped = conform_of(source(deployment)), deployment.settings.study.code_level.groups == "omop_ancestors"
    files = conform.concept_ancestors() if grouped else ()
    with deployment.duckdb() as con:
        concepts = next(
            (validated(deployment, table) for table in raw_tables(deployment) if table.feed == conform.concept_feed), None
        )
        name_codes(deployment.lake, con, load_code_lists(code_lists(deployment)), concepts)
        write_ancestors(deployment.lake, con, files)
    return {"names": deployment.lake.rows(core.CODE_NAME.name), "ancestors": deployment.lake.rows(core.CODE_ANCESTOR.name)}


def conform_actions(deployment: Deployment) -> Summary:
    """Write risk__actions."""
    return conformed(deployment, lambda con, rows: actions.conform_actions(deployment.lake, con, rows))


def conform_coverage(deployment: Deployment) -> Summary:
    """Write core__coverage."""
    coverage, cut, conform = deployment.settings.conform.coverage, data_cut(deployment), conform_of(source(deployment))
    with deployment.duckdb() as con:
        return conform.coverage(deployment.lake, con, validated_rows(deployment), coverage, cut)


def conform_linkage(deployment: Deployment) -> Summary:
    """Write core__linkage."""
    return conformed(deployment, lambda con, rows: core_tables.conform_linkage(deployment.lake, con, rows))


def check_linkage(deployment: Deployment) -> Summary:
    """Check the share of people found on the list; `broken` says where it is too low."""
    linkage = deployment.lake.read(core.LINKAGE.name).to_pandas()
    try:
        linkage_check(linkage, deployment.settings.conform.linkage)
    except ValidationStop as stop:
        return {"broken": str(stop)}
    return {"organisations": len(linkage)}


def write_same_day_care(deployment: Deployment) -> Summary:
    """Write monitoring__same_day_emergency_care."""
    return dict(same_day_care.write_same_day_care(deployment.lake))

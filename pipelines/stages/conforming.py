"""From validated rows to core tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from expectations.tables import core
from features.code_lists import load_code_lists
from pipelines.building import same_day_care
from pipelines.conform import actions, areas_and_organisations, core_tables
from pipelines.conform.code_vocabulary import name_codes, write_ancestors
from pipelines.conform.linkage import check_linkage as linkage_check
from pipelines.conform.omop.core_tables import conform_omop_coverage, conform_omop_events, people_sources
from pipelines.conform.omop.links import quarantine_unlinked
from pipelines.errors import ValidationStop
from pipelines.run.deployment import Deployment
from pipelines.sources.omop.files import table_files
from pipelines.stages.run_plan import code_lists, data_cut, source
from pipelines.stages.stage_inputs import (
    availability,
    cdm,
    conformed,
    deaths_named,
    latest_objections,
    reference,
    stated_deaths,
    stated_ends,
    superseded,
    validated_cdm,
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
    lake, rules = deployment.lake, deployment.settings.clinical
    if deployment.settings.source.kind != "omop":
        deaths, objections = stated_deaths(deployment), latest_objections(deployment)
        return conformed(deployment, lambda con, rows: core_tables.conform_people(lake, con, rows, rules, deaths, objections))
    with deployment.duckdb() as con:
        quarantine_unlinked(lake, con, validated_cdm(deployment))
    named = deaths_named(deployment)
    return conformed(deployment, lambda con, rows: core_tables.conform_people(lake, con, people_sources(rows), rules, named))


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
    lake, settings, work = deployment.lake, deployment.settings, deployment.home / "spill" / "events"
    omop = settings.source.omop
    if settings.source.kind == "omop" and omop is not None:
        with deployment.duckdb() as con:
            summary = conform_omop_events(lake, con, cdm(deployment), omop, settings.clinical, settings.conform.events, work)
    else:
        available = availability(deployment)
        summary = conformed(
            deployment,
            lambda con, rows: core_tables.conform_events(
                lake, con, rows, settings.clinical, available, settings.conform.events, work, superseded(deployment)
            ),
        )
    return summary


def write_vocabulary(deployment: Deployment) -> Summary:
    """Write what codes are called, and the concepts above them where the study groups by those."""
    omop, grouped = deployment.settings.source.omop, deployment.settings.study.code_level.groups == "omop_ancestors"
    own = deployment.settings.source.kind == "omop" and omop is not None
    files = table_files(source(deployment).landing, "concept_ancestor") if own and grouped else []
    with deployment.duckdb() as con:
        concepts = validated_cdm(deployment).get("concept") if own else None
        name_codes(deployment.lake, con, load_code_lists(code_lists(deployment)), concepts)
        write_ancestors(deployment.lake, con, files)
    return {"names": deployment.lake.rows(core.CODE_NAME.name), "ancestors": deployment.lake.rows(core.CODE_ANCESTOR.name)}


def conform_actions(deployment: Deployment) -> Summary:
    """Write risk__actions."""
    return conformed(deployment, lambda con, rows: actions.conform_actions(deployment.lake, con, rows))


def conform_coverage(deployment: Deployment) -> Summary:
    """Write core__coverage."""
    if deployment.settings.source.kind == "omop":
        with deployment.duckdb() as con:
            return conform_omop_coverage(deployment.lake, con)
    coverage, cut = deployment.settings.conform.coverage, data_cut(deployment)
    return conformed(deployment, lambda con, rows: core_tables.conform_coverage(deployment.lake, con, rows, coverage, cut))


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

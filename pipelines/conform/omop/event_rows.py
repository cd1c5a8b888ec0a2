"""The events of the OMOP tables, coded by standard concept. Visits are events of hospital feeds as well."""

from __future__ import annotations

from expectations.feeds import EVENT_TYPES, FEEDS, Family
from expectations.sql_values import quote
from features.events import NUMBER_OF
from pipelines.conform.availability import known_on
from pipelines.conform.event_rows import EventRows
from pipelines.conform.omop.cohorts import cohort_code
from pipelines.conform.omop.visits import NO_SITE, Cdm, visits_sql
from pipelines.sources.omop.settings import OmopSettings

FEED_OF_EVENT = {kind.name: kind.feed for kind in EVENT_TYPES if FEEDS[kind.feed].family is Family.OMOP}

# CDM table: event type, concept column, day column, value
DATED_TABLES = {
    "drug_exposure": ("omop_drug", "drug_concept_id", "drug_exposure_start_date", "quantity"),
    "measurement": ("omop_measurement", "measurement_concept_id", "measurement_date", "value_as_number"),
    "observation": ("omop_observation", "observation_concept_id", "observation_date", "value_as_number"),
}
# These are billed with the stay, so they are known when it ends, whatever their day.
BILLED_TABLES = {
    "condition_occurrence": ("omop_condition", "condition_concept_id", "condition_start_date"),
    "procedure_occurrence": ("omop_procedure", "procedure_concept_id", "procedure_date"),
}
OTHER_VISITS, COHORTS = "omop_visit", "omop_cohort"

if missing := sorted(
    set(FEED_OF_EVENT) - {OTHER_VISITS, COHORTS, *(row[0] for row in (*DATED_TABLES.values(), *BILLED_TABLES.values()))}
):
    raise ValueError(
        f"{', '.join(missing)}: declared in expectations/feeds.py, and pipelines/conform/omop/event_rows.py has no SQL of it; add it there"
    )


def omop_event_rows(cdm: Cdm, settings: OmopSettings) -> list[EventRows]:
    """Return the events of conditions, drugs, procedures, measurements, observations, other visits and cohort entries."""
    parts = [(row[0], _dated(cdm[table], *row, settings)) for table, row in DATED_TABLES.items() if table in cdm]
    stays = f"""(SELECT visit_occurrence_id, visit_end_date FROM {visits_sql(cdm, settings)}
        WHERE visit_class IN ('emergency_stay', 'elective_stay'))"""
    parts += [(row[0], _billed(cdm[table], *row, stays, settings)) for table, row in BILLED_TABLES.items() if table in cdm]
    parts.append((OTHER_VISITS, _other_visits(cdm, settings)))
    if "cohort" in cdm:
        parts.append((COHORTS, _cohort(cdm["cohort"], settings)))
    return [EventRows(FEED_OF_EVENT[event], "omop", part) for event, part in parts]


def _dated(source: str, event: str, concept: str, day: str, value: str, settings: OmopSettings) -> str:
    return f"""SELECT person_id, {day} AS event_date, {known_on(day, settings.lag_days)} AS available_date,
        {NUMBER_OF[event]} AS event_type, {concept} AS code, {value} AS value, {quote(NO_SITE)} AS provider FROM {source}"""


def _billed(source: str, event: str, concept: str, day: str, stays: str, settings: OmopSettings) -> str:
    known = f"greatest({day}, coalesce(visit_end_date, {day}))"
    return f"""SELECT person_id, {day} AS event_date, {known_on(known, settings.lag_days)} AS available_date,
        {NUMBER_OF[event]} AS event_type, {concept} AS code, CAST(NULL AS DOUBLE) AS value, {quote(NO_SITE)} AS provider
        FROM {source} LEFT JOIN {stays} AS stays USING (visit_occurrence_id)"""


def _other_visits(cdm: Cdm, settings: OmopSettings) -> str:
    return f"""SELECT person_id, visit_start_date AS event_date, {known_on("visit_start_date", settings.lag_days)} AS available_date,
        {NUMBER_OF[OTHER_VISITS]} AS event_type, visit_concept_id AS code, CAST(NULL AS DOUBLE) AS value,
        provider_code AS provider FROM {visits_sql(cdm, settings)} WHERE visit_class = 'other'"""


def _cohort(source: str, settings: OmopSettings) -> str:
    return f"""SELECT subject_id AS person_id, cohort_start_date AS event_date,
        {known_on("cohort_start_date", settings.lag_days)} AS available_date, {NUMBER_OF[COHORTS]} AS event_type,
        {quote(cohort_code(""))} || cohort_definition_id AS code, CAST(NULL AS DOUBLE) AS value, {quote(NO_SITE)} AS provider FROM {source}"""

"""The conform steps that differ for an OMOP source.

People, registrations and spells are conformed from its feed rows, as for other sources.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from expectations.feeds import ADMISSIONS, PATIENTS, REGISTRATIONS
from expectations.sql_values import quote
from expectations.tables import core
from pipelines.conform.core_tables import EventParts, store_events
from pipelines.conform.event import EventRequest
from pipelines.conform.event_rows import EventRows, feed_event_rows, spell_event_rows
from pipelines.conform.feeds import Sources
from pipelines.conform.omop.coverage import omop_coverage_sql
from pipelines.conform.omop.event_rows import omop_event_rows
from pipelines.conform.omop.feed_rows import omop_sources
from pipelines.conform.omop.measurements import read_measurements_sql, unit_summary
from pipelines.conform.omop.visits import NO_SITE, Cdm, visits_sql
from pipelines.conform.superseded import superseded_codes, superseded_event_rows
from pipelines.lake.storage import Lake
from pipelines.sources.omop.settings import OmopSettings

HELD_VISITS, HELD_MEASUREMENTS, HELD_EVENTS = (
    "omop_visits",
    "omop_measurements",
    "omop_events",
)  # temporary tables, so that each file is parsed once


def conform_omop_events(
    lake: Lake, con: duckdb.DuckDBPyConnection, cdm: Cdm, settings: OmopSettings, request: EventRequest
) -> dict[str, object]:
    """Write core__event and its dictionaries from visits, conditions, drugs and the other tables of a CDM."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE {HELD_VISITS} AS SELECT * FROM {cdm['visit_occurrence']}")
    held: Cdm = {**cdm, "visit_occurrence": HELD_VISITS}
    units = {}
    if "measurement" in cdm:
        con.execute(f"CREATE OR REPLACE TEMP TABLE {HELD_MEASUREMENTS} AS FROM {read_measurements_sql(cdm['measurement'])}")
        held, units = {**held, "measurement": HELD_MEASUREMENTS}, unit_summary(con, HELD_MEASUREMENTS)
    sources, spells = omop_sources(held, settings), lake.scan(core.SPELL.name)
    own = _hold(con, omop_event_rows(held, settings), lake.scan(core.PERSON.name))
    rows = [*spell_event_rows(spells, request.sensitive_code), *feed_event_rows(sources, request.rules, request.available), *own]
    codes = [
        f"(SELECT DISTINCT 'omop' AS code_system, code AS source_code FROM {HELD_EVENTS})",
        f"(SELECT DISTINCT 'ods' AS code_system, provider_code AS source_code FROM {visits_sql(held, settings)})",
        f"(SELECT 'ods' AS code_system, {quote(NO_SITE)} AS source_code)",
        "(SELECT 'department_type' AS code_system, '01' AS source_code)",
        f"(SELECT 'icd10' AS code_system, unnest(string_split(diagnoses, ',')) AS source_code FROM {spells})",
    ]
    before = superseded_event_rows(con, sources, {}, lake.scan(core.PERSON.name), request)
    summary = store_events(lake, con, EventParts(rows, [*codes, *superseded_codes(before)], before), request)
    con.execute(f"DROP TABLE {HELD_VISITS}; DROP TABLE {HELD_EVENTS}; DROP TABLE IF EXISTS {HELD_MEASUREMENTS}")
    return {**summary, **units}


def _hold(con: duckdb.DuckDBPyConnection, rows: Sequence[EventRows], people: str) -> list[EventRows]:
    """Read the events of the CDM tables once into a temporary table, with the keys of their people."""
    columns = "person_key, event_date, available_date, event_type, code, value, provider"
    parts = " UNION ALL ".join(f"(SELECT {quote(part.feed)} AS feed, * FROM ({part.sql}))" for part in rows)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {HELD_EVENTS} AS SELECT feed, {columns} FROM ({parts}) "
        f"JOIN (SELECT person_id, person_key FROM {people}) USING (person_id)"
    )
    feeds = sorted({part.feed for part in rows})
    return [
        EventRows(feed, "omop", f"SELECT {columns} FROM {HELD_EVENTS} WHERE feed = {quote(feed)}", numbered=True)
        for feed in feeds
    ]


def people_sources(sources: Sources, deaths: str = "") -> Sources:
    """Return the feeds that name the people of an OMOP source. PERSON names all of them: rows of others were set aside.

    `deaths` is SQL of the visits as admissions (`visits_as_stays_sql`): a visit that ended in death is a death, as in admissions.
    """
    found = {feed: sources[feed] for feed in (PATIENTS.name, REGISTRATIONS.name)}
    return {**found, ADMISSIONS.name: deaths} if deaths else found


def conform_omop_coverage(lake: Lake, con: duckdb.DuckDBPyConnection) -> dict[str, object]:
    """Write core__coverage from core__event and the observation periods in core__registration."""
    query = omop_coverage_sql(lake.scan(core.EVENT.name), lake.scan(core.REGISTRATION.name))
    months = lake.replace_sql(core.COVERAGE, con, query, order="feed, organisation_role, organisation_code, month")
    return {"months_covered": months}

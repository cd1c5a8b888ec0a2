"""The conform steps: each reads validated rows and core tables, and replaces its core tables in one commit each.

A step takes the lake, a DuckDB connection and `sources`: SQL of the validated rows by feed, without absent feeds. It returns a
summary with counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import duckdb
import pandas as pd

from expectations.feeds import (
    ADMISSIONS,
    EVENT_FEEDS,
    FEEDS,
    GP_OBSERVATIONS,
    HOSPITAL_FEEDS,
    LIST_FEEDS,
    OPT_OUTS,
    PATIENTS,
    REGISTRATIONS,
)
from expectations.sql_values import quote, quote_all
from expectations.suppression import DEATH_WITHDRAWN
from expectations.tables import core
from expectations.tables.core_places import ORGANISATION_LINE
from expectations.tables.measurement_units import UNITS
from pipelines.conform.availability import AvailabilitySettings, available_sql
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.codes import code_sql, event_types
from pipelines.conform.coverage import CoverageSettings, coverage, practice_coverage
from pipelines.conform.event import EventRequest, Numbers, write_events
from pipelines.conform.event_rows import EventRows, feed_event_rows, spell_event_rows
from pipelines.conform.feeds import Sources, codes_sent_sql
from pipelines.conform.linkage import identifiers_sql, linkage_sql
from pipelines.conform.measured_values import measured_rows_sql, unit_counts_sql
from pipelines.conform.person import StatedFacts as StatedFacts
from pipelines.conform.person import person_sql
from pipelines.conform.registration import (
    NO_ENDS_STATED,
    RegistrationSettings,
    registration_sql,
    residence_sql,
    withdrawn_ends_sql,
)
from pipelines.conform.spell import READ, spell_sql
from pipelines.conform.spell_forms import hold_forms, spells_as_known_sql
from pipelines.conform.superseded import hold_superseded, superseded_codes, superseded_event_rows, write_superseded
from pipelines.conform.volumes import (
    feed_people_sql,
    feeds_of_providers,
    known_since_sql,
    list_sizes_sql,
    main_providers_sql,
    volumes_sql,
)
from pipelines.lake.storage import Lake
from pipelines.validation.typed_rows import SENT

Summary = dict[str, object]
# Columns of feeds that a step reads several times: it holds them in a temporary table.
READ_OFTEN = {
    PATIENTS.name: (
        "person_id", "extract_date", "first_extract_date", "practice_code", SENT, "birth_year", "birth_month", "death_date", "sex", "ethnic_category",
        "household_id", "lsoa_code", "postcode_status",
    ),
    REGISTRATIONS.name: ("person_id", "extract_date", "practice_code", SENT, "start_date", "end_date"),
}  # fmt: skip


def conform_people(
    lake: Lake, con: duckdb.DuckDBPyConnection, sources: Sources, rules: ClinicalRules, stated: StatedFacts | None = None
) -> Summary:
    """Write core__person: everyone in any feed, and the people of earlier runs under their existing keys.

    Who objects is read from core__objection. A national list of opt-outs adds no one: it normally names people of other ICBs.
    """
    stated = stated or StatedFacts()
    sources = _with_rows(con, sources)
    named = [source for feed, source in sources.items() if not (feed in FEEDS and FEEDS[feed].names_strangers)]
    ids = " UNION ALL ".join(f"SELECT DISTINCT person_id FROM {source}" for source in named)
    no_people = "SELECT CAST(NULL AS VARCHAR) AS person_id WHERE false"
    known = lake.scan_or_empty(core.PERSON)
    reviews = f"(SELECT person_id, death_in_review FROM {known} WHERE suppression = {quote(DEATH_WITHDRAWN)})"
    found = replace(stated, reviews=reviews, objections=lake.scan_or_empty(core.OBJECTION))
    query = person_sql(f"({ids or no_people})", sources, rules, known, found)
    people = lake.replace_sql(core.PERSON, con, query, order="person_key")
    opted = "count(*) FILTER (type_1_opt_out) AS type_1, count(*) FILTER (national_data_opt_out) AS national"
    dead = "count(*) FILTER (death_date IS NOT NULL) AS dead, count(*) FILTER (death_not_readable) AS unreadable"
    on_list, died, unreadable, type_1, national = _row(
        con, f"SELECT count(*) FILTER (on_list), {dead}, {opted} FROM {lake.scan(core.PERSON.name)}"
    )
    return {
        "people": people,
        "on_list": on_list,
        "died": died,
        "death_date_not_readable": unreadable,
        **_deaths_of_repeated_rows(con, sources, stated.deaths),
        **_suppressed(lake, con),
        "type_1_opt_outs": type_1,
        "national_data_opt_outs": national,
    }


def _deaths_of_repeated_rows(con: duckdb.DuckDBPyConnection, sources: Sources, stated_deaths: str) -> Summary:
    """Count the people whose current row states no death although another row of that delivery or of a later one states one."""
    if PATIENTS.name not in sources or not stated_deaths:
        return {}
    (people,) = _row(
        con,
        f"SELECT count(DISTINCT person_id) FROM {stated_deaths} AS stated JOIN {sources[PATIENTS.name]} AS listed USING (person_id) "
        "WHERE stated.extract_date >= listed.extract_date AND NOT is_replaced AND stated_date IS NOT NULL AND listed.death_date IS NULL",
    )
    return {"died_by_a_repeated_row": people}


def _suppressed(lake: Lake, con: duckdb.DuckDBPyConnection) -> Summary:
    """Count the people whom each reason suppresses."""
    person = lake.scan(core.PERSON.name)
    counted = con.execute(
        f"SELECT suppression, count(*) FROM {person} WHERE suppression IS NOT NULL GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return {"suppressed_by_reason": dict(counted)} if counted else {}


def conform_registrations(
    lake: Lake, con: duckdb.DuckDBPyConnection, sources: Sources, settings: RegistrationSettings, stated_ends: str = ""
) -> Summary:  # fmt: skip
    """Write core__registration and core__residence; `stated_ends` is SQL of rows that state an end (`stated_dates.py`)."""
    people, sources = lake.scan(core.PERSON.name), _with_rows(con, sources)
    order = "person_key, start_date"
    stated_ends = stated_ends or NO_ENDS_STATED
    lines = lake.scan(ORGANISATION_LINE.name) if lake.rows(ORGANISATION_LINE.name) else ""
    query = registration_sql(sources, people, settings, stated_ends, lines)
    registrations = lake.replace_sql(core.REGISTRATION, con, query, order)
    residences = lake.replace_sql(core.RESIDENCE, con, residence_sql(sources, people), order)
    (without,) = _row(
        con,
        f"SELECT count(*) FROM {people} WHERE on_list AND person_key NOT IN "
        f"(SELECT person_key FROM {lake.scan(core.REGISTRATION.name)})",
    )
    (unreadable,) = _row(con, f"SELECT count(*) FILTER (end_not_readable) FROM {lake.scan(core.REGISTRATION.name)}")
    (withdrawn,) = _row(con, withdrawn_ends_sql(sources, stated_ends))
    return {
        "registrations": registrations,
        "registration_end_not_readable": unreadable,
        "registration_end_withdrawn_by_its_sender": withdrawn,
        "residences": residences,
        "on_list_without_registration": without,
        **_lacking(sources),
    }


def conform_spells(
    lake: Lake, con: duckdb.DuckDBPyConnection, sources: Sources, rules: ClinicalRules, available: AvailabilitySettings, superseded: Sources | None = None
) -> Summary:  # fmt: skip
    """Write core__spell; without the admissions feed it has no rows.

    `superseded` has, by feed, the rows that a later delivery changed or removed. They had a part in the forms of spells.
    """
    if ADMISSIONS.name not in sources:
        lake.write(core.SPELL, [])
        return {"spells": 0, "stays": 0, "admission_rows": 0}
    con.execute(f"CREATE OR REPLACE TEMP TABLE admission_rows AS SELECT {', '.join(READ)} FROM {sources[ADMISSIONS.name]}")
    people = lake.scan(core.PERSON.name)
    hold_forms(con, ("admission_rows", (superseded or {}).get(ADMISSIONS.name, "")), people, rules, available)
    query = spells_as_known_sql(spell_sql("admission_rows", people, rules, available))
    spells = lake.replace_sql(core.SPELL, con, query, order="spell_key")
    (stays,) = _row(con, f"SELECT coalesce(sum(stays_joined), 0) FROM {lake.scan(core.SPELL.name)}")
    (rows,) = _row(con, "SELECT count(*) FROM admission_rows")
    con.execute("DROP TABLE admission_rows")
    return {"spells": spells, "stays": int(stays), "admission_rows": rows}


def conform_events(lake: Lake, con: duckdb.DuckDBPyConnection, sources: Sources, request: EventRequest) -> Summary:
    """Write core__event_type, core__code, core__event and core__event_superseded from the feeds and core__spell."""
    spells, gone = lake.scan(core.SPELL.name), hold_superseded(con, _measured(request.superseded, request))
    before = superseded_event_rows(con, sources, gone, lake.scan(core.PERSON.name), request)
    rows = spell_event_rows(spells, request.sensitive_code)
    rows += feed_event_rows(_measured(sources, request), request.rules, request.available)
    codes = [codes_sent_sql(feed, source) for given in (sources, gone) for feed, source in given.items() if feed in EVENT_FEEDS]
    codes += superseded_codes(before)
    codes += [
        f"(SELECT 'treatment_function' AS code_system, treatment_function AS source_code FROM {spells})",
        f"(SELECT 'icd10' AS code_system, unnest(string_split(diagnoses, ',')) AS source_code FROM {spells})",
        f"(SELECT 'icd10' AS code_system, primary_diagnosis AS source_code FROM {spells})",
    ]
    return store_events(lake, con, EventParts(rows, codes, before), request)


def _measured(sources: Sources, request: EventRequest) -> Sources:
    """Return the sources with the measured values of the GP record in the units of their analytes."""
    feed = GP_OBSERVATIONS.name
    if feed not in sources:
        return sources
    known = available_sql(feed, request.available)
    return {**sources, feed: measured_rows_sql(sources[feed], known, request.analyte_of_code)}


@dataclass(frozen=True)
class EventParts:
    """Events of any source, and SQL of every code_system and source_code that they use (organisations under 'ods').

    The people of the rows must be in core__person.
    """

    rows: Sequence[EventRows]
    codes: Sequence[str]
    superseded: Sequence[EventRows] = ()


def store_events(lake: Lake, con: duckdb.DuckDBPyConnection, parts: EventParts, request: EventRequest) -> Summary:
    """Write core__event_type, core__code, core__event and core__event_superseded, in this order."""
    lake.write(core.EVENT_TYPE, event_types())
    known = lake.scan_or_empty(core.CODE)
    codes = lake.replace_sql(core.CODE, con, code_sql(*parts.codes, known=known), order="code")
    con.execute(f"CREATE OR REPLACE TEMP TABLE coded AS SELECT * FROM {lake.scan(core.CODE.name)}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE numbered AS SELECT person_id, person_key FROM {lake.scan(core.PERSON.name)}")
    events = write_events(lake, con, parts.rows, Numbers("numbered", "coded"), request)
    gone = write_superseded(lake, con, parts.superseded, "coded")
    con.execute("DROP TABLE coded; DROP TABLE numbered")
    return {"events": events, "codes": codes, "superseded_events": gone}


def conform_units(
    lake: Lake, con: duckdb.DuckDBPyConnection, sources: Sources, analyte_of_code: Mapping[str, str], available: AvailabilitySettings
) -> Summary:  # fmt: skip
    """Write monitoring__units, and return the number of values by what became of them."""
    feed = GP_OBSERVATIONS.name
    if feed not in sources:
        lake.write(UNITS, [])
        return {"values": 0}
    measured = measured_rows_sql(sources[feed], available_sql(feed, available), analyte_of_code)
    lake.replace_sql(UNITS, con, unit_counts_sql(measured), order=", ".join(UNITS.key))
    counts = con.execute(f"SELECT outcome, sum(entries)::BIGINT FROM {lake.scan(UNITS.name)} GROUP BY 1 ORDER BY 1").fetchall()
    return {"values": sum(entries for _, entries in counts), **{f"values_{outcome}": entries for outcome, entries in counts}}


def conform_coverage(
    lake: Lake, con: duckdb.DuckDBPyConnection, sources: Sources, settings: CoverageSettings, data_cut: date, cuts: Mapping[str, date]
) -> Summary:  # fmt: skip
    """Write core__coverage from core__event, core__registration and the rows of admissions."""
    volumes = con.execute(volumes_sql(lake, sources)).df()
    lists = con.execute(
        list_sizes_sql(lake.scan(core.REGISTRATION.name), volumes["month"].min() if len(volumes) else data_cut, data_cut)
    ).df()
    assessed = coverage(volumes, lists, data_cut, settings, cuts)
    assessed = assessed.merge(con.execute(known_since_sql(lake)).df(), how="left", on=["feed", "organisation_code"])
    providers = con.execute(main_providers_sql(lake, feeds_of_providers())).df()
    whole = pd.concat([assessed, practice_coverage(assessed, providers)], ignore_index=True)
    whole = whole.sort_values(["feed", "organisation_role", "organisation_code", "month"])
    lake.write(core.COVERAGE, whole)
    counts = assessed["status"].value_counts()
    return {f"months_{status}": int(counts.get(status, 0)) for status in ("covered", "partial", "absent")}


def conform_linkage(lake: Lake, con: duckdb.DuckDBPyConnection, sources: Sources) -> Summary:
    """Write core__linkage, and count people with hospital activity who are not on the registered list. They get no score."""
    people = lake.scan(core.PERSON.name)
    con.execute(f"CREATE OR REPLACE TEMP TABLE feed_people AS {feed_people_sql(lake, _list_feeds(sources), people)}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE identifiers AS {identifiers_sql(_delivered(con, sources))}")
    query = linkage_sql("feed_people", people, "identifiers")
    lake.replace_sql(core.LINKAGE, con, query, order="feed, organisation_code, extract_date")
    hospital = quote_all(HOSPITAL_FEEDS)
    (outside,) = _row(
        con,
        f"SELECT count(DISTINCT person_key) FROM feed_people JOIN {people} USING (person_key) WHERE NOT on_list AND feed IN ({hospital})",
    )
    whole = con.sql(
        f"SELECT feed, share_on_list FROM {lake.scan(core.LINKAGE.name)} WHERE organisation_code = 'ALL' ORDER BY feed"
    )
    shares = {f"on_list_{feed}": round(share, 4) for feed, share in whole.fetchall()}
    con.execute("DROP TABLE feed_people; DROP TABLE identifiers")
    return {"unregistered_people_with_hospital_activity": outside, **_found_by_case(lake, con), **shares}


def _found_by_case(lake: Lake, con: duckdb.DuckDBPyConnection) -> Summary:
    """Count, by feed, the identifiers that are on the list only if letter case is ignored."""
    rows = con.sql(
        f"SELECT feed, identifiers_by_case FROM {lake.scan(core.LINKAGE.name)} WHERE organisation_code = 'ALL' AND identifiers_by_case > 0 ORDER BY feed"
    )
    return {f"found_only_without_letter_case_{feed}": number for feed, number in rows.fetchall()}


def _delivered(con: duckdb.DuckDBPyConnection, sources: Sources) -> Sources:
    """Return the feeds whose rows name the delivery that they came in; those of an OMOP source do not."""
    columns = {feed: set(con.sql(f"FROM {source} LIMIT 0").columns) for feed, source in sources.items()}
    return {feed: source for feed, source in sources.items() if {"person_id", "extract_date"} <= columns[feed]}


def _lacking(sources: Sources) -> Summary:
    """Return which feeds of the registered list are absent and what is assumed instead."""
    instead = {feed: FEEDS[feed].when_absent for feed in LIST_FEEDS}
    if PATIENTS.name not in sources and REGISTRATIONS.name not in sources:
        instead[REGISTRATIONS.name] = "there is no registered list, and no one is registered"
    covered = {*sources, *(FEEDS[feed].part_of for feed in sources if feed in FEEDS)} - {""}  # "" is part of no feed
    absent = [f"{feed}: {effect}" for feed, effect in instead.items() if not covered & {feed, FEEDS[feed].part_of}]
    if any(line.startswith(f"{OPT_OUTS.name}:") for line in absent):
        absent = [line for line in absent if FEEDS[line.split(":")[0]].part_of != OPT_OUTS.name]
    return {"absent_feeds": "; ".join(absent)} if absent else {}


def _with_rows(con: duckdb.DuckDBPyConnection, sources: Sources) -> Sources:
    """Return the sources without empty feeds of the registered list, which count as absent. Those READ_OFTEN are held."""

    def found(feed: str, source: str) -> str:
        if feed in READ_OFTEN:
            columns = f"COLUMNS(lambda name: name IN ({quote_all(READ_OFTEN[feed])}))"
            con.execute(f"CREATE OR REPLACE TEMP TABLE rows_of_{feed} AS SELECT {columns} FROM {source}")
            source = f"rows_of_{feed}"
        is_empty = feed in LIST_FEEDS and not con.execute(f"SELECT 1 FROM {source} LIMIT 1").fetchall()
        return "" if is_empty else source

    held = {feed: found(feed, source) for feed, source in sources.items()}
    return {feed: source for feed, source in held.items() if source}


def _list_feeds(sources: Sources) -> dict[str, str]:
    return {feed: source for feed, source in sources.items() if feed in FEEDS and feed not in EVENT_FEEDS}


def _row(con: duckdb.DuckDBPyConnection, query: str) -> tuple:
    found = con.execute(query).fetchall()
    return tuple(found[0])

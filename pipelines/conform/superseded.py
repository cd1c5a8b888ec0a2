"""core__event_superseded: events of earlier deliveries that a later one changed or removed, with the day they ended.

A feature of an index date before that day counts what was stated then. Two kinds of person have earlier *states*: those with
such a row, and those with a stay that was delivered later than the one it continues. A person has one state for each delivery
that changed something: the rows as they were before it. Each state has a number and is turned into events like the current
rows. Events that the current events do not contain are stored.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from expectations.feeds import ADMISSIONS
from expectations.sql_values import quote
from expectations.tables.core import EVENT, EVENT_SUPERSEDED
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.event import EventRequest, Numbers, numbered_sql
from pipelines.conform.event_rows import EventRows, feed_event_rows, spell_event_rows
from pipelines.conform.feeds import Sources
from pipelines.conform.spell import spell_sql
from pipelines.lake.storage import Lake

_STATES, _SPELLS, _CHANGES = "superseded_states", "superseded_spells", "superseded_changes"  # temporary tables
_PEOPLE = f"(SELECT state_id AS person_id, state AS person_key FROM {_STATES})"
_EVENT_COLUMNS = "person_key, event_date, event_type, code, value, provider, feed"


def hold_superseded(con: duckdb.DuckDBPyConnection, superseded: Sources) -> Sources:
    """Read the rows that are no longer valid into temporary tables. They are few, and several queries read them."""
    for feed, rows in superseded.items():
        con.execute(f"CREATE OR REPLACE TEMP TABLE superseded_{feed} AS SELECT * FROM {rows}")
    return {feed: f"superseded_{feed}" for feed in superseded}


def spells_as_known_sql(spells: str, superseded: Sources, people: str) -> str:
    """Return SQL of core__spell whose discharge facts are known no earlier than a delivery that ended a stay within the spell.

    Such a stay may have given the spell another form, which counts until then.
    """
    if ADMISSIONS.name not in superseded:
        return spells
    return f"""(
        SELECT spell.* REPLACE (greatest(discharge_available_date, ended - 1) AS discharge_available_date)
        FROM {spells} AS spell LEFT JOIN (
            SELECT spell_key, max(gone.superseded_date) AS ended
            FROM {superseded[ADMISSIONS.name]} AS gone
            JOIN (SELECT person_id, person_key FROM {people}) USING (person_id)
            JOIN {spells} AS spell USING (person_key)
            WHERE gone.admission_date < spell.discharge_date AND coalesce(gone.discharge_date > spell.admission_date, true)
            GROUP BY spell_key) USING (spell_key))"""


def superseded_event_rows(
    con: duckdb.DuckDBPyConnection, sources: Sources, superseded: Sources, people: str, request: EventRequest
) -> list[EventRows]:
    """Return the events of every state, by the numbers of the states.

    `superseded` are the rows that are no longer valid, with `superseded_date`.
    """
    if not superseded:
        return []
    rules, available = request.rules, request.available
    changed = " UNION ".join(f"SELECT person_id, superseded_date FROM {rows}" for rows in superseded.values())
    if ADMISSIONS.name in superseded:
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_CHANGES} AS {_changes(sources.get(ADMISSIONS.name), superseded[ADMISSIONS.name], rules)}"
        )
        changed += f" UNION SELECT person_id, superseded_date FROM {_CHANGES}"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {_STATES} AS
        SELECT row_number() OVER (ORDER BY person_key, superseded_date) AS state, {_state_id("changed")} AS state_id, person_key, superseded_date
        FROM ({changed}) AS changed JOIN (SELECT person_id, person_key FROM {people}) USING (person_id)"""
    )
    rows = {
        feed: f"(SELECT rows.* REPLACE ({_state_id('rows')} AS person_id) FROM {source} AS rows)"
        for feed, source in superseded.items()
        if feed != ADMISSIONS.name
    }
    found = feed_event_rows(rows, rules, available)
    if ADMISSIONS.name in superseded:
        stays = _stays_of_states(sources.get(ADMISSIONS.name), superseded[ADMISSIONS.name])
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_SPELLS} AS {spell_sql(stays, _PEOPLE, rules, available)}")
        found += spell_event_rows(_SPELLS, request.sensitive_code)
    return found


def superseded_codes(superseded: Sources) -> list[str]:
    """Return SQL of the codes in the spells of the states."""
    if ADMISSIONS.name not in superseded:
        return []
    columns = {"treatment_function": "treatment_function", "ods": "provider_code"}
    parts = [
        f"(SELECT {quote(system)} AS code_system, {column} AS source_code FROM {_SPELLS})" for system, column in columns.items()
    ]
    diagnoses = f"(SELECT diagnoses FROM {_SPELLS} UNION ALL SELECT primary_diagnosis FROM {_SPELLS})"
    return [*parts, f"(SELECT 'icd10' AS code_system, unnest(string_split(diagnoses, ',')) AS source_code FROM {diagnoses})"]


def write_superseded(lake: Lake, con: duckdb.DuckDBPyConnection, rows: Sequence[EventRows], codes: str) -> int:
    """Replace core__event_superseded by the events of the states that are not among the current events; return their number.

    The current events must be written already.
    """
    order = "person_key, event_date, event_type, code, value, provider, available_date, superseded_date"
    return lake.replace_sql(EVENT_SUPERSEDED, con, _query(lake, rows, codes) if rows else _nothing(lake), order)


def _nothing(lake: Lake) -> str:
    return f"SELECT *, CAST(NULL AS DATE) AS superseded_date FROM {lake.scan(EVENT.name)} WHERE false"


def _state_id(rows: str) -> str:
    return f"({rows}.person_id || ' ' || {rows}.superseded_date)"


def _changes(current: str | None, superseded: str, rules: ClinicalRules) -> str:
    """Return the people and deliveries whose spells changed.

    A stay was changed or removed, or it was delivered later than a stay that it touches.
    """
    gone = f"SELECT DISTINCT person_id, superseded_date FROM {superseded}"
    if not current:
        return gone
    columns = "person_id, key_extract_date, admission_date, coalesce(discharge_date, admission_date) AS end_date"
    gap = rules.transfer_gap_days
    return f"""WITH stays AS MATERIALIZED (SELECT {columns} FROM {current} UNION ALL SELECT {columns} FROM {superseded})
        {gone} UNION
        SELECT later.person_id, later.key_extract_date FROM stays AS later JOIN stays AS earlier ON earlier.person_id = later.person_id
        WHERE later.key_extract_date > earlier.key_extract_date
            AND later.admission_date <= earlier.end_date + {gap} AND earlier.admission_date <= later.end_date + {gap}"""


def _stays_of_states(current: str | None, superseded: str) -> str:
    """Return the admissions of each state: rows delivered before the state ended that were valid until then."""
    also = f"UNION ALL BY NAME FROM {current}" if current else ""
    return f"""(SELECT rows.* REPLACE ({_state_id("states")} AS person_id)
        FROM (FROM {superseded} {also}) AS rows
        JOIN {_CHANGES} AS states ON states.person_id = rows.person_id
        WHERE rows.first_extract_date < states.superseded_date AND coalesce(rows.superseded_date >= states.superseded_date, true))"""


def _query(lake: Lake, rows: Sequence[EventRows], codes: str) -> str:
    """Number the events of the states.

    Events of spells are in every state of the person. Equal ones are one event, known since the first of its states and until
    the last, but not after an equal current event was known.
    """
    union = " UNION ALL BY NAME ".join(f"({numbered_sql(part, Numbers(_PEOPLE, codes))})" for part in rows)
    of_spells = f"feed = {ADMISSIONS.number}"
    alike = " AND ".join(f"held.{name} IS NOT DISTINCT FROM spells.{name}" for name in (*_EVENT_COLUMNS.split(", "), "turn"))
    return f"""
    WITH events_of_states AS (
        SELECT events.* EXCLUDE (person_key), states.person_key, superseded_date
        FROM ({union}) AS events JOIN {_STATES} AS states ON events.person_key = state
    ),
    turns AS (
        SELECT *, row_number() OVER (PARTITION BY superseded_date, {_EVENT_COLUMNS} ORDER BY available_date) AS turn FROM events_of_states WHERE {of_spells}
    ),
    spells AS (
        SELECT {_EVENT_COLUMNS}, turn, min(available_date) AS available_date, max(superseded_date) AS superseded_date FROM turns GROUP BY {_EVENT_COLUMNS}, turn
    ),
    held AS (
        SELECT {_EVENT_COLUMNS}, available_date, row_number() OVER (PARTITION BY {_EVENT_COLUMNS} ORDER BY available_date) AS turn
        FROM {lake.scan(EVENT.name)} SEMI JOIN spells USING (person_key) WHERE {of_spells}
    )
    SELECT * FROM (
        SELECT spells.* EXCLUDE (turn, superseded_date), least(superseded_date, held.available_date + 1) AS superseded_date
        FROM spells LEFT JOIN held ON {alike}
        UNION ALL BY NAME SELECT * FROM events_of_states WHERE NOT {of_spells}
    ) WHERE superseded_date > available_date + 1
    """

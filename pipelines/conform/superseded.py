"""core__event_superseded: what earlier deliveries said and a later one changed or took back, as events with the day they ended.

A feature of an index date before that day counts what was said then. Each person with such a row, or with a stay that came
later to one that it continues, has a *state* for every delivery that changed something: the rows as they stood before it. A
state goes through the same makers of events as the current rows, under a number of its own; what it says beyond the current
events is kept.
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
_TOLD = "person_key, event_date, event_type, code, value, provider, feed"


def hold_superseded(con: duckdb.DuckDBPyConnection, superseded: Sources) -> Sources:
    """Read the rows that no longer hold, which are few, into temporary tables: each is looked at several times."""
    for feed, rows in superseded.items():
        con.execute(f"CREATE OR REPLACE TEMP TABLE superseded_{feed} AS SELECT * FROM {rows}")
    return {feed: f"superseded_{feed}" for feed in superseded}


def superseded_event_rows(
    con: duckdb.DuckDBPyConnection, sources: Sources, superseded: Sources, people: str, request: EventRequest
) -> list[EventRows]:
    """Give the events of every state, by the states' numbers; `superseded` are rows that no longer hold, with `superseded_date`."""
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
        found += spell_event_rows(_SPELLS)
    return found


def superseded_codes(superseded: Sources) -> list[str]:
    """Give the SQL relations of the codes that the states' spells use."""
    if ADMISSIONS.name not in superseded:
        return []
    columns = {"treatment_function": "treatment_function", "ods": "provider_code"}
    parts = [
        f"(SELECT {quote(system)} AS code_system, {column} AS source_code FROM {_SPELLS})" for system, column in columns.items()
    ]
    diagnoses = f"(SELECT diagnoses FROM {_SPELLS} UNION ALL SELECT primary_diagnosis FROM {_SPELLS})"
    return [*parts, f"(SELECT 'icd10' AS code_system, unnest(string_split(diagnoses, ',')) AS source_code FROM {diagnoses})"]


def write_superseded(lake: Lake, con: duckdb.DuckDBPyConnection, rows: Sequence[EventRows], codes: str) -> int:
    """Replace core__event_superseded by the events of the states that the current events, already written, do not tell; give their number."""
    order = "person_key, event_date, event_type, code, value, provider, available_date, superseded_date"
    return lake.replace_sql(EVENT_SUPERSEDED, con, _query(lake, rows, codes) if rows else _nothing(lake), order)


def _nothing(lake: Lake) -> str:
    return f"SELECT *, CAST(NULL AS DATE) AS superseded_date FROM {lake.scan(EVENT.name)} WHERE false"


def _state_id(rows: str) -> str:
    return f"({rows}.person_id || ' ' || {rows}.superseded_date)"


def _changes(current: str | None, superseded: str, rules: ClinicalRules) -> str:
    """Give the people and deliveries whose spells changed: a stay was changed or taken back, or came later to one that it touches."""
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
    """Give the admissions of each state: the rows delivered before it ended that held until then."""
    also = f"UNION ALL BY NAME FROM {current}" if current else ""
    return f"""(SELECT rows.* REPLACE ({_state_id("states")} AS person_id)
        FROM (FROM {superseded} {also}) AS rows
        JOIN {_CHANGES} AS states ON states.person_id = rows.person_id
        WHERE rows.first_extract_date < states.superseded_date AND coalesce(rows.superseded_date >= states.superseded_date, true))"""


def _query(lake: Lake, rows: Sequence[EventRows], codes: str) -> str:
    """Number the states' events.

    Those of spells stand in every state of the person: alike ones are one, known since the first and until the last of its
    states, and no longer than until a current one like it was known.
    """
    union = " UNION ALL BY NAME ".join(f"({numbered_sql(part, Numbers(_PEOPLE, codes))})" for part in rows)
    of_spells = f"feed = {ADMISSIONS.number}"
    alike = " AND ".join(f"held.{name} IS NOT DISTINCT FROM spells.{name}" for name in (*_TOLD.split(", "), "turn"))
    return f"""
    WITH told AS (
        SELECT events.* EXCLUDE (person_key), states.person_key, superseded_date
        FROM ({union}) AS events JOIN {_STATES} AS states ON events.person_key = state
    ),
    turns AS (
        SELECT *, row_number() OVER (PARTITION BY superseded_date, {_TOLD} ORDER BY available_date) AS turn FROM told WHERE {of_spells}
    ),
    spells AS (
        SELECT {_TOLD}, turn, min(available_date) AS available_date, max(superseded_date) AS superseded_date FROM turns GROUP BY {_TOLD}, turn
    ),
    held AS (
        SELECT {_TOLD}, available_date, row_number() OVER (PARTITION BY {_TOLD} ORDER BY available_date) AS turn
        FROM {lake.scan(EVENT.name)} SEMI JOIN spells USING (person_key) WHERE {of_spells}
    )
    SELECT * FROM (
        SELECT spells.* EXCLUDE (turn, superseded_date), least(superseded_date, held.available_date + 1) AS superseded_date
        FROM spells LEFT JOIN held ON {alike}
        UNION ALL BY NAME SELECT * FROM told WHERE NOT {of_spells}
    ) WHERE superseded_date > available_date + 1
    """

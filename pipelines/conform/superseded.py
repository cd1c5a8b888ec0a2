"""core__event_superseded: events that were known on earlier dates and no longer hold, with the day they ended.

A feature of an index date before that day counts what was known then. The rows of a feed that a later delivery changed or removed are
events until that delivery. Spells have earlier forms also without a change: `spell_forms.py` has them. Events that the current events do not
contain are stored.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from expectations.feeds import ADMISSIONS
from expectations.sql_values import quote
from expectations.tables.core import EVENT, EVENT_SUPERSEDED
from pipelines.conform.event import EventRequest, Numbers, numbered_sql
from pipelines.conform.event_rows import EventRows, feed_event_rows, spell_event_rows
from pipelines.conform.feeds import Sources
from pipelines.conform.spell_forms import FORMS, STATES, begins_sql, hold_forms
from pipelines.lake.storage import Lake

_ENDS = "superseded_ends"  # temporary table: a number for each person and day on which rows of the person ended
_PEOPLE = f"(SELECT end_id AS person_id, number AS person_key FROM {_ENDS})"
_EVENT_COLUMNS = "person_key, event_date, event_type, code, value, provider, feed"


def hold_superseded(con: duckdb.DuckDBPyConnection, superseded: Sources) -> Sources:
    """Read the rows that are no longer valid into temporary tables. They are few, and several queries read them."""
    for feed, rows in superseded.items():
        con.execute(f"CREATE OR REPLACE TEMP TABLE superseded_{feed} AS SELECT * FROM {rows}")
    return {feed: f"superseded_{feed}" for feed in superseded}


def superseded_event_rows(
    con: duckdb.DuckDBPyConnection, sources: Sources, superseded: Sources, people: str, request: EventRequest
) -> list[EventRows]:
    """Return the events that ended, by numbers: of the states of spells, and of the person and the day on which the row ended.

    `superseded` are the rows that are no longer valid, with `superseded_date`.
    """
    others = {feed: rows for feed, rows in superseded.items() if feed != ADMISSIONS.name}
    ended = " UNION ".join(f"SELECT person_id, superseded_date FROM {rows}" for rows in others.values())
    nothing = "SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS superseded_date WHERE false"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {_ENDS} AS
        SELECT row_number() OVER (ORDER BY person_key, superseded_date) AS number, {_end_id("ended")} AS end_id, person_key, superseded_date
        FROM ({ended or nothing}) AS ended JOIN (SELECT person_id, person_key FROM {people}) USING (person_id)"""
    )
    rows = {
        feed: f"(SELECT rows.* REPLACE ({_end_id('rows')} AS person_id) FROM {source} AS rows)" for feed, source in others.items()
    }
    found = feed_event_rows(rows, request.rules, request.available)
    admissions = sources.get(ADMISSIONS.name, ""), superseded.get(ADMISSIONS.name, "")
    if not any(admissions):
        return found
    hold_forms(con, admissions, people, request.rules, request.available)
    return [
        *found,
        *spell_event_rows(
            f"(SELECT * REPLACE (state AS person_key) FROM {FORMS} WHERE until IS NOT NULL)", request.sensitive_code
        ),
    ]


def superseded_codes(rows: Sequence[EventRows]) -> list[str]:
    """Return SQL of the codes in the earlier forms of spells, if `rows` has their events."""
    if all(part.feed != ADMISSIONS.name for part in rows):
        return []
    columns = {"treatment_function": "treatment_function", "ods": "provider_code"}
    parts = [
        f"(SELECT {quote(system)} AS code_system, {column} AS source_code FROM {FORMS})" for system, column in columns.items()
    ]
    diagnoses = f"(SELECT diagnoses FROM {FORMS} UNION ALL SELECT primary_diagnosis FROM {FORMS})"
    return [*parts, f"(SELECT 'icd10' AS code_system, unnest(string_split(diagnoses, ',')) AS source_code FROM {diagnoses})"]


def write_superseded(lake: Lake, con: duckdb.DuckDBPyConnection, rows: Sequence[EventRows], codes: str) -> int:
    """Replace core__event_superseded by the events that ended and are not among the current events; return their number.

    The current events must be written already.
    """
    order = "person_key, event_date, event_type, code, value, provider, available_date, superseded_date"
    parts = [query for query in (_of_feeds(rows, codes), _of_spells(lake, rows, codes)) if query]
    ended = " UNION ALL BY NAME ".join(f"({query})" for query in parts) or _nothing(lake)
    return lake.replace_sql(EVENT_SUPERSEDED, con, f"SELECT * FROM ({ended}) WHERE superseded_date > available_date + 1", order)


def _nothing(lake: Lake) -> str:
    return f"SELECT *, CAST(NULL AS DATE) AS superseded_date FROM {lake.scan(EVENT.name)} WHERE false"


def _end_id(rows: str) -> str:
    return f"({rows}.person_id || ' ' || {rows}.superseded_date)"


def _numbered(rows: Sequence[EventRows], codes: str, *, spells: bool) -> str:
    chosen = [part for part in rows if (part.feed == ADMISSIONS.name) == spells]
    return " UNION ALL BY NAME ".join(f"({numbered_sql(part, Numbers(_PEOPLE, codes))})" for part in chosen)


def _of_feeds(rows: Sequence[EventRows], codes: str) -> str:
    """Return the SQL of the events of feeds other than admissions; '' for none."""
    union = _numbered(rows, codes, spells=False)
    return (
        union
        and f"""SELECT events.* EXCLUDE (person_key), ends.person_key, superseded_date
        FROM ({union}) AS events JOIN {_ENDS} AS ends ON events.person_key = number"""
    )


def _of_spells(lake: Lake, rows: Sequence[EventRows], codes: str) -> str:
    """Return the SQL of the events of spells; '' for none.

    Equal events of consecutive states are one event, known since the first of them and until the last, but not after an equal current
    event was known. An event that was absent in between is two.
    """
    union = _numbered(rows, codes, spells=True)
    alike = f"{_EVENT_COLUMNS}, turn"
    same = " AND ".join(f"held.{name} IS NOT DISTINCT FROM runs.{name}" for name in alike.split(", "))
    return (
        union
        and f"""
    WITH turns AS (
        SELECT events.* EXCLUDE (person_key), states.person_key, since, until, row_number() OVER (PARTITION BY state, {_EVENT_COLUMNS.replace("person_key, ", "")}) AS turn
        FROM ({union}) AS events JOIN {STATES} AS states ON events.person_key = state
    ),
    numbered_runs AS (
        SELECT *, sum(CASE WHEN begins THEN 1 ELSE 0 END) OVER (PARTITION BY {alike} ORDER BY since ROWS UNBOUNDED PRECEDING) AS run
        FROM (SELECT *, {begins_sql(alike)} AS begins FROM turns)
    ),
    runs AS (
        SELECT {alike}, min(since) - 1 AS available_date, max(until) AS superseded_date FROM numbered_runs GROUP BY {alike}, run
    ),
    held AS (
        SELECT {_EVENT_COLUMNS}, available_date, row_number() OVER (PARTITION BY {_EVENT_COLUMNS} ORDER BY available_date) AS turn
        FROM {lake.scan(EVENT.name)} SEMI JOIN runs USING (person_key) WHERE feed = {ADMISSIONS.number}
    )
    SELECT runs.* EXCLUDE (turn, superseded_date), least(superseded_date, held.available_date + 1) AS superseded_date
    FROM runs LEFT JOIN held ON {same}"""
    )

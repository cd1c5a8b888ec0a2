"""risk__actions: what teams did with the people on their lists, one row for each action."""

from __future__ import annotations

import duckdb

from expectations import feeds
from expectations.sql_values import quote_all
from expectations.tables.caseload import ACTIONS
from expectations.tables.raw_common import NO, YES
from pipelines.conform.feeds import Sources
from pipelines.lake.storage import Lake

FEED = feeds.ACTIONS.name


def conform_actions(lake: Lake, con: duckdb.DuckDBPyConnection, sources: Sources) -> dict[str, object]:
    """Write risk__actions. Without the feed it has no rows: what teams did is not known."""
    if FEED not in sources:
        lake.write(ACTIONS, [])
        return {"actions": 0}
    rows = lake.replace_sql(
        ACTIONS, con, actions_sql(sources[FEED]), order="run_id, person_id, action_date, practice_code, record_id"
    )
    counts = con.execute(
        "SELECT count(DISTINCT person_id), count(*) FILTER (decision = 'accepted'), count(*) FILTER (decision = 'declined') "
        f"FROM {lake.scan(ACTIONS.name)}"
    ).fetchall()[0]
    return {"actions": rows, **dict(zip(("people", "accepted", "declined"), counts, strict=True))}


def actions_sql(source: str) -> str:
    """Return the SQL of risk__actions from the feed's validated rows."""
    return f"""
    SELECT run_id, person_id, practice_code, record_id, {_flag("listed")} AS listed, {_flag("reviewed")} AS reviewed,
        lower(decision) AS decision, lower(reason) AS reason, nullif(lower(action), 'none') AS action, action_date, end_date
    FROM {source}"""


def _flag(column: str) -> str:
    return f"CASE WHEN {column} IN ({quote_all(YES)}) THEN true WHEN {column} IN ({quote_all(NO)}) THEN false END"

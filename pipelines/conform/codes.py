"""core__code and core__event_type: the numbers that stand for codes, organisations and types in core__event."""

from __future__ import annotations

import pyarrow as pa

from features.events import EVENT_TYPES


def code_sql(*sent: str) -> str:
    """Give the SQL of core__code from SQL relations of code_system and source_code, repeats allowed.

    Codes are numbered from 1 in sorted order of system and code, so the same codes have the same numbers on any home;
    0 stands for none.
    """
    union = " UNION ALL ".join(f"SELECT code_system, source_code FROM {relation}" for relation in sent)
    return f"""SELECT CAST(row_number() OVER (ORDER BY code_system, source_code) AS INTEGER) AS code, code_system, source_code
        FROM (SELECT DISTINCT code_system, source_code FROM ({union}) WHERE source_code IS NOT NULL AND source_code <> '')"""


def event_types() -> pa.Table:
    """Give the rows of core__event_type."""
    return pa.table(
        {
            "event_type": pa.array([kind.number for kind in EVENT_TYPES], pa.int16()),
            "name": [kind.name for kind in EVENT_TYPES],
            "feed": [kind.feed for kind in EVENT_TYPES],
            "description": [kind.description for kind in EVENT_TYPES],
        }
    )

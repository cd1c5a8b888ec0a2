"""core__code and core__event_type: the numbers of codes, organisations and event types in core__event."""

from __future__ import annotations

import pyarrow as pa

from features.events import EVENT_TYPES

_NONE = "(SELECT CAST(NULL AS INTEGER) AS code, '' AS code_system, '' AS source_code WHERE false)"


def code_sql(*sent: str, known: str | None = None) -> str:
    """Return the SQL of core__code from SQL of code_system and source_code, which may contain repeats.

    Codes are numbered from 1, in order of system and code; 0 means no code. `known` is the core__code of an earlier run. Its
    codes stay and keep their numbers, and new codes follow in order. The dictionary is written first, so it contains the codes
    of the events before and after a run, even if the run ends in between.
    """
    union = " UNION ALL ".join(f"SELECT code_system, source_code FROM {relation}" for relation in sent)
    return f"""
    WITH known AS (SELECT code, code_system, source_code FROM {known or _NONE}),
    fresh AS (
        SELECT DISTINCT code_system, source_code FROM ({union})
        ANTI JOIN known USING (code_system, source_code) WHERE source_code IS NOT NULL AND source_code <> ''
    )
    SELECT code, code_system, source_code FROM known
    UNION ALL
    SELECT CAST((SELECT coalesce(max(code), 0) FROM known) + row_number() OVER (ORDER BY code_system, source_code) AS INTEGER),
        code_system, source_code FROM fresh"""


def event_types() -> pa.Table:
    """Return the rows of core__event_type."""
    return pa.table(
        {
            "event_type": pa.array([kind.number for kind in EVENT_TYPES], pa.int16()),
            "name": [kind.name for kind in EVENT_TYPES],
            "feed": [kind.feed for kind in EVENT_TYPES],
            "description": [kind.description for kind in EVENT_TYPES],
        }
    )

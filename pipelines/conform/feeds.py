"""The SQL of the rows that conform reads, and of the codes and organisations in them."""

from __future__ import annotations

from collections.abc import Mapping

from expectations.feeds import EMERGENCY_ATTENDANCES, FEEDS
from expectations.sql_values import quote

Sources = Mapping[str, str]  # feed -> SQL, usable in FROM, of its validated rows

DEPARTMENT = f"lpad({EMERGENCY_ATTENDANCES.code_column}, 2, '0')"  # some senders write '1' for '01'
_CODE = {EMERGENCY_ATTENDANCES.name: DEPARTMENT}  # where an event's code is not the column as it is stored


def code_of_row(feed: str) -> str:
    """Return the SQL of the code of a row's events; '' for a feed whose rows hold none."""
    return _CODE.get(feed, FEEDS[feed].code_column)


def codes_sent_sql(feed: str, source: str) -> str:
    """Return the SQL of the distinct code_system and source_code of a feed's codes and organisations, in one scan."""
    declared = FEEDS[feed]
    return f"""(SELECT CASE WHEN GROUPING(code) = 0 THEN {quote(declared.code_system)} ELSE 'ods' END AS code_system,
        coalesce(code, organisation) AS source_code
        FROM (SELECT {code_of_row(feed) or "CAST(NULL AS VARCHAR)"} AS code, {declared.organisation_column} AS organisation FROM {source})
        GROUP BY GROUPING SETS ((code), (organisation)))"""

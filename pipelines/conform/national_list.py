"""The national data opt-outs in force: those of the latest list, which replaces the one before it and expires.

A list of opt-outs names the people who opted out. A permitted list has the identifiers that were submitted to NHS England's
check service and those that it returned: a person who was submitted and not returned has opted out, and one who was not
submitted is not known, which planning treats as an opt-out. Source: NHS England, national data opt-out operational policy guidance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb
import pandas as pd

from expectations.feeds import NATIONAL_OPT_OUTS, OPT_OUTS
from expectations.sql_values import quote, quote_all
from expectations.tables.core import OBJECTION_DELIVERY
from expectations.tables.raw_gp import LOST_SUBMISSION
from pipelines.conform.withdrawals import lasting_sql
from pipelines.errors import RefusalError, ValidationStop
from pipelines.lake.storage import Lake
from pipelines.validation.opt_out_rows import NATIONAL, REPLACED


@dataclass(frozen=True)
class Fall:
    """How many people on the registered list opted out in the list before one, and how many fewer in that one."""

    feed: str
    day: date
    before: int
    fewer: int


@dataclass(frozen=True)
class NationalList:
    """The latest list: its people (rows of core__objection), its days, and the falls from list to list in the order of their days."""

    people: pd.DataFrame = field(default_factory=pd.DataFrame)
    feed: str = ""
    submitted: date | None = None
    valid_until: date | None = None
    falls: tuple[Fall, ...] = ()


def read_national_list(
    con: duckdb.DuckDBPyConnection, snapshots: frozenset[str], valid_days: int, checked: date = date.min
) -> NationalList:
    """Return the latest national list of the table `stated`.

    It has the fall to the latest delivery of each feed, and to each one after the day `checked`. A corrected list is also compared with the one
    of the same day that it replaced.
    """
    days = con.execute(
        "SELECT feed, list_sort(list(DISTINCT extract_date)) FROM stated WHERE kind = 'national' AND feed <> '' GROUP BY feed"
    ).fetchall()
    if not days:
        return NationalList()
    _refuse_additions(con, snapshots)
    now = " OR ".join(_of_list(feed, found) for feed, found in days)
    people = con.execute(_people_sql(now)).df()
    falls = [
        _fall(con, feed, found, place)
        for feed, found in days
        for place in range(1, len(found))
        if found[place] > checked or place == len(found) - 1
    ]
    falls += [
        fall
        for feed, found in days
        for place, day in enumerate(found)
        if day > checked or place == len(found) - 1
        for fall in _falls_of_correction(con, feed, found, place)
    ]
    feed = NATIONAL_OPT_OUTS.name if NATIONAL_OPT_OUTS.name in dict(days) else days[0][0]
    return NationalList(
        people, feed, *_validity(con, feed, now, valid_days), tuple(sorted(falls, key=lambda one: (one.day, one.feed)))
    )


def _refuse_additions(con: duckdb.DuckDBPyConnection, snapshots: frozenset[str]) -> None:
    """Raise RefusalError for national opt-outs in a feed that is no snapshot: a list replaces the one before it and is never accumulated."""
    feeds = con.sql("SELECT DISTINCT feed FROM stated WHERE kind = 'national' AND feed <> '' AND status = '1' ORDER BY feed")
    added = [feed for (feed,) in feeds.fetchall() if feed not in snapshots]
    if added:
        raise RefusalError(
            f"the feed {added[0]} has national data opt-outs and is not loaded as a snapshot. A national list replaces the one before it, so additions "
            f"cannot be used. Have the complete list delivered and set source.nhs.feeds.{added[0]}.load to snapshot, or deliver the list to the feed "
            f"{NATIONAL_OPT_OUTS.name}"
        )


def _fall(con: duckdb.DuckDBPyConnection, feed: str, days: list[date], place: int) -> Fall:
    """Return the fall to the delivery at a place in a feed's days, without the people whom the latest delivery has again."""
    before, now, latest = (_on_list(con, _of_list(feed, days[:end])) for end in (place, place + 1, len(days)))
    return Fall(feed, days[place], before, max(0, before - max(now, latest)))


def _falls_of_correction(con: duckdb.DuckDBPyConnection, feed: str, days: list[date], place: int) -> list[Fall]:
    """Return the falls to the delivery at a place in a feed's days from the lists of the same day that it replaced."""
    replaced = f"kind = {quote(REPLACED)} AND feed = {quote(feed)} AND extract_date = DATE {quote(days[place])}"
    versions = con.execute(f"SELECT DISTINCT extract_id FROM stated WHERE {replaced} ORDER BY extract_id").fetchall()
    before = [_on_list(con, f"{replaced} AND extract_id = {quote(version)}", REPLACED) for (version,) in versions]
    kept = max(_on_list(con, _of_list(feed, days[:end])) for end in (place + 1, len(days))) if before else 0
    return [Fall(feed, days[place], one, max(0, one - kept)) for one in before]


def national_list_expired(lake: Lake, day: date) -> bool:
    """Return whether the latest national list must no longer be used for planning on a day; False without a list."""
    valid = _valid_until(lake)
    return valid is not None and valid < day


def check_national_list(lake: Lake, day: date) -> None:
    """Raise ValidationStop if the latest national list has expired: planning outputs must not be made."""
    if national_list_expired(lake, day):
        raise ValidationStop(
            f"the national data opt-out list was valid until {_valid_until(lake)}, so planning outputs must not be made on {day}. Submit the identifiers "
            f"again and deliver the result to the feed {NATIONAL_OPT_OUTS.name}"
        )


def _valid_until(lake: Lake) -> date | None:
    rows = lake.read_or_empty(OBJECTION_DELIVERY, "valid_until", "kind = 'national' AND practice_code = 'ALL'")
    return next(iter(rows["valid_until"].to_pylist()), None)


def _of_list(feed: str, days: list[date]) -> str:
    """Return the condition of the rows of a list: those of the last delivery."""
    return f"(feed = {quote(feed)} AND extract_date = DATE {quote(days[-1])})"


def _validity(con: duckdb.DuckDBPyConnection, feed: str, now: str, valid_days: int) -> tuple[date | None, date | None]:
    """Return the day on which a list was submitted and the last day on which it may be used.

    The earliest day counts: one list may state several. A row without a day counts from its delivery, and content that was delivered
    before from then. A day that cannot be read may be any day, so the list was never valid. A combined feed states no day of submission:
    its list counts from its delivery.
    """
    first = f"SELECT extract_id, min(extract_date) AS first_day FROM stated WHERE feed = {quote(feed)} GROUP BY extract_id"
    stated = "least(coalesce(submission_date, first_day), first_day)"
    found = con.execute(f"""SELECT min({stated}), min(extract_date)
        FROM stated JOIN ({first}) USING (extract_id) WHERE feed = {quote(feed)} AND kind = 'national' AND ({now})""").fetchall()
    submitted, delivered = found[0]
    if submitted == date.fromisoformat(LOST_SUBMISSION):
        return None, delivered - timedelta(days=1)
    if feed == OPT_OUTS.name:
        return None, submitted + timedelta(days=valid_days)
    return submitted, submitted + timedelta(days=valid_days)


def _on_list(con: duckdb.DuckDBPyConnection, where: str, kind: str = NATIONAL) -> int:
    query = f"SELECT count(*) FROM ({_people_sql(where, kind)}) SEMI JOIN listed USING (person_id) WHERE state = 'in_force'"
    return int(con.execute(query).fetchall()[0][0])


def _people_sql(where: str, kind: str = NATIONAL) -> str:
    """Return the SQL of the people of a list who opted out or were not checked, as rows of core__objection.

    An identifier must be returned in the form in which it was submitted.
    """
    rows = f"(SELECT * FROM stated WHERE kind = {quote(kind)} AND feed <> '' AND ({where}))"
    parts = quote_all(("SUBMITTED", "RETURNED"))
    return f"""
        WITH named AS (SELECT person_id, form, extract_date, extract_id, list_part FROM {rows}),
        opted AS (SELECT person_id, effective_date, last_stated, delivery FROM ({lasting_sql(rows)}) WHERE lasts),
        checked AS (SELECT DISTINCT person_id FROM named WHERE list_part IN ({parts})),
        refused AS (
            SELECT person_id, CAST(NULL AS DATE) AS effective_date, max(extract_date) AS last_stated, max(extract_id) AS delivery
            FROM named WHERE list_part = 'SUBMITTED'
            AND (person_id, form) NOT IN (SELECT (person_id, form) FROM named WHERE list_part = 'RETURNED')
            AND person_id NOT IN (SELECT person_id FROM opted) GROUP BY person_id
        ),
        not_checked AS (
            SELECT person_id, (SELECT max(extract_date) FROM named WHERE list_part IN ({parts})) AS last_stated
            FROM homes WHERE (SELECT count(*) FROM checked) > 0
            AND person_id NOT IN (SELECT person_id FROM checked) AND person_id NOT IN (SELECT person_id FROM opted)
        )
        SELECT person_id, 'national' AS kind, CAST(NULL AS VARCHAR) AS practice_code, effective_date, last_stated AS first_stated,
            last_stated, 'in_force' AS state, last_stated AS state_since, 0 AS absences, delivery
        FROM (FROM opted UNION ALL FROM refused)
        UNION ALL
        SELECT person_id, 'national', NULL, NULL, NULL, last_stated, 'not_known', last_stated, 0, NULL FROM not_checked"""

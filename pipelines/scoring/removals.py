"""The people who are removed from what readers see after a run was published, because they died, objected or left.

`risk__scores` stays as it is: the record of what was published. `risk__removed` is the record of removals and is written first.
The tables that readers see follow it, and whatever an interrupted removal left undone is done by the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pandas as pd

from expectations.feeds import NATIONAL_OPT_OUTS, OPT_OUTS, PATIENTS, REGISTRATIONS, TYPE_1_OBJECTIONS
from expectations.sql_values import quote, quote_all
from expectations.tables import core, risk
from expectations.tables.caseload import CASELOAD, REMOVALS, REMOVED, RISING
from expectations.tables.records import EXTRACTS, VALIDATED_EXTRACTS
from features.cohort import DEATH_NOT_READABLE, END_NOT_READABLE
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.files import without_rows_of
from pipelines.lake.run_record import all_runs, published_runs
from pipelines.lake.storage import Lake
from pipelines.study.opt_out_rules import planning_rule

DIED, LEFT = "died", "left the list"
TYPE_1, NATIONAL = "type 1 objection", "national data opt-out"
RESTRICTED = "confidential, sensitive or deleted"
RESTRICTING_REASONS = ("confidential", "spine_sensitive", "deleted", "test_patient")  # row rules of the feed of patients
FEEDS_OF_KINDS = ((OPT_OUTS.name, TYPE_1_OBJECTIONS.name), (OPT_OUTS.name, NATIONAL_OPT_OUTS.name))
LISTS = (risk.DRIVERS, CASELOAD, RISING)
READ_FOR_REMOVALS = (core.PERSON, core.REGISTRATION, EXTRACTS, VALIDATED_EXTRACTS)  # who still has a reason to be removed


@dataclass(frozen=True)
class KnownTo:
    """The latest deliveries of the registered list and of objections that were applied; None for none.

    Each kind of objection has its latest delivery. The earlier one counts.
    """

    deaths: date | None = None
    objections: date | None = None


def applied_deliveries(lake: Lake) -> KnownTo:
    """Return the latest deliveries of deaths and of objections that passed validation."""
    days = _passed_deliveries(lake)
    deaths = days.get(PATIENTS.name) or days.get(REGISTRATIONS.name)
    sent = set(lake.records(EXTRACTS)["feed"].to_pylist()) if lake.exists(EXTRACTS.name) else set()
    return KnownTo(deaths, _objections_known_to(days, sent))


def _objections_known_to(days: Mapping[str, date], sent: Collection[str]) -> date | None:
    """Return the earliest of the latest deliveries of each kind of objection; None if a kind was sent and none passed."""
    kinds = [[feed for feed in feeds if feed in sent] for feeds in FEEDS_OF_KINDS]
    latest = [_latest(days, feeds) for feeds in kinds if feeds]
    known = [day for day in latest if day is not None]
    return min(known) if known and len(known) == len(latest) else None


def _latest(days: Mapping[str, date], feeds: Sequence[str]) -> date | None:
    return max((days[feed] for feed in feeds if feed in days), default=None)


def _passed_deliveries(lake: Lake) -> dict[str, date]:
    """Return the day of the latest delivery of each feed that passed validation.

    Content that was sent again with a later date counts from its first day, unless a decision accepted the delivery.
    """
    passed = f"SELECT feed, extract_id FROM {lake.scan_or_empty(VALIDATED_EXTRACTS)} WHERE status = 'passed'"
    with connect() as con:
        rows = con.execute(
            f"""SELECT feed, max(day) FROM (
                SELECT feed, extract_id, coalesce(max(extract_date) FILTER (arrived_date IS NOT NULL), min(extract_date)) AS day
                FROM {lake.scan_or_empty(EXTRACTS)} SEMI JOIN ({passed}) USING (feed, extract_id) GROUP BY feed, extract_id) GROUP BY feed"""
        ).fetchall()
    return {str(feed): day for feed, day in rows}


def known_to(lake: Lake) -> KnownTo | None:
    """Return up to when the latest run, refresh or withdrawal knew deaths and objections; None where that was not recorded."""
    columns = "deaths_known_to, objections_known_to"
    rows = lake.read_or_empty(REMOVALS, columns, order="recorded_at DESC LIMIT 1").to_pylist()
    return KnownTo(*rows[0].values()) if rows else None


def record_known(lake: Lake, known: KnownTo) -> None:
    """Record up to when deaths and objections are known, with the number of people by reason of each removal not yet counted."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    counted = "removed_at, reason, count(DISTINCT person_id) AS people"
    rows = lake.read_or_empty(REMOVED, counted, f"{_pending(lake)} GROUP BY ALL", "removed_at, reason").to_pylist()
    if not rows and known_to(lake) == known:
        return
    every = rows or [{"removed_at": "", "reason": "", "people": 0}]
    known_days = {"deaths_known_to": known.deaths, "objections_known_to": known.objections}
    lake.append(REMOVALS, [{"recorded_at": now, **row, **known_days} for row in every])


def removed_people(lake: Lake) -> list[str]:
    """Return the people who were removed and for whom there still is a reason."""
    if not lake.exists(REMOVED.name) or not lake.exists(core.PERSON.name):
        return []
    with connect() as con:
        rows = con.execute(f"""SELECT DISTINCT person_id FROM {lake.scan(REMOVED.name)} AS removed JOIN ({reasons_sql(lake)}) USING (person_id)
            WHERE NOT for_planning_alone OR removed.purpose = 'planning' ORDER BY person_id""").fetchall()
    return [str(person) for (person,) in rows]


def shown_people_sql(lake: Lake) -> str:
    """Return the condition of the people whom readers see: true for everyone who was not removed.

    Every reader of the lists and current scores applies it, for the tables follow the record of removals one by one.
    """
    removed = removed_people(lake)
    return f"person_id NOT IN ({quote_all(removed)})" if removed else "true"


def record_removals(lake: Lake, outcome: str = "") -> dict[str, int]:
    """Record the people in the current run of an outcome, or of any, who now have a reason to be removed; return how many by reason.

    This one commit decides who is removed. `hide_removed` applies it to the tables.
    """
    purposes = {
        str(run["run_id"]): str(run["purpose"]) for run in current_runs(lake) if run["outcome"] == (outcome or run["outcome"])
    }
    if not purposes or not lake.exists(core.PERSON.name):
        return {}
    with connect() as con:
        found = con.execute(f"""SELECT person_id, min(reason) AS reason, max(purpose) AS purpose
            FROM ({_shown(lake, purposes)}) AS shown JOIN ({reasons_sql(lake)}) USING (person_id)
            WHERE (NOT for_planning_alone OR purpose = 'planning')
            AND person_id NOT IN (SELECT person_id FROM {lake.scan_or_empty(REMOVED)} WHERE {_pending(lake)})
            GROUP BY person_id ORDER BY person_id""").df()
    if found.empty:
        return {}
    restricted = found["person_id"].isin(_restricted(lake)) & (found["reason"] == LEFT)
    found["reason"] = found["reason"].mask(restricted, RESTRICTED)
    found["removed_at"] = datetime.now(UTC).isoformat(timespec="microseconds")
    lake.append(REMOVED, found)
    return {str(reason): int(people) for reason, people in found["reason"].value_counts().sort_index().items()}


def hide_removed(lake: Lake, outcome: str, run_id: str) -> dict[str, int]:
    """Remove the people who were removed from the drivers and lists of a run, and from risk__current if it has that run."""
    people = removed_people(lake)
    if not people or not run_id:
        return {}
    tables: dict[str, Mapping[str, str]] = {table.name: {"run_id": run_id} for table in LISTS if lake.exists(table.name)}
    if shown_run(lake, outcome) == run_id:
        tables[risk.CURRENT.name] = {"outcome": outcome}
    return without_rows_of(tables, lake, f"person_id IN ({quote_all(people)})")


def shown_run(lake: Lake, outcome: str) -> str | None:
    """Return the run in risk__current for an outcome, '' if its partition is empty, or None if it was never written."""
    if outcome not in lake.partitions(risk.CURRENT.name, "outcome"):
        return None
    current = lake.read(
        risk.CURRENT.name, "any_value(run_id) AS run_id", f"outcome = {quote(outcome)}", partition={"outcome": outcome}
    )
    return str(current["run_id"][0].as_py() or "")


def current_runs(lake: Lake) -> list[dict[str, object]]:
    """Return the latest published run of each outcome."""
    outcomes = sorted({str(row["outcome"]) for row in all_runs(lake)})
    return [runs[-1] for outcome in outcomes if (runs := published_runs(lake, outcome))]


def reasons_sql(lake: Lake) -> str:
    """Return the SQL of everyone with a reason to be removed: person_id, reason and whether it holds for planning alone.

    Every value of `core__person.suppression` is a reason, so what keeps a person out of a cohort also removes them from a published run.
    """
    opted_out = "national_data_opt_out" if planning_rule(lake).excludes else "false"
    days = _passed_deliveries(lake)
    day = days.get(REGISTRATIONS.name) or days.get(PATIENTS.name)
    ended = f"coalesce(last_day, DATE '0001-01-01') < DATE {quote(day)}" if day else "last_day IS NULL"
    return f"""SELECT person_id, for_planning_alone, reason FROM (
        SELECT person_id, CASE
            WHEN death_date IS NOT NULL THEN {quote(DIED)} WHEN death_not_readable THEN {quote(DEATH_NOT_READABLE)}
            WHEN type_1_opt_out THEN {quote(TYPE_1)} WHEN suppression IS NOT NULL THEN suppression WHEN NOT on_list OR {ended} THEN {quote(LEFT)}
            WHEN end_not_readable THEN {quote(END_NOT_READABLE)} WHEN {opted_out} THEN {quote(NATIONAL)} END AS reason,
            reason = {quote(NATIONAL)} AS for_planning_alone
        FROM {lake.scan_or_empty(core.PERSON)} LEFT JOIN (
            SELECT person_key, max(coalesce(end_date, DATE '9999-12-31')) AS last_day,
                coalesce(arg_max(end_not_readable, start_date), false) AS end_not_readable
            FROM {lake.scan_or_empty(core.REGISTRATION)} GROUP BY person_key) USING (person_key)) WHERE reason IS NOT NULL"""


def _shown(lake: Lake, purposes: Mapping[str, str]) -> str:
    """Return the SQL of the people whom readers see in some runs, or will see once risk__current has the run."""
    seen = {run: shown_run(lake, str(row["outcome"])) for row in current_runs(lake) if (run := str(row["run_id"]))}
    parts = []
    for run_id, purpose in purposes.items():
        scores = lake.scan(risk.SCORES.name, {"run_id": run_id})
        if seen[run_id] == run_id:
            scores = f"(FROM {lake.scan(risk.CURRENT.name)} WHERE run_id = {quote(run_id)})"
        scans = [scores, *(lake.scan(table.name, {"run_id": run_id}) for table in LISTS if lake.exists(table.name))]
        parts += [f"SELECT person_id, {quote(purpose)} AS purpose FROM {scan}" for scan in scans]
    return " UNION ".join(parts)


def _pending(lake: Lake) -> str:
    """Return the condition of the removals whose counts are not recorded yet."""
    done: Sequence[str] = lake.read_or_empty(REMOVALS, "DISTINCT removed_at", order="removed_at")["removed_at"].to_pylist()
    return f"removed_at NOT IN ({quote_all(done)})" if done else "true"


def _restricted(lake: Lake) -> pd.Series:
    """Return the people of rows of the registered list that are confidential, sensitive, deleted or of a test patient."""
    table = PATIENTS.table
    assert table is not None
    if not lake.exists(table.name) or not lake.exists(core.QUARANTINE.name):
        return pd.Series(dtype=object)
    where = f"table_name = {quote(table.name)} AND reason IN ({quote_all(RESTRICTING_REASONS)})"
    with connect() as con:
        return con.execute(f"""SELECT DISTINCT trim(person_id) AS person_id FROM {lake.scan(table.name)}
            SEMI JOIN (SELECT extract_id, row_number FROM {lake.scan(core.QUARANTINE.name)} WHERE {where})
            USING (extract_id, row_number)""").df()["person_id"]

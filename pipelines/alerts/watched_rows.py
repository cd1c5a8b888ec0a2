"""The rows that the alert rules read: the latest of the monitoring tables, publications, late feeds and the approval of the runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from expectations.sql_values import quote, quote_all
from expectations.table import Table
from expectations.tables.monitoring import CALIBRATION, DRIFT, LIST_USE, LIST_USE_BY_PRACTICE, SCORES
from expectations.tables.records import EXTRACTS, VALIDATION
from models.disclosure_control import safe_audit
from pipelines.alerts.rule_declaration import Row, Rows, Watched
from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake

VOLUME_RULES = ("feed_collapsed", "feed_fell", "month_collapsed", "month_gap")
RECENT_MONTHS = 13  # before the delivery


def drift(watched: Watched) -> Rows:
    """Return the rows of monitoring__drift of its latest index date."""
    return _latest(watched.lake, DRIFT, "true")


def scores(watched: Watched) -> Iterator[Row]:
    """Yield the rows of monitoring__scores of each outcome's latest published run."""
    for outcome in watched.outcomes:
        measured = set(watched.lake.partitions(SCORES.name, "run_id"))
        runs = [str(run["run_id"]) for run in published_runs(watched.lake, outcome) if str(run["run_id"]) in measured]
        if runs:
            yield from watched.lake.read_or_empty(
                SCORES, where=f"outcome = {quote(outcome)}", partition={"run_id": runs[-1]}
            ).to_pylist()


def code_lists(watched: Watched) -> Rows:
    """Return the code lists with the people whom they match."""
    rows: Rows = watched.lake.read_or_empty(LIST_USE, where="all_people > 0", order="list, code_system").to_pylist()
    return rows


def silent_practices(watched: Watched) -> Rows:
    """Return the practices at which lists match no one although people are expected, with the list of which most are expected.

    A list that matches no one anywhere is a finding about the list.
    """
    expected = "expected_share * all_people"
    found = f"""practice_code, code_system, count(*) AS lists, arg_max(label, {expected}) AS label, max({expected}) AS expected_people"""
    elsewhere = f"(list, code_system) IN (SELECT (list, code_system) FROM {watched.lake.scan_or_empty(LIST_USE_BY_PRACTICE)} WHERE people > 0)"
    where = f"result = 'nothing' AND {elsewhere} GROUP BY ALL"
    rows: Rows = watched.lake.read_or_empty(LIST_USE_BY_PRACTICE, found, where, "practice_code, code_system").to_pylist()
    return rows


def matured_runs(watched: Watched) -> Iterator[Row]:
    """Yield the measures of each outcome's latest matured run, as they may leave."""
    for outcome in watched.outcomes:
        rows = _latest(watched.lake, CALIBRATION, _of_published_runs(watched.lake, outcome))
        if rows:
            safe = pd.concat([safe_audit(part) for _, part in pd.DataFrame(rows).groupby("run_id")])
            yield from ({str(name): value for name, value in row.items()} for row in _with_nulls(safe))


def broken_volumes(watched: Watched) -> Rows:
    """Return the worst broken volume rule of each recent month in the latest delivery of each feed.

    Table rules are recorded by delivery: their `extract_id` is its day. Older gaps are in monitoring__validation alone.
    """
    lake = watched.lake
    latest = f"SELECT feed, max(extract_date) AS day FROM {lake.scan_or_empty(EXTRACTS)} GROUP BY feed"
    recent = f"(feed, extract_id) IN (SELECT (feed, CAST(day AS VARCHAR)) FROM ({latest}))"
    recent += f" AND month >= TRY_CAST(extract_id AS DATE) - INTERVAL {RECENT_MONTHS} MONTH"
    where = f"rule IN ({quote_all(VOLUME_RULES)}) AND NOT passed AND {recent}"
    columns = 'feed, organisation_code, month, min(share) AS share, arg_min("limit", share) AS "limit"'
    rows: list[Row] = lake.read_or_empty(
        VALIDATION, columns, f"{where} GROUP BY ALL", "feed, organisation_code, month"
    ).to_pylist()
    return rows


def publications(watched: Watched) -> Iterator[Row]:
    """Yield for each outcome that was published how many days ago that was."""
    for outcome in watched.outcomes:
        published = published_on(published_runs(watched.lake, outcome))
        if published is not None:
            yield {"outcome": outcome, "age_days": (watched.today - published).days}


def late_feeds(watched: Watched) -> Rows:
    """Return the feeds that are late."""
    return watched.late_feeds()


def approval_of_runs(watched: Watched) -> Iterator[Row]:
    """Yield the last day of the approval of the runs, with the days until then."""
    expires = watched.approval_expires
    if expires is not None:
        yield {"expires": expires, "days_left": (expires - watched.today).days}


def published_on(runs: Sequence[Mapping[str, Any]]) -> date | None:
    """Return the day of the last publication."""
    return max((date.fromisoformat(str(run["recorded_at"])[:10]) for run in runs), default=None)


def _of_published_runs(lake: Lake, outcome: str) -> str:
    runs = published_runs(lake, outcome)
    return f"outcome = {quote(outcome)} AND run_id IN ({quote_all(run['run_id'] for run in runs)})"


def _latest(lake: Lake, table: Table, where: str) -> list[Row]:
    """Return a table's rows of its latest index date."""
    day = lake.read_or_empty(table, "max(index_date) AS day", where)["day"].to_pylist()[0]
    rows: list[Row] = []
    if day is not None:
        rows = lake.read_or_empty(table, where=f"{where} AND index_date = DATE {quote(day)}").to_pylist()
    return rows


def _with_nulls(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    return rows.astype(object).where(rows.notna(), None).to_dict("records")

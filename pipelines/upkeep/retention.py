"""Deletion of what is past its time: old versions of tables, old runs, old deliveries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from expectations.catalogue import TABLES
from expectations.sql_values import quote
from expectations.tables.core import QUARANTINE, UNREAD_LINE
from expectations.tables.records import EXTRACTS, VALIDATED_EXTRACTS, VALIDATION
from pipelines.extracts.retained import kept_days
from pipelines.lake.files import compact, drop_versions, without_partition, without_rows
from pipelines.lake.run_record import PUBLISHED, all_runs, published_runs, record_run
from pipelines.lake.storage import Lake
from pipelines.study.index_dates import months_before
from pipelines.upkeep.settings import UpkeepSettings

REMOVED = "removed"
SCORED_FROM = (
    "features__person", "features__catalogue", "risk__models", "risk__cross_fitted", "risk__labels", "core__person",
    "core__registration",
)  # fmt: skip
APPENDED = (
    EXTRACTS.name,
    "raw__erasures",
    "risk__models",
    "risk__runs",
    "monitoring__stages",
    "monitoring__access",
)  # fmt: skip - a small file each time

OF_A_RUN = tuple(name for name, table in TABLES.items() if name.startswith("risk__") and "run_id" in table.partitioned_by)


def tidy(lake: Lake, settings: UpkeepSettings, data_cut: date) -> dict[str, int]:
    """Remove old runs and deliveries, merge small files and delete what only old versions need; return counts by kind."""
    done = {
        "runs_removed": len(remove_runs(lake, settings.run_months, data_cut)),
        "deliveries_removed": remove_deliveries(lake, oldest_delivery(settings.extract_months, data_cut)),
        "files_put_together": sum(compact(lake, name) for name in APPENDED),
    }
    kept = _versions_of_runs(lake, settings.reproducible_runs)
    days = settings.old_versions_days
    deleted = sum(drop_versions(lake, name, days, kept.get(name, ())) for name in lake.tables())
    return {**done, "old_files_deleted": deleted}


def oldest_delivery(extract_months: int | None, data_cut: date) -> date | None:
    """Return the first day whose deliveries are kept; None where all are kept."""
    return None if extract_months is None else months_before(data_cut, extract_months)


def remove_runs(lake: Lake, run_months: int | None, data_cut: date) -> list[str]:
    """Remove the scores and drivers of runs that are past their time, and record it in risk__runs; current runs stay."""
    if run_months is None:
        return []
    latest = {str(row["run_id"]): row for row in all_runs(lake)}
    old = _old_runs(lake, latest, months_before(data_cut, run_months))
    for run in old:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        reason = f"kept for {run_months} months"
        latest[run] = {**latest[run], "status": REMOVED, "recorded_at": now, "reason": reason}
        record_run(lake, latest[run])
    for run in (run for run, row in latest.items() if row["status"] == REMOVED):  # an interrupted removal is completed
        for table in OF_A_RUN:
            without_partition(lake, table, {"run_id": run})
    return old


def _old_runs(lake: Lake, latest: Mapping[str, dict[str, Any]], first: date) -> list[str]:
    """Return the runs before a day that are neither removed nor current."""
    current = {_current(lake, outcome) for outcome in {str(row["outcome"]) for row in latest.values()}}
    candidates = {run for run, row in latest.items() if row["index_date"] < first and row["status"] != REMOVED}
    return [run for run in latest if run in candidates - current]


def remove_deliveries(lake: Lake, first: date | None) -> int:
    """Remove the deliveries made before a day, with their records, and return their number."""
    if first is None:
        return 0
    rows = lake.read_or_empty(EXTRACTS, "DISTINCT feed, extract_id, extract_date").to_pylist()
    old, kept = _split_by_age(rows, first)
    kept_extracts = {row["extract_id"] for row in kept}
    for row in old:
        if row["extract_id"] not in kept_extracts:
            _remove_extract(lake, row["feed"], row["extract_id"])
    gone = " OR ".join(f"(feed = {quote(row['feed'])} AND extract_date = DATE {quote(row['extract_date'])})" for row in old)
    if gone:
        without_rows(lake, EXTRACTS.name, gone)
    return len(old)


def _split_by_age(rows: list[dict[str, Any]], first: date) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the old deliveries and the kept ones."""
    by_feed: dict[str, set[date]] = {}
    for row in rows:
        by_feed.setdefault(str(row["feed"]), set()).add(row["extract_date"])
    days = {feed: kept_days(feed, dates, first) for feed, dates in by_feed.items()}
    old = [row for row in rows if row["extract_date"] not in days[row["feed"]]]
    return old, [row for row in rows if row["extract_date"] in days[row["feed"]]]


def _remove_extract(lake: Lake, feed: str, extract: str) -> None:
    for table in (f"raw__{feed}", QUARANTINE.name, UNREAD_LINE.name, VALIDATED_EXTRACTS.name, VALIDATION.name):
        if lake.exists(table):
            _without_extract(lake, table, extract)


def _without_extract(lake: Lake, table: str, extract: str) -> None:
    if "extract_id" in lake.table(table).metadata().partition_columns:
        without_partition(lake, table, {"extract_id": extract})
    else:
        without_rows(lake, table, f"extract_id = {quote(extract)}")


def _current(lake: Lake, outcome: str) -> str:
    runs = published_runs(lake, outcome)
    return str(runs[-1]["run_id"]) if runs else ""


def _versions_of_runs(lake: Lake, count: int) -> dict[str, set[int]]:
    """Return the versions of the tables that the latest published runs of each outcome were scored from."""
    rows = all_runs(lake)
    runs: list[dict[str, Any]] = []
    for outcome in sorted({str(row["outcome"]) for row in rows if row["status"] == PUBLISHED}):
        runs += published_runs(lake, outcome)[-count:] if count else []
    return {name: _recorded(runs, name) for name in SCORED_FROM}


def _recorded(runs: Iterable[dict[str, Any]], name: str) -> set[int]:
    recorded = (json.loads(str(run["table_versions"])) for run in runs)
    return {int(versions[name]) for versions in recorded if name in versions}

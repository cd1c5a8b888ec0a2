"""What every stage of a run took, and the stages that need not run again: nothing they read, and nothing they wrote, has changed."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from expectations.sql_values import quote
from expectations.table import Table
from expectations.tables.core import QUARANTINE
from expectations.tables.monitoring import STAGES
from expectations.tables.records import EXTRACTS, VALIDATED_EXTRACTS
from pipelines.lake.code_version import code_version, digest_of
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.stages.run_plan import data_cut, raw_tables, settings_version

Summary = Mapping[str, Any]
UNCHANGED = "unchanged: nothing it reads is new"


@dataclass(frozen=True)
class Reads:
    """What a stage reads: stored tables, and validated rows of feeds (None: of all). Settings, code and the data cut always count."""

    tables: tuple[str, ...] = ()
    feeds: tuple[str, ...] | None = None


def run_stage(
    deployment: Deployment,
    stage: str,
    work: Callable[[], Summary],
    writes: Sequence[Table] = (),
    reads: Reads | None = None,
    index_date: str = "",
) -> Summary:
    """Do a stage's work and record what it took; one whose `reads` and `writes` are those of its last record is left out."""
    lake, started, clock = deployment.lake, datetime.now(UTC), time.perf_counter()
    cpu, inputs = _cpu_seconds(), _inputs(deployment, reads)
    unchanged = bool(inputs) and (inputs, _outputs(lake, writes, index_date)) == _last(lake, stage, index_date)
    summary = {"status": UNCHANGED} if unchanged else work()
    if "skipped" in summary:
        return summary
    row = {
        "stage": stage,
        "index_date": index_date,
        "started_at": started.isoformat(timespec="microseconds"),
        "status": "unchanged" if unchanged else "done",
        "wall_s": round(time.perf_counter() - clock, 3),
        "cpu_s": round(_cpu_seconds() - cpu, 3),
        "inputs": inputs,
        "outputs": _outputs(lake, writes, index_date),
    }
    lake.append(STAGES, [row])
    return summary


def _inputs(deployment: Deployment, reads: Reads | None) -> str:
    """Give a digest of everything a stage reads; '' for one that always runs."""
    if reads is None:
        return ""
    lake = deployment.lake
    raw = [table for table in raw_tables(deployment) if reads.feeds is None or table.feed in reads.feeds]
    told = [settings_version(deployment), code_version(), str(data_cut(deployment))]
    return digest_of([told, {name: _files(lake, name) for name in reads.tables}, [_of_feed(lake, table) for table in raw]])


def _of_feed(lake: Lake, table: Table) -> list[object]:
    """Tell a feed's validated rows from any other state of them."""
    where = f"feed = {quote(table.feed)}"
    records = [lake.read_or_empty(log, where=where).to_pylist() for log in (EXTRACTS, VALIDATED_EXTRACTS)]
    set_aside = _files(lake, QUARANTINE.name, {"table_name": table.name})
    return [table.name, [sorted(map(str, rows)) for rows in records], set_aside, _files(lake, table.name)]


def _outputs(lake: Lake, writes: Sequence[Table], index_date: str) -> str:
    def of_date(name: str) -> dict[str, str] | None:
        dated = index_date and lake.exists(name) and "index_date" in lake.partitioned_by(name)
        return {"index_date": index_date} if dated else None

    return digest_of([[table.name, _files(lake, table.name, of_date(table.name))] for table in writes])


def _files(lake: Lake, name: str, partition: Mapping[str, str] | None = None) -> list[str]:
    """Tell a table's content: a file's name is given once, and the same bytes keep theirs."""
    return [file.path for file in lake.live_files(name) if (partition or {}).items() <= file.partition.items()]


def _last(lake: Lake, stage: str, index_date: str) -> tuple[str, str] | None:
    where = f"stage = {quote(stage)} AND index_date = {quote(index_date)}"
    rows = lake.read_or_empty(STAGES, "inputs, outputs", where, "started_at DESC LIMIT 1").to_pylist()
    return (rows[0]["inputs"], rows[0]["outputs"]) if rows else None


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(spent.ru_utime + spent.ru_stime for spent in used)

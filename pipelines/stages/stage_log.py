"""The record of every stage, and the skipping of a stage when nothing it reads and nothing it wrote has changed."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from expectations.sql_values import quote
from expectations.table import Table
from expectations.tables.core import QUARANTINE
from expectations.tables.decisions import DECISION
from expectations.tables.monitoring import STAGES
from expectations.tables.records import EXTRACTS, VALIDATED_EXTRACTS
from pipelines.lake.code_version import code_version, digest_of
from pipelines.lake.decision_record import decisions_that_count
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.stages.context import Uses
from pipelines.stages.outside import outside_digest
from pipelines.stages.results import StageResult, Status
from pipelines.stages.settings_view import settings_that_count
from pipelines.stages.stage import Per, Stage

UNCHANGED = StageResult(status=Status.UNCHANGED, message="unchanged: nothing it reads is new")
STRICT = "STRATA_STRICT_STAGES"  # environment variable of the tests: a stage that uses what it does not declare fails
NEVER_COUNTED = (STAGES.name,)  # the record itself grows with every stage


class UndeclaredTableError(Exception):
    """A stage read or wrote a table that it does not declare: a bug in its declaration."""


def run_stage(
    deployment: Deployment, stage: Stage, index_date: date | None = None, shared: Collection[str] = frozenset()
) -> StageResult:
    """Run a stage and record what it took; skip it if its inputs and outputs are those of its last record.

    `shared` names the tables to which other stages add: of those it counts only that they are there.
    """
    before = _work(deployment, stage.first, index_date)[0] if stage.first else StageResult()
    result = _run(deployment, stage, index_date, shared)
    if result.status == Status.SKIPPED:
        return result
    return replace(result, facts={**before.facts, **result.facts})


def undeclared_tables(stage: Stage, uses: Uses, deployment: Deployment) -> set[str]:
    """Return the tables that a stage read or wrote without declaring them."""
    applied = (DECISION,) if stage.decisions else ()
    readable = {table.name for table in (*stage.tables_read(deployment), *stage.reads_earlier, *applied)}
    writable = {table.name for table in stage.tables_written}
    return (uses.tables_read - readable) | (uses.tables_written - writable)


def _run(deployment: Deployment, stage: Stage, index_date: date | None, shared: Collection[str]) -> StageResult:
    lake, started, clock, cpu = deployment.lake, datetime.now(UTC), time.perf_counter(), _cpu_seconds()
    day = index_date.isoformat() if index_date else ""
    inputs = inputs_digest(deployment, stage, day)
    result, is_declared = UNCHANGED, True
    if (inputs, outputs_digest(deployment, stage, day, shared)) != _last(lake, stage.name, day):
        result, is_declared = _work(deployment, stage, index_date)
    if result.status == Status.SKIPPED:
        return result
    row = {
        "stage": stage.name,
        "index_date": day,
        "started_at": started.isoformat(timespec="microseconds"),
        "status": str(result.status),
        "wall_s": round(time.perf_counter() - clock, 3),
        "cpu_s": round(_cpu_seconds() - cpu, 3),
        "inputs": inputs if is_declared and not result.runs_again else "",
        "outputs": outputs_digest(deployment, stage, day, shared),
    }
    lake.append(STAGES, [row])
    return result


def _work(deployment: Deployment, stage: Stage, index_date: date | None) -> tuple[StageResult, bool]:
    """Do a stage's work; return its result, and whether it used declared tables alone. One that did not cannot be skipped next time."""
    result, uses = stage.traced(deployment, index_date)
    surprising = undeclared_tables(stage, uses, deployment)
    if surprising and os.environ.get(STRICT):
        raise UndeclaredTableError(
            f"the stage {stage.name} uses tables that it does not declare: {', '.join(sorted(surprising))}"
        )
    return result, not surprising


@dataclass(frozen=True)
class _Part:
    """The part of the tables that counts for a stage: of an index date, or of a feed."""

    index_date: str = ""
    feed: str = ""
    raw_table: str = ""

    def of(self, lake: Lake, name: str) -> dict[str, str]:
        """Return the values of the partitions of a table that count, as far as the table is partitioned by them."""
        if not lake.exists(name):
            return {}
        values = {"index_date": self.index_date, "feed": self.feed, "table_name": self.raw_table}
        return {column: values[column] for column in lake.partitioned_by(name) if values.get(column)}


def inputs_digest(deployment: Deployment, stage: Stage, index_date: str = "") -> str:
    """Return a digest of everything that a stage reads and does not write itself: tables, feeds, settings, outside inputs and code."""
    lake, own = deployment.lake, {table.name for table in stage.tables_written}
    outside = [which for which in stage.outside if which not in stage.changes]
    received = [
        [settings_that_count(study.settings, stage.settings), outside_digest(study, outside, stage.feed)]
        for study in _studies(deployment, stage)
    ]
    decisions = [one.decision_id for kind in stage.decisions for one in decisions_that_count(lake, kind)]
    feeds = [_of_feed(lake, table, own) for table in stage.raw_tables(deployment)]
    return digest_of([code_version(), _tables_read(lake, stage, index_date, own), feeds, decisions, received])


def _tables_read(lake: Lake, stage: Stage, index_date: str, own: Collection[str]) -> dict[str, object]:
    """Return what identifies the state of each table that a stage reads and does not write itself."""
    names = [table.name for table in (*stage.reads, *stage.reads_earlier) if table.name not in own]
    parts = {table.name: _Part(index_date) for table in stage.of_date}
    return {name: _state(lake, name, parts.get(name, _part(stage))) for name in _counted(names)}


def _of_feed(lake: Lake, table: Table, own: Collection[str]) -> list[object]:
    """Return what identifies the state of a feed's validated rows."""
    part = _Part("", table.feed, table.name)
    names = [table.name, EXTRACTS.name, VALIDATED_EXTRACTS.name, *([] if QUARANTINE.name in own else [QUARANTINE.name])]
    return [table.name, [_state(lake, name, part) for name in names]]


def outputs_digest(deployment: Deployment, stage: Stage, index_date: str = "", shared: Collection[str] = frozenset()) -> str:
    """Return a digest of what a stage left: its tables, the tables of others that it both reads and adds to, and what it changes outside."""
    lake, part = deployment.lake, _part(stage, index_date)

    def of_its_own(name: str) -> object:
        return lake.exists(name) if name in shared and not part.of(lake, name) else _state(lake, name, part)

    own = {table.name: of_its_own(table.name) for table in (*stage.writes, *stage.records)}
    added = {name: _state(lake, name, _part(stage)) for name in _counted(_added_and_read(deployment, stage))}
    changed = [outside_digest(study, stage.changes, stage.feed) for study in _studies(deployment, stage)]
    return digest_of([own, added, changed])


def _added_and_read(deployment: Deployment, stage: Stage) -> list[str]:
    """Return the tables of other stages that a stage both reads and adds to. The quarantine follows from what is validated."""
    read = {table.name for table in (*stage.tables_read(deployment), *stage.reads_earlier)}
    return [table.name for table in stage.adds_to if table.name in read and table != QUARANTINE]


def _studies(deployment: Deployment, stage: Stage) -> tuple[Deployment, ...]:
    return deployment.studies if Per.STUDY in stage.per else (deployment,)


def _part(stage: Stage, index_date: str = "") -> _Part:
    raw = next((table.name for table in (*stage.writes, *stage.reads) if table.feed and table.feed == stage.feed), "")
    return _Part(index_date, stage.feed, raw)


def _state(lake: Lake, name: str, part: _Part) -> object:
    """Return what identifies a table's content: the names of its files, which are used once; the same bytes keep theirs.

    Of the table of extracts, whose files are of all feeds, the rows of the part's feed count.
    """
    if not lake.exists(name):
        return []
    if name == EXTRACTS.name and part.feed:
        return sorted(map(str, lake.read(name, where=f"feed = {quote(part.feed)}").to_pylist()))
    chosen = part.of(lake, name).items()
    return [file.path for file in lake.live_files(name) if chosen <= file.partition.items()]


def _counted(names: Iterable[str]) -> list[str]:
    return sorted(set(names) - set(NEVER_COUNTED))


def _last(lake: Lake, stage: str, index_date: str) -> tuple[str, str] | None:
    where = f"stage = {quote(stage)} AND index_date = {quote(index_date)}"
    rows = lake.read_or_empty(STAGES, "inputs, outputs", where, "started_at DESC LIMIT 1").to_pylist()
    return (rows[0]["inputs"], rows[0]["outputs"]) if rows else None


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(spent.ru_utime + spent.ru_stime for spent in used)

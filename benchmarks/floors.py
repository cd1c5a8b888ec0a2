"""Measure lower bounds: reading the same files without checks, and reading the same events and writing the same features."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from benchmarks.measurement import WorkResult, processor_seconds
from pipelines.building.event_reader import COLUMNS
from pipelines.building.range_workers import over_ranges
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

if TYPE_CHECKING:
    from pipelines.run.deployment import Deployment


def ingest_floor(deployment: Deployment) -> int:
    """Read the same files with plain DuckDB and write them as Parquet."""
    from pipelines.stages import run_plan  # imported here, because the processes of the other floor do not need it

    target = deployment.home / "floor"
    target.mkdir(exist_ok=True)
    rows = 0
    with connect(deployment.settings.engine.memory_gb, deployment.settings.engine.threads) as con:
        for table in run_plan.raw_tables(deployment):
            for file in sorted((deployment.landing / table.feed).glob("*.csv*")):
                read = f"read_csv('{file}', all_varchar=true, ignore_errors=true, encoding='utf-8')"
                rows += con.execute(f"COPY (FROM {read}) TO '{target / table.feed}.parquet' (FORMAT parquet)").fetchall()[0][0]
    shutil.rmtree(target)
    return rows


def features_floor(deployment: Deployment, index_date: date) -> WorkResult:
    """Read the columns of the events and write the finished features like the stage, in the same number of processes."""
    lake, workers = deployment.lake, deployment.settings.engine.threads
    events, finished = lake.files("core__event"), lake.files("features__person", {"index_date": index_date.isoformat()})
    work = [*((file, "") for file in events), *(("", file) for file in finished)]
    results = over_ranges(partial(_floor_of, lake.root, work), [(place, place + 1) for place in range(len(work))], workers)
    shutil.rmtree(lake.folder("floor"))
    return WorkResult(sum(rows for rows, _ in results), sum(excluded for _, excluded in results))


def _floor_of(root: Path, work: Sequence[tuple[str, str]], first: int, last: int) -> tuple[int, float]:
    """Read one file of events by row group, or write one file of features; reading that file is not measured."""
    rows, excluded = 0, 0.0
    for events, features in work[first:last]:
        if events:
            with pq.ParquetFile(events) as opened:
                for group in range(opened.num_row_groups):
                    rows += opened.read_row_group(group, columns=list(COLUMNS), use_threads=False).num_rows
        else:
            before = processor_seconds()
            finished = pq.ParquetFile(features).read()
            excluded += processor_seconds() - before
            Lake(root).write_arrow("floor", finished)
    return rows, excluded

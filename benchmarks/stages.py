"""Time the stages on a synthetic board: `python -m benchmarks.stages --people 100000`.

The board is made once and kept. Each stage runs in a process of its own; the floors are what no stage can undercut:
DuckDB's bare `read_csv` to Parquet of the same files, and reading the events and writing the finished features again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import yaml

from pipelines import stages
from pipelines.deployment import Deployment, open_deployment
from pipelines.storage import connect

INDEX_DATE = date(2024, 10, 1)


def board(deployment: Deployment) -> int:
    stages.write_synthetic_board(deployment)
    return 0


def ingest(deployment: Deployment) -> int:
    return sum(int(stages.ingest(deployment, table).get("new_rows", 0)) for table in stages.raw_tables(deployment))


def validate(deployment: Deployment) -> int:
    return sum(int(stages.validate(deployment, table).get("rows", 0)) for table in stages.raw_tables(deployment))


def conform(deployment: Deployment) -> int:
    steps = (
        stages.conform_organisations, stages.conform_areas, stages.conform_people, stages.conform_registrations,
        stages.conform_spells, stages.conform_events, stages.conform_coverage, stages.conform_linkage,
    )  # fmt: skip
    for step in steps:
        step(deployment)
    return deployment.lake.rows("core__event")


def features(deployment: Deployment) -> int:
    stages.build_catalogue(deployment)
    return int(stages.build_features(deployment, INDEX_DATE)["rows"])


def labels(deployment: Deployment) -> int:
    return int(stages.build_labels(deployment, INDEX_DATE)["rows"])


def ingest_floor(deployment: Deployment) -> int:
    """Read the same files with DuckDB's bare reader and write them as Parquet."""
    target = deployment.home / "floor"
    target.mkdir(exist_ok=True)
    rows = 0
    with connect(deployment.settings.engine.memory_gb, deployment.settings.engine.threads) as con:
        for table in stages.raw_tables(deployment):
            for file in sorted((deployment.landing / table.feed).glob("*.csv*")):
                read = f"read_csv('{file}', all_varchar=true, ignore_errors=true, encoding='utf-8')"
                rows += con.execute(f"COPY (FROM {read}) TO '{target / table.feed}.parquet' (FORMAT parquet)").fetchall()[0][0]
    shutil.rmtree(target)
    return rows


def features_floor(deployment: Deployment) -> int:
    """Read the columns of the events and write the finished features with the same codec and row groups."""
    import pyarrow.parquet as pq

    from pipelines.event_reader import read_events

    rows = 0
    for file in deployment.lake.files("core__event"):
        rows += read_events((file,), 0, 2**31 - 1).num_rows
    for file in deployment.lake.files("features__person", {"index_date": INDEX_DATE.isoformat()}):
        finished = pq.read_table(file)
        pq.write_table(finished, deployment.home / "floor.parquet", compression="zstd", row_group_size=122_880)
    (deployment.home / "floor.parquet").unlink(missing_ok=True)
    return rows


STAGES: dict[str, Callable[[Deployment], int]] = {
    "board": board, "ingest_floor": ingest_floor, "ingest": ingest, "validate": validate, "conform": conform,
    "features": features, "features_floor": features_floor, "labels": labels,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--home", type=Path, default=Path("data/bench"))
    parser.add_argument("--stage", choices=list(STAGES))
    given = parser.parse_args()
    home = (given.home / str(given.people)).resolve()
    config = _config(home, given.people)
    if given.stage:
        print(json.dumps(_measured(given.stage, config)), flush=True)
        return
    shutil.rmtree(home / "lake", ignore_errors=True)
    for stage in STAGES:
        command = [
            sys.executable,
            "-m",
            "benchmarks.stages",
            "--people",
            str(given.people),
            "--home",
            str(given.home),
            "--stage",
            stage,
        ]
        subprocess.run(command, check=True, env={**os.environ, "STRATA_HOME": str(home)})


def _measured(stage: str, config: Path) -> dict[str, object]:
    deployment = open_deployment(config)
    start = time.perf_counter()
    rows = STAGES[stage](deployment)
    wall = time.perf_counter() - start
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    peak = max(own.ru_maxrss, children.ru_maxrss) / 1024
    return {"stage": stage, "rows": rows, "wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "peak_rss_mb": round(peak)}


def _config(home: Path, people: int) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    path = home / "bench.yaml"
    content = {
        "deployment": "bench",
        "purpose": {"use": "planning", "approval": "Benchmark on synthetic people", "approval_expires": "2099-12-31"},
        "source": {"kind": "synthetic", "synthetic": {"people": people, "defects": {"enabled": True}}},
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()

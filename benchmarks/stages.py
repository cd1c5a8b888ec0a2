"""Time the stages on a synthetic board: `python -m benchmarks.stages --people 100000`.

The board is made once and kept. Each stage runs in a separate process and prints one JSON line. CPU seconds of imports are listed
separately. The floors are lower bounds: DuckDB's plain `read_csv` to Parquet of the same files, and reading the events and writing
the finished features again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import yaml

from benchmarks.floors import features_floor, ingest_floor
from benchmarks.measurement import WorkResult, measure
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import building, conforming, landing, organisations, run_plan

INDEX_DATE = date(2024, 10, 1)
NEXT_DATE = date(2024, 11, 1)


def board(deployment: Deployment) -> int:
    return int(landing.write_synthetic_board(deployment).facts.get("rows", 0))


def ingest(deployment: Deployment) -> int:
    return sum(int(landing.ingest(deployment, table).facts.get("new_rows", 0)) for table in run_plan.raw_tables(deployment))


def validate(deployment: Deployment) -> int:
    return sum(int(landing.validate(deployment, table).facts.get("rows", 0)) for table in run_plan.raw_tables(deployment))


def conform(deployment: Deployment) -> int:
    steps = (
        organisations.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people, conforming.conform_registrations,
        conforming.conform_spells, conforming.conform_events, conforming.write_vocabulary, conforming.conform_coverage,
        conforming.conform_linkage,
    )  # fmt: skip
    for step in steps:
        step(deployment)
    return deployment.lake.rows("core__event")


def features(deployment: Deployment, index_date: date = INDEX_DATE) -> int:
    building.build_catalogue(deployment)
    return int(building.build_features(deployment, index_date).facts["rows"])


def labels(deployment: Deployment) -> int:
    return int(building.build_labels(deployment, INDEX_DATE).facts["rows"])


STAGES: dict[str, Callable[[Deployment], int | WorkResult]] = {
    "board": board, "ingest_floor": ingest_floor, "ingest": ingest, "validate": validate, "conform": conform,
    "features": features, "features_floor": partial(features_floor, index_date=INDEX_DATE), "features_next_date": partial(features, index_date=NEXT_DATE),
    "labels": labels,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--home", type=Path, default=Path("data/bench"))
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--alone", action="store_true", help="run the stages in this process, in an existing lake")
    arguments = parser.parse_args()
    home = (arguments.home / str(arguments.people)).resolve()
    if arguments.alone:
        for stage in arguments.stages:
            work = partial(STAGES[stage], open_deployment(board_config(home, arguments.people)))
            print(json.dumps(measure(stage, work)), flush=True)
        return
    if "ingest" in arguments.stages:
        shutil.rmtree(home / "lake", ignore_errors=True)
    for stage in arguments.stages:
        options = ["--people", str(arguments.people), "--home", str(arguments.home), "--stages", stage, "--alone"]
        subprocess.run([sys.executable, "-m", "benchmarks.stages", *options], check=True)


def board_config(home: Path, people: int) -> Path:
    """Write the configuration of a benchmark's board to its home, and return its path."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "bench.yaml"
    content = {
        "deployment": "bench",
        "home": str(home),
        "purpose": {"use": "planning", "approval": "Benchmark on synthetic people", "approval_expires": "2099-12-31"},
        "source": {"kind": "synthetic", "synthetic": {"people": people, "defects": {"enabled": True}}},
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()

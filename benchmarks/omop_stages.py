"""Time an OMOP cohort from CDM files to core tables, features and an evaluated model: `python -m benchmarks.omop_stages --people 100000`.

The cohort is made once and kept (`omop_cohort.py`). Each stage runs in a separate process and prints one JSON line. CPU seconds of
imports are listed separately. `floor` is DuckDB's plain `read_csv` to Parquet of the same files.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from benchmarks.omop_cohort import EXTRACT_DATE, OUTCOME, TARGET, write_cohort
from benchmarks.stages import conform, ingest, validate
from pipelines.lake.duckdb_connection import connect
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import building, modelling, run_plan

CDM = "cdm"
IMPORTED = {
    "validate": ("expectations.validation",),
    "train": ("pipelines.tracking.tracker",),
}  # modules that a stage imports only when it runs


def floor(deployment: Deployment) -> int:
    """Read the files with plain DuckDB and write them as Parquet."""
    engine, rows, target = deployment.settings.engine, 0, deployment.home / "floor.parquet"
    with connect(engine.memory_gb, engine.threads) as con:
        for table in run_plan.raw_tables(deployment):
            file = deployment.home / CDM / f"{table.feed.removeprefix('omop_')}.csv"
            read = f"read_csv('{file}', all_varchar=true)"
            rows += con.execute(f"COPY (FROM {read}) TO '{target}' (FORMAT parquet)").fetchall()[0][0]
    target.unlink()
    return rows


def features(deployment: Deployment) -> int:
    building.build_catalogue(deployment)
    return sum(
        int(building.build_features(deployment, day).facts["rows"]) for day in run_plan.index_date_plan(deployment)["score"]
    )


def labels(deployment: Deployment) -> int:
    return sum(int(building.build_labels(deployment, day).facts["rows"]) for day in run_plan.index_date_plan(deployment)["score"])


def train(deployment: Deployment) -> int:
    modelling.train(deployment)
    return deployment.lake.rows("features__person")


STAGES: dict[str, Callable[[Deployment], int]] = {
    "floor": floor, "ingest": ingest, "validate": validate, "conform": conform, "features": features, "labels": labels, "train": train,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--home", type=Path, default=Path("data/bench"))
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--alone", action="store_true", help="run the stages in this process, in an existing lake")
    arguments = parser.parse_args()
    home = (arguments.home / f"omop_{arguments.people}").resolve()
    if arguments.alone:
        for stage in arguments.stages:
            print(json.dumps(_measure(stage, _config(home))), flush=True)
        return
    if not (home / CDM / "cohort.json").is_file():
        print(json.dumps({"stage": "cohort", **write_cohort(home / CDM, arguments.people)}), flush=True)
    if "ingest" in arguments.stages:
        shutil.rmtree(home / "lake", ignore_errors=True)
    for stage in arguments.stages:
        options = ["--people", str(arguments.people), "--home", str(arguments.home), "--stages", stage, "--alone"]
        command = [sys.executable, "-m", "benchmarks.omop_stages", *options]
        subprocess.run(command, check=True, env={**os.environ, "STRATA_HOME": str(home)})


def _measure(stage: str, config: Path) -> dict[str, object]:
    deployment = open_deployment(config)
    for module in IMPORTED.get(stage, ()):
        importlib.import_module(module)
    imported, start = _cpu(), time.perf_counter()
    rows = STAGES[stage](deployment)
    wall = time.perf_counter() - start
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    return {
        "stage": stage, "rows": rows, "wall_s": round(wall, 2), "cpu_s": round(_cpu() - imported, 2), "imports_cpu_s": round(imported, 2),
        "peak_rss_mb": round(peak),
    }  # fmt: skip


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _config(home: Path) -> Path:
    path = home / "bench.yaml"
    content = {
        "deployment": "bench_omop",
        "purpose": {"use": "planning", "approval": "Benchmark on made-up people", "approval_expires": "2099-12-31"},
        "source": {
            "kind": "omop",
            "omop": {
                "folder": CDM, "extract_date": EXTRACT_DATE.isoformat(), "target_cohort_id": str(TARGET), "outcome_cohort_id": str(OUTCOME),
            },
        },
        "study": {
            "name": "omop_outcome", "cohort": {"kind": "given"}, "outcome": {"name": "any_emergency_admission", "horizon_days": 365, "maturity_days": 0},
            "feature_families": ["demographics"],
            "candidates": {"names": ["age_sex", "logistic_code_level"]},
            "validation": {"kind": "person_folds", "folds": 3},
        },
    }  # fmt: skip
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


if __name__ == "__main__":
    main()

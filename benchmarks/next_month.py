"""Time the second monthly delivery: `python -m benchmarks.next_month --people 250000`.

The benchmark's board is delivered twice. The first delivery ends a month before the data cut. The second contains complete registered
lists, hospital activity that restates twelve months, and additions to the GP record. For the second delivery only its files are
ingested and validated, and only the features of the new index date are built. It prints one JSON line for each stage and delivery.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

from pipelines.lake.duckdb_connection import connect

FIRST, SECOND = "2025-12-01", "2026-01-01"
RESTATED_FROM = "2025-01-01"
DATED = {
    "admissions": "Admission_Date", "emergency_attendances": "Arrival_Date", "outpatient_appointments": "Appointment_Date",
    "gp_observations": "CLINICAL_EFFECTIVE_DATE", "gp_medication_orders": "CLINICAL_EFFECTIVE_DATE",
}  # fmt: skip
STAGES = {FIRST: ("ingest", "validate", "conform", "features"), SECOND: ("ingest", "validate", "conform", "features_next_date")}


def deliver(board: Path, landing: Path, delivered: str) -> int:
    """Write a delivery of every feed below `landing`, and return the rows of the dated feeds."""
    rows = 0
    with connect() as con:
        for file in sorted(file for file in board.glob("*/*.csv") if file.parent.name != "reference"):
            feed = file.parent.name
            target = landing / feed / file.name.replace(SECOND, delivered)
            target.parent.mkdir(parents=True, exist_ok=True)
            if feed not in DATED:
                shutil.copyfile(file, target)
                continue
            since = RESTATED_FROM if not feed.startswith("gp_") else FIRST
            condition = f"{DATED[feed]} < '{FIRST}'" if delivered == FIRST else f"{DATED[feed]} >= '{since}'"
            read = f"read_csv('{file}', all_varchar=true, ignore_errors=true)"
            rows += con.execute(f"COPY (FROM {read} WHERE {condition}) TO '{target}' (FORMAT csv, HEADER)").fetchall()[0][0]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--home", type=Path, default=Path("data/bench"))
    arguments = parser.parse_args()
    board, home = arguments.home / str(arguments.people) / "landing", arguments.home / "next_month"
    folder = home / str(arguments.people)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(board / "reference", folder / "landing" / "reference")
    for delivered, stages in STAGES.items():
        print(json.dumps({"delivery": delivered, "dated_rows": deliver(board, folder / "landing", delivered)}), flush=True)
        for stage in stages:
            options = ["--people", str(arguments.people), "--home", str(home), "--stages", stage, "--alone"]
            subprocess.run([sys.executable, "-m", "benchmarks.stages", *options], check=True)


if __name__ == "__main__":
    main()

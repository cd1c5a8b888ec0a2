"""Read the published scores repeatedly while others write, and check that every run is complete."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psycopg
from deltalake import DeltaTable

RUN_KEY = "run_id, person_id, index_event_id"
PEOPLE = "count(*) AS n, count(DISTINCT (person_id, index_event_id)) AS people"


def watch(request: Mapping[str, Any]) -> int:
    """Check a lake (`lake`) or database (`database`) until the file `until` exists, and write the results to `results`."""
    polls, violations, until = 0, [], Path(request["until"])
    while True:
        is_last = until.exists()  # one more check after the writer has ended
        if "database" in request:
            problems, could_read = check_database(request["database"], Path(request["lake"]))
        else:
            problems, could_read = check_lake(Path(request["lake"])), True
        violations += problems
        polls += could_read
        if is_last:
            break
        time.sleep(request.get("pause", 0.02))
    Path(request["results"]).write_text(json.dumps({"polls": polls, "violations": sorted(set(violations))}))
    return 0


def check_lake(lake: Path) -> list[str]:
    """Read the current scores, the runs, and every published run's scores and drivers; return all problems."""
    try:
        return list(_problems_of_lake(lake))
    except Exception as error:
        return [f"a reader got an error: {type(error).__name__}: {str(error)[:200]}"]


def _problems_of_lake(lake: Path) -> Iterator[str]:
    with duckdb.connect() as con:
        before = _removed(con, lake)
        current = _read(con, lake, "risk__current", f"SELECT outcome, run_id, {PEOPLE} FROM t GROUP BY ALL")
        after = _removed(con, lake)
        rows = _read(con, lake, "risk__runs", "SELECT * FROM t ORDER BY recorded_at")
        latest = {row["run_id"]: row for row in rows}
        for row in current:
            row["removed"] = [_scored_among(con, lake, row["run_id"], people) for people in (before, after)]
        yield from _problems_of_current(current, latest)
        for run_id, run in latest.items():
            if run["status"] != "published":
                continue
            part = {"run_id": run_id}
            yield from _problems_of_scores(con, lake, part, run)
            lone = (
                f"SELECT count(*) AS n FROM t WHERE person_id NOT IN (SELECT person_id FROM {_scan(lake, 'risk__scores', part)})"
            )
            if _read(con, lake, "risk__drivers", lone, part)[0]["n"]:
                yield f"run {run_id}: drivers of people without a score"


def _problems_of_scores(
    con: duckdb.DuckDBPyConnection, lake: Path, part: Mapping[str, str], run: Mapping[str, Any]
) -> Iterator[str]:
    people = _read(con, lake, "risk__scores", f"SELECT {PEOPLE} FROM t", part)[0]
    if not people["n"] == people["people"] == run["rows"]:
        yield f"run {run['run_id']}: {people['n']} rows of {people['people']} people, expected {run['rows']}"
    ranks = (
        "SELECT practice_code FROM t GROUP BY practice_code "
        "HAVING practice_code IS NOT NULL AND sum(risk_rank_in_practice) <> count(*) * (count(*) + 1) // 2"
    )
    if _read(con, lake, "risk__scores", ranks, part):
        yield f"run {run['run_id']}: ranks in a practice are not 1 to the number of its people"
    if digest(con, _scan(lake, "risk__scores", part)) != run["scores_digest"]:
        yield f"run {run['run_id']}: the scores do not have the published digest"


def digest(con: duckdb.DuckDBPyConnection, scan: str) -> str:
    """Return the digest of a run's scores, computed like the one in `risk__runs`."""
    rows = con.sql(f"SELECT risk, person_id, index_event_id FROM {scan} ORDER BY person_id, index_event_id").fetchnumpy()
    content = hashlib.sha256(np.ascontiguousarray(rows["risk"], dtype="<f8").tobytes())
    for name in ("person_id", "index_event_id"):
        content.update("\n".join(map(str, rows[name])).encode())
    return content.hexdigest()[:16]


def _problems_of_current(current: list[dict[str, Any]], latest: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    outcomes = [row["outcome"] for row in current]
    if len(set(outcomes)) != len(outcomes):
        yield f"risk__current contains {len(current)} runs of {len(set(outcomes))} outcomes"
    for row in current:
        run = latest.get(row["run_id"])
        if run is None:
            yield f"risk__current contains {row['run_id']}, which is not in risk__runs"
        elif not (row["n"] == row["people"] and row["removed"][0] <= run["rows"] - row["n"] <= row["removed"][1]):
            yield (
                f"risk__current: {row['n']} rows of {row['people']} people, expected {run['rows']} without the {row['removed'][1]} "
                "who were removed"
            )


def _removed(con: duckdb.DuckDBPyConnection, lake: Path) -> set[str]:
    """Return the people who were removed from what readers see; the record of them is written before they are removed."""
    if not (lake / "risk__removed").exists():
        return set()
    return {row["person_id"] for row in _read(con, lake, "risk__removed", "SELECT DISTINCT person_id FROM t")}


def _scored_among(con: duckdb.DuckDBPyConnection, lake: Path, run_id: str, people: set[str]) -> int:
    if not people:
        return 0
    return len(
        people & {row["person_id"] for row in _read(con, lake, "risk__scores", "SELECT person_id FROM t", {"run_id": run_id})}
    )


def _scan(lake: Path, table: str, partition: Mapping[str, str]) -> str:
    filters = [(key, "=", value) for key, value in partition.items()]
    files = ", ".join("'" + uri.removeprefix("file://") + "'" for uri in DeltaTable(str(lake / table)).file_uris(filters or None))
    return f"read_parquet([{files}], hive_partitioning=true, hive_types_autocast=false)"


def _read(
    con: duckdb.DuckDBPyConnection, lake: Path, table: str, query: str, partition: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    scan = _scan(lake, table, partition or {})
    return con.sql(query.replace("FROM t", f"FROM {scan}")).to_arrow_table().to_pylist()


def check_database(database: str, lake: Path) -> tuple[list[str], bool]:
    """Return all problems in the database, and whether it could be read; a server that does not answer is not a problem.

    The people whom the lake's record of removals names are in no run of the database.
    """
    query = (
        "SELECT r.run_id, r.rows, count(s.person_id), count(DISTINCT s.person_id) FROM strata.risk__runs r "
        "LEFT JOIN strata.risk__scores s USING (run_id) WHERE r.status = 'published' GROUP BY 1, 2"
    )
    try:
        with psycopg.connect(database, connect_timeout=2) as connection:
            rows = connection.execute(query).fetchall()
            current = connection.execute("SELECT outcome, count(DISTINCT run_id) FROM strata.risk__current GROUP BY 1").fetchall()
    except psycopg.Error as error:
        missing = isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName)
        return [], missing
    with duckdb.connect() as con:
        removed = _removed(con, lake)
        expected_of = {run: expected - _scored_among(con, lake, run, removed) for run, expected, _, _ in rows}
    problems = [
        f"database: run {run}: {n} rows of {people} people, expected {expected_of[run]}"
        for run, _, n, people in rows
        if not expected_of[run] == n == people
    ]
    return problems + [f"database: {runs} current runs of {outcome}" for outcome, runs in current if runs != 1], True

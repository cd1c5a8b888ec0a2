"""Published runs as small as they can be."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from expectations.table import Kind, Table
from expectations.tables import risk
from pipelines.storage import Lake, arrow_schema

PLAIN: dict[Kind, Any] = {Kind.DATE: date(2026, 1, 1), Kind.INTEGER: 1, Kind.NUMBER: 0.5, Kind.BOOLEAN: True}


def row(table: Table, **given: object) -> dict[str, object]:
    """Give a row of a declared table: columns not given have a plain value of their kind."""
    return {column.name: given.get(column.name, PLAIN.get(column.kind, column.name)) for column in table.columns}


@pytest.fixture
def published() -> Callable[..., str]:
    def publish(lake: Lake, day: date, people: tuple[str, ...] = ("p1", "p2")) -> str:
        run_id = f"{day:%Y%m%d}abcd"
        for table in (risk.SCORES, risk.DRIVERS):
            rows = [row(table, person_id=person, run_id=run_id, outcome="falls", index_date=day) for person in people]
            lake.replace(table, pa.Table.from_pylist(rows, schema=arrow_schema(table)), {"run_id": run_id})
        run = row(risk.RUNS, run_id=run_id, outcome="falls", index_date=day, status="published", table_versions="{}", reason="")
        lake.append(risk.RUNS, pa.Table.from_pylist([{**run, "recorded_at": day.isoformat()}], schema=arrow_schema(risk.RUNS)))
        return run_id

    return publish

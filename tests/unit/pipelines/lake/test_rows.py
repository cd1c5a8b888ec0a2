"""Conversion of rows to Arrow before storage: the declared columns and types, from any kind of rows."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from expectations.table import Column, Kind, Table
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import Rows, StorageError, arrow_schema, as_arrow, no_rows

VISITS = Table(
    name="core__visits",
    description="Visits, for this test.",
    columns=(
        Column("person_id", Kind.IDENTIFIER, "The person."),
        Column("day", Kind.DATE, "The day."),
        Column("nights", Kind.INTEGER, "The nights."),
        Column("cost", Kind.NUMBER, "The cost."),
        Column("emergency", Kind.BOOLEAN, "Whether it was an emergency."),
    ),
    key=("person_id", "day"),
)
SCHEMA = arrow_schema(VISITS)
RECORDS = [
    {"person_id": "b", "day": date(2025, 10, 1), "nights": 3, "cost": 1250.5, "emergency": True},
    {"person_id": "a", "day": None, "nights": None, "cost": None, "emergency": None},
]
FRAME = pd.DataFrame(
    {
        "cost": [1250.5, None],  # columns in another order
        "emergency": pd.array([True, None], dtype="boolean"),
        "nights": pd.array([3, None], dtype="Int32"),
        "day": [date(2025, 10, 1), None],
        "person_id": ["b", "a"],
        "not_declared": [1, 2],
    },
    index=[7, 3],
)
WIDE = pa.table(
    {
        "not_declared": [1, 2],
        "nights": pa.array([3, None], pa.int64()),  # wider than declared
        "person_id": pa.array(["b", "a"], pa.large_string()),
        "emergency": [True, None],
        "cost": [1250.5, None],
        "day": [date(2025, 10, 1), None],
    }
)


@pytest.mark.parametrize("rows", [RECORDS, FRAME, WIDE], ids=["dictionaries", "pandas", "arrow"])
def test_every_kind_of_rows_becomes_the_declared_table_in_the_order_of_its_rows(rows: Rows) -> None:
    stored = as_arrow(VISITS.name, rows, SCHEMA)
    assert stored.schema.equals(SCHEMA, check_metadata=True)
    assert stored.to_pylist() == RECORDS


def test_no_dictionaries_are_a_table_without_rows() -> None:
    assert as_arrow(VISITS.name, [], SCHEMA).equals(SCHEMA.empty_table())


@pytest.mark.parametrize(
    "rows",
    [[{"person_id": "a", "day": None}], FRAME.drop(columns=["nights", "cost", "emergency"]), WIDE.select(["person_id", "day"])],
    ids=["dictionaries", "pandas", "arrow"],
)
def test_missing_columns_are_named_with_their_table(rows: Rows) -> None:
    with pytest.raises(StorageError, match=r"core__visits.*nights, cost, emergency"):
        as_arrow(VISITS.name, rows, SCHEMA)


def test_a_dictionary_may_omit_a_column_that_another_one_has() -> None:
    stored = as_arrow(VISITS.name, [RECORDS[0], {"person_id": "a"}], SCHEMA)
    assert stored.to_pylist() == RECORDS


def test_the_sql_of_no_rows_has_the_declared_columns_and_types() -> None:
    with connect() as con:
        read = con.sql(f"SELECT * FROM {no_rows(SCHEMA)}").to_arrow_table()
    assert (read.num_rows, read.schema.names) == (0, SCHEMA.names)
    assert read.schema.types == SCHEMA.types

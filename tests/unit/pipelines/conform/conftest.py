"""Small feeds, written out: a row names the columns it is about, the others are null."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import pytest

from expectations.catalogue import RAW_TABLES
from expectations.table import Kind
from pipelines.validation.typed_rows import SENT, organisation_column

SQL_TYPES = {Kind.DATE: "DATE", Kind.INTEGER: "INTEGER", Kind.NUMBER: "DOUBLE", Kind.BOOLEAN: "BOOLEAN"}
DELIVERED = {"extract_date": date(2026, 1, 1), "first_extract_date": date(2026, 1, 1), "is_first_delivery": True}


def literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, (bool, int, float)):
        return str(value)
    return f"DATE '{value}'" if isinstance(value, date) else f"'{value}'"


def _as_its_content(row: dict[str, object]) -> dict[str, object]:
    """Return a row whose key was first delivered with the content it has, unless it says when else."""
    return {"key_extract_date": row["first_extract_date"], "key_in_first_delivery": row["is_first_delivery"]} | row


@pytest.fixture
def feed_rows() -> Callable[..., str]:
    """Return the SQL of validated rows of a feed from a list of rows; all of the first delivery, 2026-01-01, unless they say."""

    def sql(feed: str, *rows: dict[str, object]) -> str:
        types = {column.name: SQL_TYPES.get(column.kind, "VARCHAR") for column in RAW_TABLES[feed].columns}
        types |= {f"{of}extract_date": "DATE" for of in ("first_", "key_")} | {
            "is_first_delivery": "BOOLEAN",
            "key_in_first_delivery": "BOOLEAN",
        }
        organisation = organisation_column(RAW_TABLES[feed])
        types |= {SENT: "VARCHAR"} if organisation else {}
        whole = [
            {
                "row_number": number,
                **({SENT: row.get(organisation)} if organisation else {}),
                **_as_its_content({**DELIVERED, **row}),
            }
            for number, row in enumerate(rows, start=1)
        ]
        assert not {name for row in whole for name in row} - set(types)
        parts = [
            "SELECT " + ", ".join(f"CAST({literal(row.get(name))} AS {kind}) AS {name}" for name, kind in types.items())
            for row in whole or [{}]
        ]
        return f"({' UNION ALL '.join(parts)} {'' if rows else 'WHERE false'})"

    return sql


@pytest.fixture
def table() -> Callable[[str], list[dict[str, object]]]:
    """Run a query and return its number of rows as dictionaries."""

    def rows(query: str) -> list[dict[str, object]]:
        with duckdb.connect() as con:
            return con.sql(query).to_arrow_table().to_pylist()

    return rows


@pytest.fixture
def people() -> str:
    """SQL of core__person: ann, bob, cat and dan are 0 to 3 and on the list; eve is 4 and is not."""
    names = ("ann", "bob", "cat", "dan", "eve")
    parts = [
        f"SELECT {key} AS person_key, '{name}' AS person_id, DATE '1950-03-01' AS birth_date, {name != 'eve'} AS on_list"
        for key, name in enumerate(names)
    ]
    return f"({' UNION ALL '.join(parts)})"

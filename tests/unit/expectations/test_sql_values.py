"""Values in SQL: DuckDB reads back what was quoted, and no module quotes a value by hand."""

from __future__ import annotations

import ast
import re
from datetime import date
from pathlib import Path

import pytest

from expectations.sql_values import quote, quote_all
from pipelines.lake.duckdb_connection import connect

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("expectations", "features", "pipelines", "dagster_project")
QUOTED_BY_HAND = re.compile(r"( [=<>]+|\b(DATE|TIMESTAMP|THEN|ELSE|WHEN|SELECT|LIKE)| IN \() *'$")


@pytest.mark.parametrize("value", ["", "plain", "O'Neill", "''", "'; DROP TABLE people; --", "{braces}", "back\\slash", "naïve"])
def test_duckdb_reads_back_what_was_quoted(value: str) -> None:
    with connect() as con:
        assert con.sql(f"SELECT {quote(value)}").fetchall() == [(value,)]


def test_a_quoted_day_is_a_date_literal() -> None:
    with connect() as con:
        assert con.sql(f"SELECT DATE {quote(date(2025, 10, 1))}").fetchall() == [(date(2025, 10, 1),)]


def test_a_list_matches_its_values_and_an_empty_list_nothing() -> None:
    with connect() as con:
        con.execute("CREATE TABLE people AS SELECT unnest(['O''Neill', 'Smith', 'Jones']) AS name")
        matches = [
            con.sql(f"SELECT name FROM people WHERE name IN ({quote_all(names)})").fetchall() for names in (("O'Neill",), ())
        ]
    assert matches == [[("O'Neill",)], []]


def test_no_module_quotes_a_value_by_hand() -> None:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    places = [f"{path.relative_to(ROOT)}:{line}" for path in paths for line in _quoted_by_hand(path.read_text(encoding="utf-8"))]
    assert places == []


def test_a_value_quoted_by_hand_is_seen() -> None:
    assert _quoted_by_hand("where = f\"outcome = '{outcome}'\"\nday = f\"DATE '{day}'\"\n") == [1, 2]
    assert _quoted_by_hand("message = f\"there is no column '{name}'\"\nhtml = f\"<a href='{address}'>\"\n") == []


def _quoted_by_hand(source: str) -> list[int]:
    """Return the lines of f-strings that put a value between quotes where SQL expects one."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            for before, after in zip(node.values, node.values[1:], strict=False):
                opens = isinstance(before, ast.Constant) and QUOTED_BY_HAND.search(str(before.value))
                if opens and isinstance(after, ast.FormattedValue):
                    found.add(node.lineno)
    return sorted(found)

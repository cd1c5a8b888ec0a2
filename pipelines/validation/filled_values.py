"""How many rows have a value in each column that may be empty, compared with the delivery before, for each organisation.

An empty value there is an answer: alive, registered, not known. If the sender no longer fills the column, everyone gets that answer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import duckdb
import pandas as pd

from expectations.row_checks import sender_columns
from expectations.table import Column, Kind, Table
from pipelines.validation.typed_rows import NEVER_TEXTS, column_text_sql
from pipelines.validation.valid_extracts import ValidExtract

COLUMNS = ("column", "organisation", "rows", "filled", "expected", "by_chance")


def filled_values(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    organisation: str,
    extracts: Sequence[ValidExtract],
    before: Sequence[ValidExtract],
    *,
    resent: bool,
) -> pd.DataFrame:
    """Return a row for each column that may be empty and each organisation; '' is the whole delivery. Without an earlier delivery: none.

    `organisation` is the column of the sending organisation, '' without one. `resent` says that a delivery contains the rows of the one
    before; otherwise its rows are others, and a difference may be chance.
    """
    columns = [
        column for column in _columns_that_may_be_empty(table, organisation) if _is_delivered(column, [*extracts, *before])
    ]
    if not before or not columns:
        return pd.DataFrame(columns=list(COLUMNS))
    now, then = (_counts(con, table, organisation, columns, part) for part in (extracts, before))
    both = now.merge(then, on="organisation", suffixes=("", "_before"))
    parts = []
    for name in (column.name for column in columns):
        expected = both["rows"] * both[f"{name}_before"] / both["rows_before"]
        parts.append(
            pd.DataFrame(
                {
                    "column": name, "organisation": both["organisation"], "rows": both["rows"], "filled": both[name], "expected": expected,
                    "by_chance": 0.0 if resent else 3 * expected**0.5,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _columns_that_may_be_empty(table: Table, organisation: str) -> list[Column]:
    columns = [column for column in sender_columns(table) if column.nullable and column.empty_is_an_answer]
    return [column for column in columns if column.name != organisation]


def _is_delivered(column: Column, extracts: Sequence[ValidExtract]) -> bool:
    """Return whether every file has a column; an absent one breaks another rule."""
    return all(column.name not in json.loads(valid.extract.columns_missing) for valid in extracts)


def _counts(
    con: duckdb.DuckDBPyConnection, table: Table, organisation: str, columns: list[Column], extracts: Sequence[ValidExtract]
) -> pd.DataFrame:
    """Count the rows and the values of each column by organisation, with a line '' for all of them."""
    parts = []
    for valid in extracts:
        padded = valid.reading.padded
        sender = column_text_sql(table.column(organisation), organisation in padded) if organisation else "''"
        counts = ", ".join(f"{_count(column, column.name in padded)} AS {column.name}" for column in columns)
        parts.append(
            f"SELECT coalesce(upper({sender}), '') AS organisation, count(*) AS rows, {counts} FROM {valid.source} GROUP BY 1"
        )
    names = ["rows", *(column.name for column in columns)]
    sums = ", ".join(f"sum({name})::BIGINT AS {name}" for name in names)
    by_organisation = con.execute(f"SELECT organisation, {sums} FROM ({' UNION ALL '.join(parts)}) GROUP BY 1").df()
    whole = by_organisation[names].sum().to_frame().T.assign(organisation="")
    return pd.concat([by_organisation[by_organisation["organisation"] != ""], whole], ignore_index=True)


def _count(column: Column, padded: bool) -> str:
    """Return the SQL of the number of values; a date that means 'never' is none."""
    text = column_text_sql(column, padded)
    if column.kind is not Kind.DATE:
        return f"count({text})"
    return f"count({text}) FILTER (upper(split_part({text}, ' ', 1)) NOT IN ({NEVER_TEXTS}))"

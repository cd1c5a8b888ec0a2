"""How many values of each column of a delivery were lost, for the whole delivery and for each organisation.

A value is lost if it is present and cannot be read, or empty where empty is no answer (`row_checks.lost_checks`). Only columns that
lost enough values to break a rule are counted by organisation and compared with the delivery before, so a clean delivery costs nothing.
The limits are in `expectations/tables/raw_table_rules.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pandas as pd

from expectations.delivery_figures import FEW_ROWS
from expectations.row_checks import lost_checks, sender_columns
from expectations.sql_values import quote, quote_all
from expectations.table import Column, Table
from expectations.tables.core import QUARANTINE
from expectations.value_checks import EMPTY
from pipelines.lake.storage import Lake
from pipelines.validation.row_validation import RowOutcome
from pipelines.validation.typed_rows import column_text_sql
from pipelines.validation.valid_extracts import ValidExtract

COLUMNS = ("column", "organisation", "values", "lost", "values_before", "lost_before", "shape", "files")
LONGEST_SHAPE = 24


def lost_values(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    table: Table,
    organisation: str,
    extracts: Sequence[ValidExtract],
    before: Sequence[ValidExtract],
    outcomes: Sequence[RowOutcome],
    least: int,
) -> pd.DataFrame:
    """Return a row for each column that lost `least` values or all, and for each organisation in it; '' is the whole delivery.

    `organisation` is the column of the sending organisation, '' without one. `shape` is the commonest shape of the column's lost
    values, and `files` are the files that have some.
    """
    columns = [column for column in sender_columns(table) if _may_break_a_rule(table, column, outcomes, least)]
    parts = [
        _of_column(lake, con, table, column, "" if column.name == organisation else organisation, extracts, before)
        for column in columns
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _may_break_a_rule(table: Table, column: Column, outcomes: Sequence[RowOutcome], least: int) -> bool:
    """Return whether a column lost enough values, or more than a few and all that it has."""
    names = lost_checks(column, table)
    lost = sum(outcome.broken[name] for outcome in outcomes for name in names)
    values = sum(outcome.profile.values.get(column.name, 0) for outcome in outcomes)
    return lost >= least or (lost > FEW_ROWS and lost >= values)


def _of_column(
    lake: Lake, con: duckdb.DuckDBPyConnection, table: Table, column: Column, organisation: str,
    extracts: Sequence[ValidExtract], before: Sequence[ValidExtract],
) -> pd.DataFrame:  # fmt: skip
    con.execute(f"CREATE OR REPLACE TEMP TABLE values_of_column AS {_values(lake, table, column, organisation, extracts)}")
    counts = """SELECT organisation, sum(n)::BIGINT AS "values", coalesce(sum(n) FILTER (lost), 0)::BIGINT AS lost
        FROM {} GROUP BY GROUPING SETS ((), (organisation)) HAVING sum(n) > 0"""
    now = con.execute(counts.format("values_of_column")).df()
    shape, files = con.execute(
        "SELECT arg_max(shape, (n, shape)), string_agg(DISTINCT file_name, ', ' ORDER BY file_name) FROM "
        "(SELECT shape, string_agg(DISTINCT file_name, ', ') AS file_name, sum(n) AS n FROM values_of_column WHERE lost GROUP BY shape)"
    ).fetchall()[0]
    con.execute("DROP TABLE values_of_column")
    then = con.execute(counts.format(f"({_values(lake, table, column, organisation, before)})")).df() if before else now.head(0)
    then = then.rename(columns={"values": "values_before", "lost": "lost_before"})
    both = now.fillna({"organisation": ""}).merge(then.fillna({"organisation": ""}), on="organisation", how="left")
    return both.assign(column=column.name, shape=shape or "", files=files or "")[list(COLUMNS)]


def _values(lake: Lake, table: Table, column: Column, organisation: str, extracts: Sequence[ValidExtract]) -> str:
    """Return the SQL of the number of values by organisation, whether they were lost, their shape and file."""
    empty_counts = not (column.empty_is_an_answer and column.nullable)
    parts = []
    for valid in extracts:
        text = column_text_sql(column, column.name in valid.reading.padded)
        sender = column_text_sql(table.column(organisation), organisation in valid.reading.padded) if organisation else "''"
        partition = {"table_name": table.name, "extract_id": valid.extract.extract_id}
        found = f"(SELECT DISTINCT row_number, true AS is_lost FROM {lake.scan_or_empty(QUARANTINE, partition)} WHERE {_is_lost(table, column)})"
        shape = f"left(regexp_replace(regexp_replace({text}, '[0-9]', '9', 'g'), '\\p{{L}}', 'a', 'g'), {LONGEST_SHAPE})"
        parts.append(
            f"""SELECT coalesce(upper({sender}), 'none') AS organisation, is_lost IS NOT NULL AS lost,
                CASE WHEN is_lost THEN coalesce({shape}, {quote(EMPTY)}) END AS shape, {quote(valid.extract.file_name)} AS file_name, count(*) AS n
            FROM {valid.source} LEFT JOIN {found} USING (row_number) {"" if empty_counts else f"WHERE {text} IS NOT NULL"} GROUP BY ALL"""
        )
    return " UNION ALL ".join(parts)


def _is_lost(table: Table, column: Column) -> str:
    """Return the condition of the quarantine for a row that lost the value of a column."""
    suffix = f"__{column.name}"
    names = lost_checks(column, table)
    of_column = quote_all(sorted(name.removesuffix(suffix) for name in names if name.endswith(suffix)) or [""])
    of_row = quote_all(sorted(name for name in names if not name.endswith(suffix)) or [""])
    return f"((column_name = {quote(column.name)} AND reason IN ({of_column})) OR (column_name = '' AND reason IN ({of_row})))"

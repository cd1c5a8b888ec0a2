"""How many values of each column of a delivery were lost, for the whole delivery and for each organisation.

A value is lost if it is present and cannot be read, or empty where empty is no answer (`row_checks.lost_checks`). Only columns that
lost more than a few values are counted by organisation and compared with the delivery before, so a clean delivery costs nothing.
The limits are in `expectations/tables/raw_table_rules.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pandas as pd

from expectations.delivery_figures import FEW_ROWS
from expectations.row_checks import lost_checks, sender_columns
from expectations.sql_values import quote, quote_all
from expectations.table import Column, Table
from expectations.tables.core import QUARANTINE
from expectations.value_checks import EMPTY, NO_SENDER
from pipelines.lake.storage import Lake
from pipelines.validation.row_validation import RowOutcome
from pipelines.validation.typed_rows import column_text_sql
from pipelines.validation.valid_extracts import ValidExtract

COLUMNS = ("column", "organisation", "values", "lost", "values_before", "lost_before", "shape", "files")
LONGEST_SHAPE = 24
NO_COUNTS = pd.DataFrame(
    {name: pd.Series(dtype=kind) for name, kind in (("column", "str"), ("organisation", "str"), ("n", "int64"))}
)


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
    """Return a row for each column that lost `least` values or more than a few, and for each organisation in it; '' is the whole delivery.

    `organisation` is the column of the sending organisation, '' without one. `shape` is the commonest shape of the column's lost
    values, and `files` are the files that have some.
    """
    columns = [column for column in sender_columns(table) if _may_break_a_rule(table, column, outcomes, least)]
    if not columns:
        return pd.DataFrame(columns=list(COLUMNS))
    now, then = (_Counts.of(lake, con, table, columns, organisation, part) for part in (extracts, before))
    parts = [_of_column(column.name, now, then, column.name != organisation) for column in columns]
    return pd.concat(parts, ignore_index=True)


def _may_break_a_rule(table: Table, column: Column, outcomes: Sequence[RowOutcome], least: int) -> bool:
    """Return whether a column lost enough values, or more than a few, which may be all that an organisation has."""
    names = lost_checks(column, table)
    lost = sum(outcome.broken[name] for outcome in outcomes for name in names)
    return lost >= least or lost > FEW_ROWS


@dataclass(frozen=True)
class _Counts:
    """How many values some extracts have, by column and organisation, and how many were lost, by shape and file as well."""

    values: pd.DataFrame
    lost: pd.DataFrame

    @staticmethod
    def of(
        lake: Lake, con: duckdb.DuckDBPyConnection, table: Table, columns: Sequence[Column], organisation: str,
        extracts: Sequence[ValidExtract],
    ) -> _Counts:  # fmt: skip
        found: dict[str, list[pd.DataFrame]] = {"values": [], "lost": []}
        for extract in extracts:
            sender = (
                f"coalesce(upper({_text(table.column(organisation), extract)}), {quote(NO_SENDER)})" if organisation else "''"
            )
            found["values"].append(con.execute(_values(columns, sender, extract)).df())
            found["lost"].append(con.execute(_lost(lake, table, columns, sender, extract)).df())
        return _Counts(*(pd.concat(frames, ignore_index=True) if frames else NO_COUNTS for frames in found.values()))

    def of_column(self, column: str, by_organisation: bool) -> pd.DataFrame:
        """Return the values and the lost ones of a column: of all, as the organisation '', and of each organisation with values."""
        of_each = pd.concat(
            {name: _by_organisation(frame, column) for name, frame in (("values", self.values), ("lost", self.lost))}, axis=1
        )
        of_each = of_each.fillna(0).astype("int64")
        counts = pd.concat([of_each.sum().to_frame("").T, of_each[of_each.index != ""] if by_organisation else of_each.head(0)])
        return counts[counts["values"] > 0].rename_axis("organisation").reset_index()

    def shape_and_files(self, column: str) -> tuple[str, str]:
        """Return the commonest shape of a column's lost values, and the files that have some."""
        found = self.lost[self.lost["column"] == column]
        shapes = found.groupby("shape")["n"].sum()
        return max(shapes.index, key=lambda shape: (shapes[shape], shape), default=""), ", ".join(sorted(set(found["file_name"])))


def _by_organisation(counts: pd.DataFrame, column: str) -> pd.Series:
    return counts[counts["column"] == column].groupby("organisation")["n"].sum()


def _of_column(column: str, now: _Counts, then: _Counts, by_organisation: bool) -> pd.DataFrame:
    before = then.of_column(column, by_organisation).rename(columns={"values": "values_before", "lost": "lost_before"})
    shape, files = now.shape_and_files(column)
    both = now.of_column(column, by_organisation).merge(before, on="organisation", how="left")
    return both.assign(column=column, shape=shape, files=files)[list(COLUMNS)]


def _text(column: Column, extract: ValidExtract) -> str:
    return column_text_sql(column, column.name in extract.reading.padded)


def _counted(column: Column, extract: ValidExtract) -> str:
    """Return the SQL of the rows that count: those with a value, and where empty is no answer all."""
    return _text(column, extract) if column.empty_is_an_answer and column.nullable else "1"


def _values(columns: Sequence[Column], sender: str, extract: ValidExtract) -> str:
    """Return the SQL of the number of values of each column by organisation, counted in one pass."""
    counts = ", ".join(f"count({_counted(column, extract)}) AS n_{place}" for place, column in enumerate(columns))
    parts = " UNION ALL ".join(
        f'SELECT {quote(column.name)} AS "column", organisation, n_{place} AS n FROM counted'
        for place, column in enumerate(columns)
    )
    return f"WITH counted AS (SELECT {sender} AS organisation, {counts} FROM {extract.source} GROUP BY ALL) {parts}"


def _lost(lake: Lake, table: Table, columns: Sequence[Column], sender: str, extract: ValidExtract) -> str:
    """Return the SQL of the number of lost values of each column by organisation and shape; the extract's rows are read in one pass."""
    quarantine = lake.scan_or_empty(QUARANTINE, {"table_name": table.name, "extract_id": extract.extract.extract_id})
    lost = [f"SELECT row_number FROM quarantine WHERE {_is_lost(table, column)}" for column in columns]
    parts = " UNION ALL ".join(_of_lost(*pair, sender, extract) for pair in zip(columns, lost, strict=True))
    return f"""WITH quarantine AS MATERIALIZED (SELECT row_number, column_name, reason FROM {quarantine}),
        rows AS MATERIALIZED (SELECT * FROM {extract.source} WHERE row_number IN ({" UNION ".join(lost)})) {parts}"""


def _of_lost(column: Column, lost: str, sender: str, extract: ValidExtract) -> str:
    text = _text(column, extract)
    shape = f"left(regexp_replace(regexp_replace({text}, '[0-9]', '9', 'g'), '\\p{{L}}', 'a', 'g'), {LONGEST_SHAPE})"
    return f"""SELECT {quote(column.name)} AS "column", {sender} AS organisation, coalesce({shape}, {quote(EMPTY)}) AS shape,
            {quote(extract.extract.file_name)} AS file_name, count(*) AS n
        FROM rows WHERE row_number IN ({lost}) AND ({_counted(column, extract)}) IS NOT NULL GROUP BY ALL"""


def _is_lost(table: Table, column: Column) -> str:
    """Return the condition of the quarantine for a row that lost the value of a column."""
    suffix = f"__{column.name}"
    names = lost_checks(column, table)
    of_column = quote_all(sorted(name.removesuffix(suffix) for name in names if name.endswith(suffix)) or [""])
    of_row = quote_all(sorted(name for name in names if not name.endswith(suffix)) or [""])
    return f"((column_name = {quote(column.name)} AND reason IN ({of_column})) OR (column_name = '' AND reason IN ({of_row})))"

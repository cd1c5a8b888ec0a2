"""Which of day and month comes first in the dates of a delivery: what its values show, next to the feed's earlier deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pandas as pd

from expectations.date_formats import FORMAT_OF, MONTH_FIRST_OF
from expectations.row_checks import sender_columns
from expectations.table import Kind, Table
from pipelines.extracts.ingest import Extract
from pipelines.lake.storage import Lake
from pipelines.validation.row_validation import RowOutcome
from pipelines.validation.typed_rows import matches, text_sql

COLUMNS = ("file_name", "column", "format", "values", "day_first", "month_first", "unknown")
# Six of ten days are after the 12th: so many different days without one show that the days are no usual ones.
FEWEST_DAYS = 5
FEWEST_DAYS_OF_USUAL_ORDER = 12  # where other values of the sender show the day first


@dataclass(frozen=True)
class Order:
    """What the dates of a column show: values, those that can only be read one way, and different days that read both ways."""

    values: int
    day_first: int
    month_first: int
    both: int
    firsts: int  # different first numbers of these
    seconds: int  # different second numbers of these

    @property
    def shows_day_first(self) -> bool:
        return self.day_first > 0 and not self.month_first

    @property
    def shows_nothing(self) -> bool:
        return not self.day_first and not self.month_first

    @property
    def shape(self) -> tuple[bool, bool]:
        """Return whether the first numbers are all the same, and the second ones."""
        return self.firsts == 1, self.seconds == 1


def day_orders(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    table: Table,
    outcomes: Sequence[RowOutcome],
    extracts: Sequence[Extract],
    dates: Mapping[str, str],
) -> pd.DataFrame:
    """Return what each date column shows that is written with day and month as numbers, for the rule `day_and_month_known`.

    `dates` are the formats of the settings, which need no proof. `extracts` are those of all deliveries of the feed.
    """
    rows = []
    for outcome in outcomes:
        extract, reading = outcome.profile.extract, outcome.profile.reading
        asked = {
            column.name: reading.date_format(column.name).name
            for column in sender_columns(table)
            if column.kind is Kind.DATE and column.name not in dates and reading.date_format(column.name).name in MONTH_FIRST_OF
        }
        found = {name: _order(con, outcome.profile.source, name, form) for name, form in asked.items()}
        earlier = [other for other in extracts if other.extract_date < extract.extract_date]
        for name, order in found.items():
            others = [other for column, other in found.items() if column != name]
            unknown = order.shows_nothing and _is_unknown(con, lake, table, name, asked[name], order, others, earlier)
            rows.append((extract.file_name, name, asked[name], order.values, order.day_first, order.month_first, unknown))
    return pd.DataFrame(rows, columns=COLUMNS)


def _order(con: duckdb.DuckDBPyConnection, source: str, column: str, form: str) -> Order:
    text = text_sql(column)
    numbers = [f"CAST(regexp_extract(text, '^([0-9]+)[^0-9]([0-9]+)', {group}) AS INTEGER)" for group in (1, 2)]
    both = "first BETWEEN 1 AND 12 AND second BETWEEN 1 AND 12 AND first <> second"
    query = f"""SELECT coalesce(sum(times), 0)::BIGINT, coalesce(sum(times) FILTER (first > 12 AND second <= 12), 0)::BIGINT,
        coalesce(sum(times) FILTER (second > 12 AND first <= 12), 0)::BIGINT, count(DISTINCT day) FILTER ({both}),
        count(DISTINCT first) FILTER ({both}), count(DISTINCT second) FILTER ({both})
        FROM (SELECT {numbers[0]} AS first, {numbers[1]} AS second, split_part(text, ' ', 1) AS day, times
            FROM (SELECT {text} AS text, count(*) AS times FROM {source} GROUP BY 1) WHERE {matches("text", FORMAT_OF[form].pattern)})"""
    return Order(*con.execute(query).fetchall()[0])


def _is_unknown(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    table: Table,
    column: str,
    form: str,
    order: Order,
    others: Sequence[Order],
    earlier: Sequence[Extract],
) -> bool:
    """Return whether the order of a column that shows none is not known.

    A few days show nothing, which is usual. More are known by what the column was before: the same. Otherwise they are days of
    one month, or first days of months, and which of these is not known.
    """
    if order.both < FEWEST_DAYS:
        return False
    before = [_order(con, lake.scan(table.name, {"extract_id": extract.extract_id}), column, form) for extract in earlier]
    if any(past.shows_nothing and past.both >= FEWEST_DAYS and past.shape == order.shape for past in before):
        return False
    usual = any(other.shows_day_first for other in (*others, *before))
    return not (usual and order.shape == (False, False) and order.both < FEWEST_DAYS_OF_USUAL_ORDER)

"""Which of day and month comes first in the dates of a delivery: what its values show, next to the feed's earlier deliveries.

Of a day before a year, either order is in use, and the values, another column of the file or an earlier delivery must show it. A day after
a year is almost always after its month: that order is doubted only where many days are all at most 12, or where one day of many months
of a year may be many days of one month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pandas as pd

from expectations.date_formats import DAY_FIRST_OF, FORMAT_OF, MONTH_FIRST_OF
from expectations.delivery_figures import FEW_ROWS
from expectations.row_checks import sender_columns
from expectations.table import Kind, Table
from pipelines.extracts.ingest import Extract
from pipelines.lake.storage import Lake
from pipelines.validation.row_validation import RowOutcome
from pipelines.validation.typed_rows import matches, text_sql

COLUMNS = ("file_name", "column", "format", "values", "day_first", "month_first", "unknown")
# Six of ten days are after the 12th: so many different days without one show that the days are no usual ones.
FEWEST_DAYS = 5
FEWEST_DAYS_OF_USUAL_ORDER = 12  # where other values of the sender show the order
FEWEST_DAYS_WITHOUT_PROOF = 3  # day first, as is usual: three days that all are at most the 12th are 6% likely by chance
ONE_DAY = (True, False)


@dataclass(frozen=True)
class Order:
    """What the dates of a column show: values, those that can only be read one way, and different dates that read both ways."""

    values: int
    usual: int  # in the order of the column's format
    other: int
    both: int
    days: int  # different days of these, in the order of the format
    months: int
    years: int

    @property
    def shows_usual(self) -> bool:
        return self.usual > 0 and not self.other

    @property
    def shows_nothing(self) -> bool:
        return not self.usual and not self.other

    @property
    def shape(self) -> tuple[bool, bool]:
        """Return whether the days are all the same, and the months."""
        return self.days == 1, self.months == 1


def day_orders(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    table: Table,
    outcomes: Sequence[RowOutcome],
    extracts: Sequence[Extract],
    dates: Mapping[str, str],
) -> pd.DataFrame:
    """Return what each date column shows that is written with day and month as numbers, for the rule `day_and_month_known`.

    `dates` are the formats of the settings, which need no proof. `extracts` are those of all deliveries of the feed. A column with the
    day after the year is not returned if a value shows that order, which most do.
    """
    rows, chosen_days = [], {column.name for column in table.columns if column.chosen_days}
    for outcome in outcomes:
        extract, reading, source = outcome.profile.extract, outcome.profile.reading, outcome.profile.source
        asked = {
            column.name: reading.date_format(column.name).name
            for column in sender_columns(table)
            if column.kind is Kind.DATE and column.name not in dates and outcome.profile.values.get(column.name, 0)
        }
        found = {
            name: _order(con, source, name, form)
            for name, form in asked.items()
            if form in MONTH_FIRST_OF or (form in DAY_FIRST_OF and not _shows_a_day_after_the_12th(con, source, name, form))
        }
        earlier = [other for other in extracts if other.extract_date < extract.extract_date]
        for name, order in found.items():
            others = [other for column, other in found.items() if column != name and asked[column] in MONTH_FIRST_OF]
            before = _before(con, lake, table, name, asked[name], earlier) if order.shows_nothing and order.both else []
            chosen = name in chosen_days and asked[name] in DAY_FIRST_OF and order.shape == ONE_DAY
            unknown = order.shows_nothing and not chosen and _is_unknown(asked[name], order, others, before)
            other_order = 0 if asked[name] in DAY_FIRST_OF and order.other <= FEW_ROWS else order.other
            rows.append((extract.file_name, name, asked[name], order.values, order.usual, other_order, unknown))
    return pd.DataFrame(rows, columns=COLUMNS)


def _shows_a_day_after_the_12th(con: duckdb.DuckDBPyConnection, source: str, column: str, form: str) -> bool:
    day = FORMAT_OF[form].read.format(text_sql(column))
    return bool(con.execute(f"SELECT 1 FROM {source} WHERE day({day}) > 12 LIMIT 1").fetchall())


def _order(con: duckdb.DuckDBPyConnection, source: str, column: str, form: str) -> Order:
    text, year_first = text_sql(column), form in DAY_FIRST_OF
    numbers = "^([0-9]{4})[-/]?([0-9]{2})[-/]?([0-9]{2})" if year_first else "^([0-9]+)[^0-9]([0-9]+)[^0-9]([0-9]{4})"
    places = (3, 2, 1) if year_first else (1, 2, 3)
    day, month, year = (f"CAST(regexp_extract(text, '{numbers}', {place}) AS INTEGER)" for place in places)
    both = "day BETWEEN 1 AND 12 AND month BETWEEN 1 AND 12 AND day <> month"
    query = f"""SELECT coalesce(sum(times), 0)::BIGINT, coalesce(sum(times) FILTER (day > 12 AND month <= 12), 0)::BIGINT,
        coalesce(sum(times) FILTER (month > 12 AND day <= 12), 0)::BIGINT, count(DISTINCT (year, month, day)) FILTER ({both}),
        count(DISTINCT day) FILTER ({both}), count(DISTINCT month) FILTER ({both}), count(DISTINCT year) FILTER ({both})
        FROM (SELECT {day} AS day, {month} AS month, {year} AS year, times
            FROM (SELECT {text} AS text, count(*) AS times FROM {source} GROUP BY 1) WHERE {matches("text", FORMAT_OF[form].pattern)})"""
    return Order(*con.execute(query).fetchall()[0])


def _before(
    con: duckdb.DuckDBPyConnection, lake: Lake, table: Table, column: str, form: str, earlier: Sequence[Extract]
) -> list[Order]:
    """Return what a column showed in the earlier deliveries, if it was written in the same format."""
    return [_order(con, lake.scan(table.name, {"extract_id": extract.extract_id}), column, form) for extract in earlier]


def _is_unknown(form: str, order: Order, others: Sequence[Order], before: Sequence[Order]) -> bool:
    """Return whether the order of a column that shows none is not known.

    It is known by what the column was before: the same. With the day first, another column or delivery must show it, and then a few
    days are usual. With the year first, a few days are usual, and so are days of one month, and one day of each month of several years.
    """
    if any(past.shows_nothing and past.both and past.shape == order.shape for past in before):
        return False
    if form in DAY_FIRST_OF:
        one_day, one_month = order.shape
        if one_month or (one_day and order.years > 1):
            return False
        return order.both >= (FEWEST_DAYS if one_day else FEWEST_DAYS_OF_USUAL_ORDER)
    if not any(other.shows_usual for other in (*others, *before)):
        return order.both >= FEWEST_DAYS_WITHOUT_PROOF
    return order.both >= (FEWEST_DAYS_OF_USUAL_ORDER if order.shape == (False, False) else FEWEST_DAYS)

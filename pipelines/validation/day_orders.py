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
from pipelines.extracts.extract_records import Extract
from pipelines.lake.storage import Lake
from pipelines.validation.delivery_context import Profile
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

    @property
    def has_usual_days(self) -> bool:
        """Return whether the days are usual with the year first: of one month, or one day of each month of several years."""
        one_day, one_month = self.shape
        return one_month or (one_day and self.years > 1)

    def is_repeated_by(self, later: Order) -> bool:
        """Return whether a later delivery shows the same: days and months that read both ways, and no order."""
        return self.shows_nothing and self.both > 0 and self.shape == later.shape


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
    rows = []
    for outcome in outcomes:
        columns = _date_columns(con, table, outcome.profile, dates)
        day = outcome.profile.extract.extract_date
        earlier = _Earlier(con, lake, table, [other for other in extracts if other.extract_date < day])
        file_name = outcome.profile.extract.file_name
        rows += [(file_name, *column.figures, _column_is_unknown(column, columns, earlier)) for column in columns]
    return pd.DataFrame(rows, columns=COLUMNS)


@dataclass(frozen=True)
class _DateColumn:
    """A column of an extract whose dates have day and month as numbers, and what they show."""

    name: str
    form: str
    order: Order
    chosen_days: bool  # the sender chooses the day: one day may be usual

    @property
    def year_first(self) -> bool:
        return self.form in DAY_FIRST_OF

    @property
    def figures(self) -> tuple[str, str, int, int, int]:
        """Return the values of COLUMNS from the column's name to the values in the other order."""
        few = self.year_first and self.order.other <= FEW_ROWS
        return self.name, self.form, self.order.values, self.order.usual, 0 if few else self.order.other

    @property
    def has_one_chosen_day(self) -> bool:
        return self.chosen_days and self.year_first and self.order.shape == ONE_DAY


@dataclass(frozen=True)
class _Earlier:
    """The earlier deliveries of a feed, which are only read for a column that shows no order."""

    con: duckdb.DuckDBPyConnection
    lake: Lake
    table: Table
    extracts: Sequence[Extract]

    def orders(self, column: _DateColumn) -> list[Order]:
        """Return what a column showed in each of them, if it was written in the same format."""
        scans = (self.lake.scan(self.table.name, {"extract_id": extract.extract_id}) for extract in self.extracts)
        return [_order(self.con, scan, column.name, column.form) for scan in scans]


def _date_columns(con: duckdb.DuckDBPyConnection, table: Table, profile: Profile, dates: Mapping[str, str]) -> list[_DateColumn]:
    """Return the date columns of an extract whose order must be shown."""
    filled = [column for column in sender_columns(table) if column.kind is Kind.DATE and profile.values.get(column.name, 0)]
    found = []
    for column in filled:
        form = profile.reading.date_format(column.name).name
        if column.name not in dates and _needs_proof(con, profile.source, column.name, form):
            found.append(_DateColumn(column.name, form, _order(con, profile.source, column.name, form), column.chosen_days))
    return found


def _needs_proof(con: duckdb.DuckDBPyConnection, source: str, column: str, form: str) -> bool:
    """Return whether a column's values must show the order of day and month in its format."""
    return form in MONTH_FIRST_OF or (form in DAY_FIRST_OF and not _shows_a_day_after_the_12th(con, source, column, form))


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


def _column_is_unknown(column: _DateColumn, columns: Sequence[_DateColumn], earlier: _Earlier) -> bool:
    """Return whether neither a column, another of the file's `columns` nor an earlier delivery shows the order."""
    if not column.order.shows_nothing or column.has_one_chosen_day:
        return False
    others = [other.order for other in columns if other.name != column.name and other.form in MONTH_FIRST_OF]
    return _is_unknown(column.form, column.order, others, earlier.orders(column) if column.order.both else [])


def _is_unknown(form: str, order: Order, others: Sequence[Order], before: Sequence[Order]) -> bool:
    """Return whether the order of a column that shows none is not known.

    It is known by what the column was before: the same. Otherwise so many days that all could be months leave it unknown.
    """
    if any(past.is_repeated_by(order) for past in before):
        return False
    if form in DAY_FIRST_OF:
        return not order.has_usual_days and order.both >= _fewest_days_year_first(order)
    return order.both >= _fewest_days_day_first(order, any(other.shows_usual for other in (*others, *before)))


def _fewest_days_year_first(order: Order) -> int:
    """Return how many days leave the order unknown with the year first, where the day almost always comes last."""
    one_day, _ = order.shape
    return FEWEST_DAYS if one_day else FEWEST_DAYS_OF_USUAL_ORDER


def _fewest_days_day_first(order: Order, is_shown: bool) -> int:
    """Return how many days leave the order unknown with the day first, which another column or delivery must show."""
    if not is_shown:
        return FEWEST_DAYS_WITHOUT_PROOF
    return FEWEST_DAYS_OF_USUAL_ORDER if order.shape == (False, False) else FEWEST_DAYS

"""The rows of a delivery compared with those of the ones before it: by organisation and month, and as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import duckdb
import pandas as pd

from expectations.sql_values import quote
from expectations.table import Table
from pipelines.sources.nhs import FeedSettings
from pipelines.validation.typed_rows import narrowed, organisation_column
from pipelines.validation.valid_extracts import ValidExtract, first_restated_day, kept_rows_sql

MOST_EARLIER, MANY_ROWS = 5, 200  # deliveries that a feed with fewer rows is also compared with


@dataclass(frozen=True)
class Delivery:
    """The validated extracts of one delivery of a feed."""

    table: Table
    day: date
    extracts: list[ValidExtract]
    earlier: tuple[Delivery, ...] = ()  # the ones before it, the latest first

    def rows(self, *columns: str) -> str:
        """Return the SQL of the delivery's kept rows with some columns, or the key."""
        table = narrowed(self.table, *columns)
        parts = [f"FROM {kept_rows_sql(table, valid)}" for valid in self.extracts]
        return f"({' UNION ALL BY NAME '.join(parts)})"


def month_rows(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> pd.DataFrame:
    """Count the kept rows of a delivery by organisation and month; rows without a date count in its own month."""
    organisation = organisation_column(delivery.table)
    month = (
        f"date_trunc('month', {delivery.table.event_date})"
        if delivery.table.event_date
        else f"date_trunc('month', DATE {quote(delivery.day)})"
    )
    rows, sender = delivery.rows(organisation, delivery.table.event_date), organisation or "''"
    query = f"SELECT {sender} AS organisation, CAST({month} AS DATE) AS month, count(*) AS rows FROM {rows} GROUP BY 1, 2 ORDER BY 1, 2"
    return con.execute(query).df()


def compared_months(
    con: duckdb.DuckDBPyConnection, delivery: Delivery, before: Delivery | None, feed: FeedSettings
) -> pd.DataFrame:
    """Count rows by organisation and month, in this delivery and the one before, for months that both contain completely."""
    months = month_rows(con, delivery)
    if before is None or feed.load == "append":
        return months.assign(rows_before=float("nan"))
    earlier = month_rows(con, before).rename(columns={"rows": "rows_before"})
    if not delivery.table.event_date:
        earlier["month"] = pd.Timestamp(delivery.day.replace(day=1))
    else:
        first = first_restated_day(delivery.day, feed.replaces_months) if feed.replaces_months else date.min
        days = pd.to_datetime(earlier["month"]).dt.date
        earlier = earlier[(days >= first) & (days < before.day.replace(day=1))]
    both = months.merge(earlier, on=["organisation", "month"], how="outer")
    return both.assign(rows=both["rows"].fillna(0)).sort_values(["organisation", "month"], ignore_index=True)


def compared_volume(
    con: duckdb.DuckDBPyConnection, delivery: Delivery, before: Delivery, feed: FeedSettings, months: pd.DataFrame, deletions: int,
    compared_by_organisation: int | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Compare the rows of a feed with those of the delivery before: as a whole, and `months` summed over organisations.

    Where another rule compares organisations with at least `compared_by_organisation` rows in a month, the sum is of the others.
    Of a feed whose deliveries are added, the rows since the delivery before are compared with those of as many days before that
    one, and a small feed also with earlier ones. A delivery of `deletions` alone is not compared.
    """
    if feed.load != "append":
        both = _by_month(months)
        small = months if compared_by_organisation is None else months[~(months["rows_before"] >= compared_by_organisation)]
        whole = pd.DataFrame({"month": [pd.NaT], "rows": [both["rows"].sum()], "rows_before": [both["rows_before"].sum()]})
        parts = [_by_month(small), whole] if delivery.table.event_date and len(small) else [whole]
        return pd.concat(parts, ignore_index=True).assign(rows_earlier=0, deliveries=0)
    if deletions and not _has_rows(con, delivery):
        return pd.DataFrame()
    return _added_volume(con, delivery, before, deletions)


def _added_volume(con: duckdb.DuckDBPyConnection, delivery: Delivery, before: Delivery, deletions: int) -> pd.DataFrame:
    """Compare the rows of a delivery that is added to the ones before it; without a row where there is nothing to compare."""
    days = (delivery.day - before.day).days
    now, then, *history = _comparable_rows(con, delivery, before, days)
    if then is None:
        return pd.DataFrame()
    counted = [then, *(rows for rows in history if rows is not None)]
    rows = {
        "month": pd.NaT,
        "rows": (now or 0) + deletions,
        "rows_before": then,
        "rows_earlier": sum(counted),
        "deliveries": len(counted),
    }
    return pd.DataFrame([rows])


def _comparable_rows(con: duckdb.DuckDBPyConnection, delivery: Delivery, before: Delivery, days: int) -> Iterator[int | None]:
    """Yield the rows of a delivery and of the ones before it that state as much as each other; None where that is not known.

    Rows with a date are those of as many days before each delivery. Without dates, all rows are compared, except those of the first
    delivery, which may be all that the sender has. Of a feed with many rows the delivery before is enough.
    """
    dated = bool(delivery.table.event_date)
    then = _rows_of_days(con, before, days) if dated else _count(con, before) if before.earlier else None
    yield _rows_of_days(con, delivery, days) if dated else _count(con, delivery)
    yield then
    for one in before.earlier[:MOST_EARLIER] if then is not None and then < MANY_ROWS else ():
        yield _rows_of_days(con, one, days) if dated else _count(con, one) if one.earlier else None


def _by_month(months: pd.DataFrame) -> pd.DataFrame:
    """Sum the months that are comparable over organisations."""
    return months.groupby("month", as_index=False)[["rows", "rows_before"]].sum(min_count=1).dropna(subset="rows_before")


def _rows_of_days(con: duckdb.DuckDBPyConnection, delivery: Delivery, days: int) -> int:
    """Count the rows of a delivery that are dated in the days before it."""
    day, event_date = f"DATE {quote(delivery.day)}", delivery.table.event_date
    where = f"{event_date} >= {day} - {days} AND {event_date} < {day}"
    return int(con.execute(f"SELECT count(*) FROM {delivery.rows(event_date)} WHERE {where}").fetchall()[0][0])


def _count(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> int:
    return int(con.execute(f"SELECT count(*) FROM {delivery.rows()}").fetchall()[0][0])


def _has_rows(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> bool:
    return bool(con.execute(f"SELECT 1 FROM {delivery.rows()} LIMIT 1").fetchall())

"""The small summaries of a delivery that table rules read, computed in SQL from its kept rows."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date

import duckdb
import pandas as pd

from expectations.delivery_figures import Summary, Thresholds
from expectations.granting_columns import granting_columns, required_columns
from expectations.row_checks import CODE_NOT_IN_VOCABULARY, sender_columns
from expectations.sql_values import quote, quote_all
from expectations.table import Table
from pipelines.extracts.extract_records import Extract
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import FeedSettings
from pipelines.validation.filled_values import filled_values
from pipelines.validation.lost_values import lost_values
from pipelines.validation.opt_out_rows import lost_objections
from pipelines.validation.row_flags import of_repeated_keys, reads_context
from pipelines.validation.row_validation import RowOutcome
from pipelines.validation.valid_extracts import ValidExtract, first_restated_day, kept_rows_sql
from pipelines.validation.validation_settings import ValidationSettings

DELETED = "deleted"  # the row rule of a row that its sender deleted
NOT_KNOWN = ("Z", "99")  # ethnic category not stated, or not known
MOST_EARLIER, MANY_ROWS = 5, 200  # deliveries that a feed with fewer rows is also compared with


@dataclass(frozen=True)
class Delivery:
    """The validated extracts of one delivery of a feed."""

    table: Table
    day: date
    extracts: list[ValidExtract]
    earlier: tuple[Delivery, ...] = ()  # the ones before it, the latest first

    @property
    def rows(self) -> str:
        """Return the SQL of the delivery's kept rows."""
        parts = [f"FROM {kept_rows_sql(self.table, valid)}" for valid in self.extracts]
        return f"({' UNION ALL BY NAME '.join(parts)})"


def organisation_column(table: Table) -> str:
    """Return the column of the sending organisation; empty if there is none."""
    names = [column.name for column in table.columns]
    return table.provider or ("practice_code" if "practice_code" in names else "")


def summarise(
    lake: Lake,
    con: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    before: Delivery | None,
    outcomes: list[RowOutcome],
    feed: FeedSettings,
    settings: ValidationSettings,
    published_lists: pd.DataFrame | None,
) -> Summary:
    """Summarise a delivery and the one before it; `published_lists` has practice_code and patients."""
    checks = {rule.check for rule in delivery.table.table_rules}
    deletions = _deletions(outcomes) if feed.load == "append" else {}
    summary = Summary(
        _extracts(lake, delivery.table, outcomes, deletions, feed.not_delivered, before),
        thresholds=Thresholds(settings.least_month_rows, settings.least_group_rows, settings.least_lost_values),
    )
    organisation = organisation_column(delivery.table)
    earlier = before.extracts if before else []
    summary.lost = lost_values(
        lake, con, delivery.table, organisation, delivery.extracts, earlier, outcomes, settings.least_lost_values
    )
    summary.filled = filled_values(con, delivery.table, organisation, delivery.extracts, earlier, resent=feed.load == "snapshot")
    summary.columns = _columns(con, delivery, before, outcomes, sum(deletions.values()))
    if "month_collapsed" in checks or (before is not None and feed.load != "append"):
        summary.months = compared_months(con, delivery, before, feed)
    if before is not None:
        compared_by_organisation = settings.least_month_rows if "month_collapsed" in checks else None
        summary.volume = compared_volume(
            con, delivery, before, feed, summary.months, sum(deletions.values()), compared_by_organisation
        )
    _add_figures_of_rows(summary, con, delivery, published_lists)
    return summary


def _add_figures_of_rows(
    summary: Summary, con: duckdb.DuckDBPyConnection, delivery: Delivery, published_lists: pd.DataFrame | None
) -> None:
    """Add what rules of the table read of the delivery's rows alone, without the delivery before."""
    checks = {rule.check: rule for rule in delivery.table.table_rules}
    if "keys_unique" in checks:
        summary.repeated_keys = _repeated_keys(con, delivery)
    if "share_of_values" in checks:
        summary.not_known = _not_known(con, delivery, checks["share_of_values"].columns)
    if "history_starts_at_load" in checks:
        summary.starts = _starts(con, delivery)
    if "below_published_list" in checks and published_lists is not None:
        counted = con.execute(f"SELECT practice_code, count(*) AS rows FROM {delivery.rows} GROUP BY 1").df()
        lists = published_lists.merge(counted, on="practice_code", how="inner")
        summary.lists = pd.DataFrame(
            {"organisation": lists["practice_code"], "rows": lists["rows"], "published": lists["patients"]}
        )


def month_rows(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> pd.DataFrame:
    """Count the kept rows of a delivery by organisation and month; rows without a date count in its own month."""
    organisation = organisation_column(delivery.table) or "''"
    month = (
        f"date_trunc('month', {delivery.table.event_date})"
        if delivery.table.event_date
        else f"date_trunc('month', DATE {quote(delivery.day)})"
    )
    query = f"SELECT {organisation} AS organisation, CAST({month} AS DATE) AS month, count(*) AS rows FROM {delivery.rows} GROUP BY 1, 2 ORDER BY 1, 2"
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
    return int(con.execute(f"SELECT count(*) FROM {delivery.rows} WHERE {where}").fetchall()[0][0])


def _count(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> int:
    return int(con.execute(f"SELECT count(*) FROM {delivery.rows}").fetchall()[0][0])


def _has_rows(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> bool:
    return bool(con.execute(f"SELECT 1 FROM {delivery.rows} LIMIT 1").fetchall())


def _deletions(outcomes: list[RowOutcome]) -> dict[str, int]:
    """Count the rows of each extract with which the sender deletes what was sent before."""
    return {outcome.profile.extract.extract_id: outcome.broken[DELETED] for outcome in outcomes}


def _extracts(
    lake: Lake,
    table: Table,
    outcomes: list[RowOutcome],
    deletions: dict[str, int],
    not_delivered: Collection[str],
    before: Delivery | None,
) -> pd.DataFrame:
    """Summarise the extracts. Rows that are set aside do not include deletions, which are as they should be."""
    delivered = _delivered_columns(before) - {column.name for column in table.columns if column.required_in_file}
    rows = []
    for outcome in outcomes:
        extract = outcome.profile.extract
        figures = {
            "file_name": extract.file_name,
            "rows": outcome.rows,
            "set_aside": outcome.set_aside - deletions.get(extract.extract_id, 0),
        }
        empty = [name for name, count in outcome.profile.values.items() if not count and outcome.profile.rows]
        empty = [name for name in empty if name not in json.loads(extract.columns_missing)]
        rows.append({**figures, **_absent_columns(table, extract, not_delivered, delivered, empty)})
    extracts = pd.DataFrame(rows)
    if any(rule.check == "objections_lost" for rule in table.table_rules):
        lost = [lost_objections(lake, table, outcome.profile.extract.extract_id) for outcome in outcomes]
        extracts["objections_lost"] = [sum(reasons.values()) for reasons in lost]
        extracts["why"] = [", ".join(f"{rows:,} {reason}" for reason, rows in reasons.items()) for reasons in lost]
    return extracts


def _absent_columns(
    table: Table, extract: Extract, not_delivered: Collection[str], delivered: Collection[str], empty: Collection[str]
) -> dict[str, str]:
    """Return the columns that a file lacks: required ones, those whose absence would grant something, and those once `delivered`.

    Of the `empty` columns it returns those of which an unused header may have the values.
    """
    absent = json.loads(extract.columns_missing)
    missing = [name for name in absent if name not in delivered]
    required = required_columns(table, not_delivered, json.loads(extract.columns_ignored))
    hidden = required & granting_columns(table)
    silent = granting_columns(table) - required - set(not_delivered)
    return {
        "columns_missing": _headers(table, [name for name in missing if name in required]),
        "columns_silent": _headers(table, [name for name in missing if name in silent]),
        "columns_gone": _headers(table, [name for name in absent if name in delivered]),
        "columns_hidden": _headers(table, [name for name in empty if name in hidden]),
    }


def _delivered_columns(delivery: Delivery | None) -> frozenset[str]:
    """Return the columns that every file of a delivery has."""
    if delivery is None or not delivery.extracts:
        return frozenset()
    missing = {name for valid in delivery.extracts for name in json.loads(valid.extract.columns_missing)}
    return frozenset(column.name for column in sender_columns(delivery.table)) - missing


def _headers(table: Table, names: list[str]) -> str:
    """Return columns by Strata's name, with the usual header where it differs."""
    sources = {name: table.column(name).source_name for name in names}
    return ", ".join(name if source == name else f"{name} ({source})" for name, source in sources.items())


def _repeated_keys(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> int:
    """Count the keys that occur twice.

    If the delivery was checked for duplicates, only rows that share a digest of their key can have one.
    """
    if reads_context(delivery.table.row_rules, "duplicate_row"):
        suspects = [
            replace(valid, source=of_repeated_keys(valid.source, valid.extract.extract_id)) for valid in delivery.extracts
        ]
        delivery = replace(delivery, extracts=suspects)
    key = ", ".join(delivery.table.key)
    query = f"SELECT count(*) FROM (SELECT {key} FROM {delivery.rows} GROUP BY ALL HAVING count(*) > 1)"
    return int(con.execute(query).fetchall()[0][0])


def _columns(
    con: duckdb.DuckDBPyConnection, delivery: Delivery, before: Delivery | None, outcomes: list[RowOutcome], deletions: int
) -> pd.DataFrame:
    table = delivery.table
    varying = next((rule.columns for rule in table.table_rules if rule.check == "single_value"), ())
    now, then = _different(con, delivery, varying), _different(con, before, varying)
    all_rows = sum(outcome.rows for outcome in outcomes) - deletions
    rows = [
        (name, all_rows, *_counts(name, outcomes), now.get(name), then.get(name))
        for name in (column.name for column in table.columns if column.allowed or column.pattern or column.varies)
    ]
    return pd.DataFrame(rows, columns=["column", "rows", "values", "outside", "incomplete", "different", "different_before"])


def _counts(column: str, outcomes: list[RowOutcome]) -> tuple[int, int, int]:
    """Return a column's values, those outside its vocabulary, and the lists of which some codes are."""
    values = sum(outcome.profile.values.get(column, 0) for outcome in outcomes)
    outside, incomplete = (
        sum(outcome.broken[f"{reason}__{column}"] for outcome in outcomes)
        for reason in ("not_in_vocabulary", CODE_NOT_IN_VOCABULARY)
    )
    return values, outside, incomplete


def _different(con: duckdb.DuckDBPyConnection, delivery: Delivery | None, columns: tuple[str, ...]) -> dict[str, int]:
    """Count a delivery's different values by column: 0, 1 or 2 for more."""
    if delivery is None or not columns:
        return {}
    counts = ", ".join(f"CASE WHEN count({name}) = 0 THEN 0 WHEN min({name}) = max({name}) THEN 1 ELSE 2 END" for name in columns)
    return dict(zip(columns, con.execute(f"SELECT {counts} FROM {delivery.rows}").fetchall()[0], strict=True))


def _not_known(con: duckdb.DuckDBPyConnection, delivery: Delivery, columns: tuple[str, ...]) -> pd.DataFrame:
    organisation = organisation_column(delivery.table) or "''"
    codes = quote_all(NOT_KNOWN)
    parts = [
        f'SELECT {organisation} AS organisation, {quote(column)} AS "column", count(*) AS rows, '
        f"count(*) FILTER ({column} IS NULL OR {column} IN ({codes})) AS not_known FROM {delivery.rows} GROUP BY 1"
        for column in columns
    ]
    return con.execute(f"{' UNION ALL '.join(parts)} ORDER BY 1, 2").df()


def _starts(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> pd.DataFrame:
    organisation, day = organisation_column(delivery.table), delivery.table.event_date
    by_day = f"SELECT {organisation} AS organisation, {day} AS day, count(*) AS same_day FROM {delivery.rows} GROUP BY 1, 2"
    query = f"SELECT organisation, arg_max(day, (same_day, day)) AS day, sum(same_day)::BIGINT AS rows, max(same_day) AS same_day FROM ({by_day}) GROUP BY 1"
    return con.execute(f"{query} ORDER BY 1").df()

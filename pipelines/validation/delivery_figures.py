"""The figures of a delivery that table rules read, computed in SQL from its kept rows."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace

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
from pipelines.validation.delivery_comparison import Delivery, compared_months, compared_volume
from pipelines.validation.filled_values import filled_values
from pipelines.validation.lost_values import lost_values
from pipelines.validation.opt_out_rows import lost_objections
from pipelines.validation.row_flags import of_repeated_keys, reads_context
from pipelines.validation.row_validation import RowOutcome
from pipelines.validation.typed_rows import organisation_column
from pipelines.validation.validation_settings import ValidationSettings

DELETED = "deleted"  # the row rule of a row that its sender deleted
NOT_KNOWN = ("Z", "99")  # ethnic category not stated, or not known


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
        counted = con.execute(f"SELECT practice_code, count(*) AS rows FROM {delivery.rows('practice_code')} GROUP BY 1").df()
        lists = published_lists.merge(counted, on="practice_code", how="inner")
        summary.lists = pd.DataFrame(
            {"organisation": lists["practice_code"], "rows": lists["rows"], "published": lists["patients"]}
        )


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
    query = f"SELECT count(*) FROM (SELECT {key} FROM {delivery.rows()} GROUP BY ALL HAVING count(*) > 1)"
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
    return dict(zip(columns, con.execute(f"SELECT {counts} FROM {delivery.rows(*columns)}").fetchall()[0], strict=True))


def _not_known(con: duckdb.DuckDBPyConnection, delivery: Delivery, columns: tuple[str, ...]) -> pd.DataFrame:
    sender, codes = organisation_column(delivery.table), quote_all(NOT_KNOWN)
    organisation, rows = sender or "''", delivery.rows(sender, *columns)
    parts = [
        f'SELECT {organisation} AS organisation, {quote(column)} AS "column", count(*) AS rows, '
        f"count(*) FILTER ({column} IS NULL OR {column} IN ({codes})) AS not_known FROM {rows} GROUP BY 1"
        for column in columns
    ]
    return con.execute(f"{' UNION ALL '.join(parts)} ORDER BY 1, 2").df()


def _starts(con: duckdb.DuckDBPyConnection, delivery: Delivery) -> pd.DataFrame:
    organisation, day = organisation_column(delivery.table), delivery.table.event_date
    by_day = f"SELECT {organisation} AS organisation, {day} AS day, count(*) AS same_day FROM {delivery.rows(organisation, day)} GROUP BY 1, 2"
    query = f"SELECT organisation, arg_max(day, (same_day, day)) AS day, sum(same_day)::BIGINT AS rows, max(same_day) AS same_day FROM ({by_day}) GROUP BY 1"
    return con.execute(f"{query} ORDER BY 1").df()

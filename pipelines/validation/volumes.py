"""monitoring__volumes: rows by feed, organisation and month in the latest delivery and the one before."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pandas as pd

from expectations.table import Table
from expectations.tables.risk import VOLUMES
from pipelines.extracts.extract_records import current_extracts
from pipelines.lake.storage import Lake
from pipelines.validation.delivery_comparison import Delivery, month_rows
from pipelines.validation.valid_extracts import valid_extracts


def write_volumes(lake: Lake, con: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> int:
    """Replace monitoring__volumes by the latest deliveries' counts; return the number of rows written."""
    counted = [volumes for table in tables if (volumes := feed_volumes(lake, con, table)) is not None]
    return lake.write(VOLUMES, pd.concat(counted, ignore_index=True) if counted else [])


def feed_volumes(lake: Lake, con: duckdb.DuckDBPyConnection, table: Table) -> pd.DataFrame | None:
    """Count the kept rows of a feed's latest delivery by organisation and month; None for a feed without a delivery."""
    extracts = current_extracts(lake, table.feed)
    days = sorted({extract.extract_date for extract in extracts})
    if not days:
        return None
    latest, before = (_counted(lake, con, table, day) if day else None for day in (days[-1], days[-2] if len(days) > 1 else None))
    if latest is None:
        return None
    both = latest.assign(rows_before=float("nan")) if before is None else latest.merge(
        before.rename(columns={"rows": "rows_before"}), on=["organisation", "month"], how="outer"
    )  # fmt: skip
    rows = both["rows"].fillna(0).astype("int64")
    earlier = both["rows_before"].astype("Int64")
    return pd.DataFrame(
        {
            "feed": table.feed,
            "organisation_code": both["organisation"],
            "month": pd.to_datetime(both["month"]).dt.date,
            "extract_date": days[-1],
            "rows": rows,
            "rows_before": earlier,
            "share_of_before": (rows / earlier.where(earlier > 0)).astype("Float64"),
        }
    ).sort_values(["organisation_code", "month"], ignore_index=True)


def _counted(lake: Lake, con: duckdb.DuckDBPyConnection, table: Table, day: object) -> pd.DataFrame:
    whole = [extract for extract in current_extracts(lake, table.feed) if extract.extract_date == day]
    return month_rows(con, Delivery(table, whole[0].extract_date, valid_extracts(lake, table, whole)))

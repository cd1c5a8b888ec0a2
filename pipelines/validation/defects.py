"""How many of the planted defects validation found: hits, misses and false alarms, by feed and kind."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from expectations.sql_values import quote_path
from expectations.tables.core import QUARANTINE
from expectations.tables.records import VALIDATION
from pipelines.errors import ExtractError
from pipelines.lake.storage import Lake

PLANTED = "planted_defects.csv"


def count_defects(lake: Lake, con: duckdb.DuckDBPyConnection, landing: Path) -> pd.DataFrame:
    """Compare the defects planted in a synthetic board with those found, one row per feed and reason.

    Columns: defect (its number in the list of known defects), planted, hits, misses, false_alarms (found where nothing was
    planted) and side_effects (found next to another planted defect of the same row).
    """
    file = landing / PLANTED
    if not file.is_file():
        raise ExtractError(f"there is no {file}: only a synthetic board has a list of planted defects")
    planted = f"(SELECT DISTINCT feed, row_key, CAST(defect AS INTEGER) AS defect, reason FROM read_csv({quote_path(file)}, header=true, all_varchar=true))"
    return con.execute(
        f"""WITH planted AS {planted}, found AS (SELECT DISTINCT feed, row_key, reason FROM ({_found(lake)})),
        rows AS (SELECT DISTINCT feed, row_key FROM planted),
        both_sides AS (
            SELECT coalesce(planted.feed, found.feed) AS feed, coalesce(planted.reason, found.reason) AS reason, planted.defect,
                planted.feed IS NOT NULL AS was_planted, found.feed IS NOT NULL AS was_found, rows.feed IS NOT NULL AS on_planted_row
            FROM planted FULL JOIN found USING (feed, row_key, reason)
            LEFT JOIN rows ON rows.feed = found.feed AND rows.row_key = found.row_key
        )
        SELECT feed, reason, coalesce(max(defect), 0)::INTEGER AS defect,
            count(*) FILTER (was_planted) AS planted,
            count(*) FILTER (was_planted AND was_found) AS hits,
            count(*) FILTER (was_planted AND NOT was_found) AS misses,
            count(*) FILTER (was_found AND NOT was_planted AND NOT on_planted_row) AS false_alarms,
            count(*) FILTER (was_found AND NOT was_planted AND on_planted_row) AS side_effects
        FROM both_sides GROUP BY feed, reason ORDER BY feed, reason"""
    ).df()


def describe_defects(counts: pd.DataFrame) -> str:
    """Return the counts as text: a line per feed and kind, and the totals."""
    names = ("planted", "hits", "misses", "false_alarms", "side_effects")
    lines = [f"{'feed':<24}{'defect':<28}{'no.':>4}" + "".join(f"{name.replace('_', ' '):>14}" for name in names)]
    lines += [
        f"{row['feed']:<24}{row['reason']:<28}{row['defect'] or '':>4}" + "".join(f"{row[name]:>14,}" for name in names)
        for row in counts.to_dict("records")
    ]
    lines.append(f"{'all':<56}" + "".join(f"{counts[name].sum():>14,}" for name in names))
    return "\n".join(lines)


def _found(lake: Lake) -> str:
    """Return the SQL of everything found, with the keys of planted defects: file and row, organisation and month, or column."""
    rows = f"""SELECT replace(table_name, 'raw__', '') AS feed, file_name || ':' || row_number AS row_key, reason
        FROM {lake.scan(QUARANTINE.name)}"""
    month = "coalesce(strftime(month, '%Y-%m'), '-')"
    key = f"CASE WHEN organisation_code <> '' THEN 'organisation:' || organisation_code || ':' || {month} ELSE 'column:' || column_name END"
    tables = f"""SELECT feed, {key} AS row_key, rule AS reason FROM {lake.scan(VALIDATION.name)}
        WHERE severity IN ('stop', 'warn') AND note <> '' AND (organisation_code <> '' OR column_name <> '')"""
    return f"{rows} UNION ALL {tables}"

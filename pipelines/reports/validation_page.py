"""The results of validation as one page that needs no network: what stops or warns first, then rows by feed and reason."""

from __future__ import annotations

from pathlib import Path

from expectations.tables.records import EXTRACTS, VALIDATION
from pipelines.lake.storage import Lake
from pipelines.reports.plain_page import heading, link, page, paragraph, table


def write_validation_page(lake: Lake, file: Path) -> Path:
    """Write the page from `monitoring__validation` and give its path; it holds counts and no row's value."""
    if not (lake.exists(VALIDATION.name) and lake.exists(EXTRACTS.name)):
        return file
    parts = [heading("Rules that a delivery breaks"), _breaches(lake), heading("Rows by feed and reason"), _reasons(lake)]
    parts += [heading("Extracts"), _extracts(lake), link("data_docs/index.html", "Every rule of every delivery (Data Docs)")]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page("Validation", parts), encoding="utf-8")
    return file


def _breaches(lake: Lake) -> str:
    where = "severity IN ('stop', 'warn') AND note <> ''"
    rows = lake.read(
        VALIDATION.name, "feed, extract_id AS delivery, severity, passed, rule, note", where, "1, 2, 3, 5, 6"
    ).to_pylist()
    if not rows:
        return paragraph("None.")
    cells = [
        [row["feed"], row["delivery"], "accepted" if row["passed"] else row["severity"], row["rule"], row["note"]] for row in rows
    ]
    return table(["feed", "delivery", "", "rule", "where and by how much"], cells)


def _reasons(lake: Lake) -> str:
    where = "severity NOT IN ('stop', 'warn') AND rows_broken > 0 GROUP BY 1, 2, 3, 4"
    rows = lake.read(
        VALIDATION.name, "feed, rule, column_name, severity, sum(rows_broken)::BIGINT AS n", where, "1, 5 DESC, 2, 3"
    ).to_pylist()
    return table(["feed", "reason", "column", "what was done", "rows"], [list(row.values()) for row in rows])


def _extracts(lake: Lake) -> str:
    columns = "feed, extract_date, path, rows, rows_unreadable, columns_missing, columns_ignored"
    rows = lake.read(EXTRACTS.name, columns, order="1, 2, 3, sequence").to_pylist()
    names = ["feed", "delivered", "file", "rows", "unreadable", "columns it lacks", "columns not stored"]
    return table(names, [list(row.values()) for row in rows])

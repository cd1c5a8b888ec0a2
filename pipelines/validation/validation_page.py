"""The results of validation as one page that needs no network: what stops or warns first, then rows by feed and reason."""

from __future__ import annotations

from html import escape
from pathlib import Path

from expectations.tables.records import EXTRACTS, VALIDATION
from pipelines.storage import Lake

STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#212b32}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d8dde0}
td.n{text-align:right;font-variant-numeric:tabular-nums}.stop{color:#b10e1e;font-weight:600}.warn{color:#7a4b00;font-weight:600}"""


def write_validation_page(lake: Lake, file: Path) -> Path:
    """Write the page from `monitoring__validation` and give its path; it holds counts and no row's value."""
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>Validation</title><style>{STYLE}</style><h1>Validation</h1>"
    ]
    parts += ["<h2>Rules that a delivery breaks</h2>", _breaches(lake), "<h2>Rows by feed and reason</h2>", _reasons(lake)]
    parts += ["<h2>Extracts</h2>", _extracts(lake), "</html>\n"]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(parts), encoding="utf-8")
    return file


def _breaches(lake: Lake) -> str:
    where = "severity IN ('stop', 'warn') AND note <> ''"
    rows = lake.read(
        VALIDATION.name, "feed, extract_id AS delivery, severity, passed, rule, note", where, "1, 2, 3, 5, 6"
    ).to_pylist()
    if not rows:
        return "<p>None.</p>"
    cells = [
        [row["feed"], row["delivery"], "accepted" if row["passed"] else row["severity"], row["rule"], row["note"]] for row in rows
    ]
    return _table(["feed", "delivery", "", "rule", "where and by how much"], cells)


def _reasons(lake: Lake) -> str:
    where = "severity NOT IN ('stop', 'warn') AND rows_broken > 0 GROUP BY 1, 2, 3, 4"
    rows = lake.read(
        VALIDATION.name, "feed, rule, column_name, severity, sum(rows_broken)::BIGINT AS n", where, "1, 5 DESC, 2, 3"
    ).to_pylist()
    return _table(["feed", "reason", "column", "what was done", "rows"], [list(row.values()) for row in rows])


def _extracts(lake: Lake) -> str:
    columns = "feed, extract_date, path, rows, rows_unreadable, columns_missing, columns_ignored"
    rows = lake.read(EXTRACTS.name, columns, order="1, 2, 3, sequence").to_pylist()
    names = ["feed", "delivered", "file", "rows", "unreadable", "columns it lacks", "columns not stored"]
    return _table(names, [list(row.values()) for row in rows])


def _table(names: list[str], rows: list[list[object]]) -> str:
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"<td class='n'>{value:,}</td>"
    kind = f" class='{value}'" if value in ("stop", "warn") else ""
    return f"<td{kind}>{escape(str(value))}</td>"

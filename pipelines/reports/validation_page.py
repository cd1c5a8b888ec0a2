"""The results of validation as one page: deliveries that stop or warn first, then rows by feed and reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from expectations.tables.records import EXTRACTS, VALIDATION
from pipelines.lake.storage import Lake
from pipelines.lake.whole_files import write_whole
from pipelines.reports.labels import label
from pipelines.reports.pages import render

ACTIONS = {"set_aside": "Row set aside", "nulled": "Value emptied", "repaired": "Value repaired", "flagged": "Row flagged"}
ANSWERS = {"stop": "stopped", "warn": "warning", "accepted": "accepted in the settings"}


def write_validation_page(lake: Lake, file: Path) -> Path:
    """Write the page from `monitoring__validation` and return its path; it holds counts and no value of a row."""
    if not (lake.exists(VALIDATION.name) and lake.exists(EXTRACTS.name)):
        return file
    breaches = _breaches(lake)
    content = {"answer": _answer(breaches), "breaches": breaches, "rows": _reasons(lake), "extracts": _extracts(lake)}
    return write_whole(file, render("validation.html", **content))


def _answer(breaches: list[dict[str, str]]) -> str:
    """Return the page's title: the number of rules that stopped a delivery, of warnings and of accepted breaches."""
    counts = {kind: sum(row["kind"] == kind for row in breaches) for kind in ANSWERS}
    nouns = {"stop": "broken rule", "warn": "warning", "accepted": "accepted breach"}
    parts = [
        f"{count:,} {nouns[kind]}{'s' if count > 1 and kind != 'accepted' else 'es' if count > 1 else ''}"
        for kind, count in counts.items()
        if count
    ]
    return f"Data quality: {', '.join(parts)}" if parts else "Data quality: no delivery breaks a rule"


def _breaches(lake: Lake) -> list[dict[str, str]]:
    where = "severity IN ('stop', 'warn') AND note <> ''"
    columns = "feed, extract_id AS delivery, severity, passed, rule, note"
    rows = lake.read(VALIDATION.name, columns, where, "1, 2, 3, 5, 6").to_pylist()
    return [_breach(row) for row in sorted(rows, key=lambda row: (bool(row["passed"]), row["severity"]))]


def _breach(row: dict[str, Any]) -> dict[str, str]:
    kind = "accepted" if row["passed"] else row["severity"]
    return {
        "feed": label(row["feed"]),
        "delivery": row["delivery"],
        "kind": kind,
        "answer": ANSWERS[kind],
        "rule": label(row["rule"]),
        "note": row["note"],
    }


def _reasons(lake: Lake) -> list[dict[str, object]]:
    where = "severity NOT IN ('stop', 'warn') AND rows_broken > 0 GROUP BY 1, 2, 3, 4"
    columns = "feed, rule, column_name, severity, sum(rows_broken)::BIGINT AS rows"
    return [
        {
            "feed": label(row["feed"]),
            "reason": label(row["rule"]),
            "column": row["column_name"],
            "action": ACTIONS.get(row["severity"], label(row["severity"])),
            "rows": row["rows"],
        }
        for row in lake.read(VALIDATION.name, columns, where, "1, 5 DESC, 2, 3").to_pylist()
    ]


def _extracts(lake: Lake) -> list[dict[str, object]]:
    columns = "feed, extract_date, path, rows, rows_unreadable, columns_missing, columns_ignored"
    return [
        {
            "feed": label(row["feed"]),
            "delivered": row["extract_date"],
            "file": row["path"],
            "rows": row["rows"],
            "unreadable": row["rows_unreadable"],
            "missing": ", ".join(json.loads(row["columns_missing"])),
            "ignored": ", ".join(json.loads(row["columns_ignored"])),
        }
        for row in lake.read(EXTRACTS.name, columns, order="1, 2, 3, sequence").to_pylist()
    ]

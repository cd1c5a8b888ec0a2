"""Alerts on the page: what is open, since when, how far from the limit, and what to do; what recovered recently."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from expectations.tables.monitoring import ALERTS
from pipelines.alerts.alert_log import OPEN
from pipelines.alerts.rules import label_of
from pipelines.lake.storage import Lake

RECOVERED_DAYS = 92
MOST_OF_A_RULE = 8  # of one rule on the page; the table holds all
REPOSITORY = Path(__file__).parents[3]  # the runbooks are stored with the code


def alert_part(lake: Lake, today: date) -> dict[str, Any]:
    """Return the open alerts by rule, the recovered alerts, and the text of the runbooks they name."""
    rows = lake.read_or_empty(ALERTS, order="rule, subject, since").to_pylist()
    opened = [row for row in rows if row["state"] == OPEN]
    by_rule: dict[str, list[dict[str, Any]]] = {}
    for row in opened:
        by_rule.setdefault(row["rule"], []).append(row)
    return {
        "open": len(opened),
        "rules": [_rule(rule, by_rule[rule]) for rule in sorted(by_rule)],
        "recovered": [_line(row) for row in rows if _recovered_recently(row, today)],
        "runbooks": _runbooks(opened),
    }


def _recovered_recently(row: dict[str, Any], today: date) -> bool:
    return bool(row["recovered_on"]) and row["recovered_on"] >= today - timedelta(days=RECOVERED_DAYS)


def _rule(rule: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    worst = sorted(rows, key=lambda row: (-_badness(row), row["subject"]))
    more = len(worst) - MOST_OF_A_RULE
    return {
        "name": rule,
        "title": label_of(rule),
        "count": len(rows),
        "runbook": rows[0]["runbook"],
        "rows": [_line(row) for row in worst[:MOST_OF_A_RULE]],
        "more": f"{more} more: see the table {ALERTS.name}." if more > 0 else "",
        "problems": sorted({row["message_problem"] for row in rows if row["message_problem"]}),
    }


def _badness(row: dict[str, Any]) -> float:
    """Return how far a figure is from its limit, on either side."""
    return abs(float(row["value"]) - float(row["limit_value"]))


def _line(row: dict[str, Any]) -> dict[str, str]:
    return {
        "rule": label_of(str(row["rule"])),
        "message": row["message"],
        "subject": row["subject"],
        "since": str(row["since"]),
        "value": f"{row['value']:.3g}",
        "limit": f"{row['limit_value']:.3g}",
        "recovered": str(row["recovered_on"] or ""),
    }


def _runbooks(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the text of the named runbooks, so that the page can be read on any machine."""
    files = {row["rule"]: row["runbook"] for row in rows}
    texts = {rule: REPOSITORY / file for rule, file in sorted(files.items())}
    return [
        {"name": rule, "title": label_of(rule), "file": files[rule], "text": _without_title(path.read_text(encoding="utf-8"))}
        for rule, path in texts.items()
        if path.is_file()
    ]


def _without_title(text: str) -> str:
    return text.split("\n", 1)[1].strip() if text.startswith("# ") else text.strip()

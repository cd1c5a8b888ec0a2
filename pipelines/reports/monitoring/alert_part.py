"""Alerts on the page: what is open, since when, how bad and what to do; what recovered of late."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from expectations.tables.monitoring import ALERTS
from pipelines.alerts.alert_log import OPEN
from pipelines.lake.storage import Lake

RECOVERED_DAYS = 92
MOST_OF_A_RULE = 8  # of one rule; the table holds all
REPOSITORY = Path(__file__).parents[3]  # where the runbooks lie beside the code


def alert_part(lake: Lake, today: date) -> dict[str, Any]:
    """Give the open alerts by rule, the recovered ones, and the runbooks that they name, in full."""
    rows = lake.read_or_empty(ALERTS, order="rule, subject, since").to_pylist()
    opened = [row for row in rows if row["state"] == OPEN]
    over = [row for row in rows if row["recovered_on"] and row["recovered_on"] >= today - timedelta(days=RECOVERED_DAYS)]
    rules = [_rule(rule, [row for row in opened if row["rule"] == rule]) for rule in sorted({row["rule"] for row in opened})]
    return {"open": len(opened), "rules": rules, "recovered": [_line(row) for row in over], "runbooks": _runbooks(opened)}


def _rule(rule: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    worst = sorted(rows, key=lambda row: (-_badness(row), row["subject"]))
    left = len(worst) - MOST_OF_A_RULE
    return {
        "name": rule,
        "words": rule.replace("_", " "),
        "count": len(rows),
        "runbook": rows[0]["runbook"],
        "rows": [_line(row) for row in worst[:MOST_OF_A_RULE]],
        "left": f"{left} more stand in {ALERTS.name}." if left > 0 else "",
        "problems": sorted({row["message_problem"] for row in rows if row["message_problem"]}),
    }


def _badness(row: dict[str, Any]) -> float:
    """Give how far a figure is from its limit, on either side of it."""
    return abs(float(row["value"]) - float(row["limit_value"]))


def _line(row: dict[str, Any]) -> dict[str, str]:
    return {
        "rule": str(row["rule"]).replace("_", " "),
        "what": row["message"],
        "subject": row["subject"],
        "since": str(row["since"]),
        "value": f"{row['value']:.3g}",
        "limit": f"{row['limit_value']:.3g}",
        "over": str(row["recovered_on"] or ""),
    }


def _runbooks(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Give the text of the runbooks that are named: the page may be read where they are not."""
    files = {row["rule"]: row["runbook"] for row in rows}
    texts = {rule: REPOSITORY / file for rule, file in sorted(files.items())}
    return [
        {"name": rule, "file": files[rule], "text": _without_title(path.read_text(encoding="utf-8"))}
        for rule, path in texts.items()
        if path.is_file()
    ]


def _without_title(text: str) -> str:
    return text.split("\n", 1)[1].strip() if text.startswith("# ") else text.strip()

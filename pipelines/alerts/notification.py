"""The notification of a channel: one about everything new and everything over, in the shape that the channel reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.alerts.alert_log import OPEN, Alert
from pipelines.alerts.rules import label_of

MOST_LINES = 20  # alerts in one message; the table holds them all
ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"


def title(alerts: Sequence[Alert], deployment: str) -> str:
    """Return a message's first line."""
    new = sum(alert["state"] == OPEN for alert in alerts)
    parts = [f"{new} new" if new else "", f"{len(alerts) - new} recovered" if len(alerts) > new else ""]
    return f"Strata {deployment}: alerts {', '.join(part for part in parts if part)}"


def lines(alerts: Sequence[Alert]) -> list[str]:
    """Return a line for each alert, new ones first: what happened, since when, how bad, what to do."""
    ordered = sorted(alerts, key=lambda alert: (alert["state"] != OPEN, alert["rule"], alert["subject"], alert["since"]))
    written = [_line(alert) for alert in ordered[:MOST_LINES]]
    left = len(ordered) - MOST_LINES
    return [*written, f"{left} more are in monitoring__alerts"] if left > 0 else written


def teams_message(heading: str, lines: Sequence[str]) -> dict[str, Any]:
    """Return a message as a Teams workflow reads it: one adaptive card."""
    body = [{"type": "TextBlock", "text": heading, "weight": "Bolder", "wrap": True}]
    body += [{"type": "TextBlock", "text": line, "wrap": True} for line in lines]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    return {"type": "message", "attachments": [{"contentType": ADAPTIVE_CARD, "contentUrl": None, "content": card}]}


def slack_message(heading: str, lines: Sequence[str]) -> dict[str, Any]:
    """Return a message as a Slack incoming webhook reads it; plain text, so that nothing in it is markup."""
    blocks = [{"type": "section", "text": {"type": "plain_text", "text": line[:3000]}} for line in (heading, *lines)]
    return {"text": heading, "blocks": blocks}


def _line(alert: Alert) -> str:
    if alert["state"] != OPEN:
        return f"RECOVERED {label_of(alert['rule'])} - {alert['subject']}: over since {alert['recovered_on']}, had begun {alert['since']}"
    return (
        f"NEW {label_of(alert['rule'])} - {alert['subject']}: {alert['message']}. Since {alert['since']}; {alert['value']:.3g}, "
        f"limit {alert['limit_value']:.3g}. What to do: {alert['runbook']}"
    )

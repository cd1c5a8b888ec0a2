"""What a channel is told: one message about everything new and everything over, in the shape the channel reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.alerts.alert_log import OPEN, Alert

MOST_TOLD = 20  # alerts in one message; the table holds them all
ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"


def title(alerts: Sequence[Alert], deployment: str) -> str:
    """Give a message's first line."""
    new = sum(alert["state"] == OPEN for alert in alerts)
    parts = [f"{new} new" if new else "", f"{len(alerts) - new} recovered" if len(alerts) > new else ""]
    return f"Strata {deployment}: alerts {', '.join(part for part in parts if part)}"


def lines(alerts: Sequence[Alert]) -> list[str]:
    """Give a line for each alert, new ones first: what happened, since when, how bad, what to do."""
    ordered = sorted(alerts, key=lambda alert: (alert["state"] != OPEN, alert["rule"], alert["subject"], alert["since"]))
    told = [_line(alert) for alert in ordered[:MOST_TOLD]]
    left = len(ordered) - MOST_TOLD
    return [*told, f"{left} more stand in monitoring__alerts"] if left > 0 else told


def teams_message(heading: str, told: Sequence[str]) -> dict[str, Any]:
    """Give a message as a Teams workflow reads it: one adaptive card."""
    body = [{"type": "TextBlock", "text": heading, "weight": "Bolder", "wrap": True}]
    body += [{"type": "TextBlock", "text": line, "wrap": True} for line in told]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    return {"type": "message", "attachments": [{"contentType": ADAPTIVE_CARD, "contentUrl": None, "content": card}]}


def slack_message(heading: str, told: Sequence[str]) -> dict[str, Any]:
    """Give a message as a Slack incoming webhook reads it; plain text, so that nothing in it is markup."""
    blocks = [{"type": "section", "text": {"type": "plain_text", "text": line[:3000]}} for line in (heading, *told)]
    return {"text": heading, "blocks": blocks}


def _line(alert: Alert) -> str:
    if alert["state"] != OPEN:
        return f"RECOVERED {alert['rule']} - {alert['subject']}: over since {alert['recovered_on']}, had begun {alert['since']}"
    return (
        f"NEW {alert['rule']} - {alert['subject']}: {alert['message']}. Since {alert['since']}; {alert['value']:.3g}, "
        f"limit {alert['limit_value']:.3g}. What to do: {alert['runbook']}"
    )

"""The state of alerts: what is found again stays one alert, what is no longer found has recovered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from pipelines.alerts.rule_declaration import RUNBOOKS, Finding

Alert = dict[str, Any]  # a row of monitoring__alerts
OPEN, RECOVERED = "open", "recovered"


def updated_alerts(stored: Iterable[Alert], findings: Iterable[Finding], today: date) -> list[Alert]:
    """Return the alerts after a day's findings, in order of their key: found again, recovered, or new.

    An alert that comes back on the day it began is the same alert again.
    """
    open_findings = {(finding.rule, finding.subject): finding for finding in findings}
    after: dict[tuple[str, str, date], Alert] = {}
    for alert in stored:
        key = (alert["rule"], alert["subject"])
        again = open_findings.get(key) if alert["state"] == OPEN or alert["since"] == today else None
        if again is not None:
            del open_findings[key]
        after[(*key, alert["since"])] = _seen(alert, again, today) if again else _not_seen(alert, today)
    for finding in open_findings.values():
        after[(finding.rule, finding.subject, today)] = _new(finding, today)
    return [after[key] for key in sorted(after)]


def runbook(rule: str) -> str:
    """Return the page that says what to do about a rule's alerts."""
    return f"{RUNBOOKS}/{rule}.md"


def alerts_to_send(alerts: Sequence[Alert], channel: str) -> list[Alert]:
    """Return the alerts that a channel has not been sent: open ones, and recovered ones of which it was sent the beginning."""
    return [alert for alert in alerts if _is_due(alert, channel)]


def with_sent_state(alert: Alert, channel: str) -> Alert:
    """Record that a channel was sent an alert's state."""
    column = "told_open" if alert["state"] == OPEN else "told_recovered"
    return {**alert, column: ",".join(sorted({*_names(alert[column]), channel}))}


def _is_due(alert: Alert, channel: str) -> bool:
    was_sent = channel in _names(alert["told_open"])
    return not was_sent if alert["state"] == OPEN else was_sent and channel not in _names(alert["told_recovered"])


def _names(channels: str) -> list[str]:
    return channels.split(",") if channels else []


def _seen(alert: Alert, finding: Finding, today: date) -> Alert:
    back = {"told_open": "", "told_recovered": ""} if _names(alert["told_recovered"]) else {}
    now = {"value": finding.value, "limit_value": finding.limit, "message": finding.message}
    return {**alert, **now, **back, "state": OPEN, "last_seen": today, "recovered_on": None}


def _not_seen(alert: Alert, today: date) -> Alert:
    return alert if alert["state"] == RECOVERED else {**alert, "state": RECOVERED, "recovered_on": today}


def _new(finding: Finding, today: date) -> Alert:
    return {
        "rule": finding.rule,
        "subject": finding.subject,
        "since": today,
        "state": OPEN,
        "last_seen": today,
        "recovered_on": None,
        "value": finding.value,
        "limit_value": finding.limit,
        "message": finding.message,
        "runbook": runbook(finding.rule),
        "told_open": "",
        "told_recovered": "",
        "message_problem": "",
    }

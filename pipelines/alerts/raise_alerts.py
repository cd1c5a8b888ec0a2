"""Apply the rules to what is watched, keep monitoring__alerts, and send the channels what is new and what is over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence

from expectations.tables.monitoring import ALERTS
from pipelines.alerts.alert_log import OPEN, Alert, alerts_to_send, updated_alerts, with_sent_state
from pipelines.alerts.channels import UndeliveredError, mail, post
from pipelines.alerts.notification import lines, title
from pipelines.alerts.rule_declaration import Finding, Watched
from pipelines.alerts.rules import RULES
from pipelines.alerts.settings import EMAIL_CHANNEL, AlertSettings, RuleLimits
from pipelines.lake.storage import Lake

Send = Callable[[str, Sequence[str]], None]


def raise_alerts(
    watched: Watched, settings: AlertSettings, deployment: str, environment: Mapping[str, str] = os.environ
) -> dict[str, object]:
    """Write monitoring__alerts and send what is due. A message that fails is noted there and tried again the next time.

    Alerts are stored before anything is sent: a process that ends in between sends a message twice rather than never.
    """
    lake, today = watched.lake, watched.today
    stored = lake.read_or_empty(ALERTS).to_pylist()
    alerts = updated_alerts(stored, find(watched, settings.rules), today)
    _store(lake, alerts)
    after, failed = deliver(alerts, channels(settings, environment), deployment)
    if after != alerts:
        _store(lake, after)
    opened = [alert for alert in after if alert["state"] == OPEN]
    new = sum(alert["since"] == today for alert in opened)
    return {"open": len(opened), "new_today": new, "messages_failed": failed}


def find(watched: Watched, limits: RuleLimits) -> Iterator[Finding]:
    """Yield what every rule that is on finds."""
    for rule in RULES:
        yield from rule.watch(watched, limits.of(rule))


def channels(settings: AlertSettings, environment: Mapping[str, str] = os.environ) -> dict[str, Send]:
    """Return what sends a message, by channel."""
    senders: dict[str, Send] = {
        webhook.name: lambda heading, lines, webhook=webhook: post(webhook, heading, lines, environment)  # type: ignore[misc]
        for webhook in settings.webhooks
    }
    if settings.email is not None:
        email = settings.email
        senders[EMAIL_CHANNEL] = lambda heading, lines: mail(email, heading, lines, environment)
    return senders


def deliver(alerts: Sequence[Alert], sends: Mapping[str, Send], deployment: str) -> tuple[list[Alert], int]:
    """Send each channel what it has not been sent, in one message; return the alerts after that and the number of failures."""
    after, failed = [{**alert, "message_problem": ""} for alert in alerts], 0
    for channel, send in sends.items():
        news = alerts_to_send(after, channel)
        if not news:
            continue
        try:
            send(title(news, deployment), lines(news))
        except UndeliveredError as problem:
            failed += 1
            for alert in news:
                alert["message_problem"] = "; ".join(filter(None, (alert["message_problem"], f"{channel}: {problem}")))
        else:
            for alert in news:
                alert.update(with_sent_state(alert, channel))
    return after, failed


def _store(lake: Lake, alerts: Sequence[Alert]) -> None:
    lake.write(ALERTS, list(alerts))

"""Judge the monitoring tables by the rules, keep monitoring__alerts, and tell the channels what is new and what is over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from expectations.sql_values import quote, quote_all
from expectations.table import Table
from expectations.tables.monitoring import ALERTS, CALIBRATION, DRIFT, SCORES
from expectations.tables.records import EXTRACTS, VALIDATION
from models.disclosure_control import safe_audit
from pipelines.alerts import rules
from pipelines.alerts.alert_log import OPEN, Alert, due, told, updated
from pipelines.alerts.channels import UndeliveredError, mail, post
from pipelines.alerts.messages import lines, title
from pipelines.alerts.settings import EMAIL_CHANNEL, AlertSettings, RuleSettings
from pipelines.lake.run_record import published_runs
from pipelines.lake.storage import Lake

Send = Callable[[str, Sequence[str]], None]
VOLUME_RULES = "('month_collapsed', 'month_gap')"
RECENT_MONTHS = 13  # before the delivery


def raise_alerts(
    lake: Lake,
    settings: AlertSettings,
    deployment: str,
    outcomes: Sequence[str],
    today: date,
    environment: Mapping[str, str] = os.environ,
    beside: Iterable[rules.Finding] = (),
) -> dict[str, object]:
    """Write monitoring__alerts and send what is due; a message that fails is noted there and tried again the next time.

    `beside` are findings that do not come from the lake.
    Alerts are stored before anything is sent: a process that ends in between sends a message twice rather than never.
    """
    held = lake.read_or_empty(ALERTS).to_pylist()
    alerts = updated(held, [*find(lake, settings.rules, outcomes, today), *beside], today)
    _store(lake, alerts)
    after, failed = deliver(alerts, channels(settings, environment), deployment)
    if after != alerts:
        _store(lake, after)
    opened = [alert for alert in after if alert["state"] == OPEN]
    new = sum(alert["since"] == today for alert in opened)
    return {"open": len(opened), "new_today": new, "messages_failed": failed}


def find(lake: Lake, limits: RuleSettings, outcomes: Sequence[str], today: date) -> Iterator[rules.Finding]:
    """Give what every rule that is on finds in the lake."""
    for outcome in outcomes:
        yield from _of_outcome(lake, limits, outcome, today)
    drift = _latest(lake, DRIFT, "true")
    if limits.feature_shifted is not None:
        yield from rules.shifted_features(drift, limits.feature_shifted)
    if limits.missing_share_jumped is not None:
        yield from rules.jumps_of_missing(drift, limits.missing_share_jumped)
    if limits.volume_collapsed:
        yield from rules.collapsed_volumes(_broken_volumes(lake))


def _of_outcome(lake: Lake, limits: RuleSettings, outcome: str, today: date) -> Iterator[rules.Finding]:
    runs = published_runs(lake, outcome)
    counted = f"outcome = {quote(outcome)} AND run_id IN ({quote_all(run['run_id'] for run in runs)})"
    if limits.list_turnover is not None:
        yield from rules.large_turnover(_latest(lake, SCORES, counted), limits.list_turnover)
    if limits.matured_observed_over_expected is not None:
        matured = _as_it_may_leave(_latest(lake, CALIBRATION, counted))
        yield from rules.poor_calibration(matured, limits.matured_observed_over_expected)
    if limits.scores_stale_days is not None:
        yield from rules.stale_scores(outcome, published_on(runs), today, limits.scores_stale_days)


def channels(settings: AlertSettings, environment: Mapping[str, str] = os.environ) -> dict[str, Send]:
    """Give what sends a message, by channel."""
    found: dict[str, Send] = {
        webhook.name: lambda heading, told, webhook=webhook: post(webhook, heading, told, environment)  # type: ignore[misc]
        for webhook in settings.webhooks
    }
    if settings.email is not None:
        email = settings.email
        found[EMAIL_CHANNEL] = lambda heading, told: mail(email, heading, told, environment)
    return found


def deliver(alerts: Sequence[Alert], sends: Mapping[str, Send], deployment: str) -> tuple[list[Alert], int]:
    """Tell each channel what it has yet to know, in one message each; give the alerts as they then are, and the failures."""
    after, failed = [{**alert, "message_problem": ""} for alert in alerts], 0
    for channel, send in sends.items():
        places = [place for place, alert in enumerate(after) if due([alert], channel)]
        if not places:
            continue
        news = [after[place] for place in places]
        try:
            send(title(news, deployment), lines(news))
        except UndeliveredError as problem:
            failed += 1
            for place in places:
                before = after[place]["message_problem"]
                after[place]["message_problem"] = "; ".join(part for part in (before, f"{channel}: {problem}") if part)
        else:
            for place in places:
                after[place] = told(after[place], channel)
    return after, failed


def _store(lake: Lake, alerts: Sequence[Alert]) -> None:
    lake.write(ALERTS, list(alerts))


def _latest(lake: Lake, table: Table, where: str) -> list[dict[str, Any]]:
    """Give a table's rows of its latest index date."""
    day = lake.read_or_empty(table, "max(index_date) AS day", where)["day"].to_pylist()[0]
    return [] if day is None else lake.read_or_empty(table, where=f"{where} AND index_date = DATE {quote(day)}").to_pylist()


def _as_it_may_leave(calibration: Sequence[Mapping[str, Any]]) -> list[dict[Any, Any]]:
    """Return the measures of matured runs as channels may be told of them."""
    if not calibration:
        return []
    safe = pd.concat([safe_audit(part) for _, part in pd.DataFrame(calibration).groupby("run_id")])
    return safe.astype(object).where(safe.notna(), None).to_dict("records")


def _broken_volumes(lake: Lake) -> list[dict[str, Any]]:
    """Give the worst broken volume rule of each recent month in the latest delivery of each feed.

    Table rules are kept by delivery: their `extract_id` is its day. A gap of years ago stays in monitoring__validation alone.
    """
    latest = f"SELECT feed, max(extract_date) AS day FROM {lake.scan_or_empty(EXTRACTS)} GROUP BY feed"
    recent = f"(feed, extract_id) IN (SELECT (feed, CAST(day AS VARCHAR)) FROM ({latest}))"
    recent += f" AND month >= TRY_CAST(extract_id AS DATE) - INTERVAL {RECENT_MONTHS} MONTH"
    where = f"rule IN {VOLUME_RULES} AND NOT passed AND {recent}"
    columns = 'feed, organisation_code, month, min(share) AS share, arg_min("limit", share) AS "limit"'
    return lake.read_or_empty(VALIDATION, columns, f"{where} GROUP BY ALL", "feed, organisation_code, month").to_pylist()


def published_on(runs: Sequence[Mapping[str, Any]]) -> date | None:
    """Give the day of the last publication."""
    return max((date.fromisoformat(str(run["recorded_at"])[:10]) for run in runs), default=None)

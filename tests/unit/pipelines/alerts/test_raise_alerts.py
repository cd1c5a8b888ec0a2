"""From the monitoring tables to stored alerts and messages: retried after a failure, sent once, recovered."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from expectations.tables.monitoring import ALERTS, CALIBRATION, DRIFT
from expectations.tables.records import EXTRACTS, VALIDATION
from expectations.tables.risk import RUNS
from pipelines.alerts.alert_log import updated_alerts
from pipelines.alerts.channels import UndeliveredError
from pipelines.alerts.notification import MOST_LINES
from pipelines.alerts.raise_alerts import deliver, raise_alerts
from pipelines.alerts.rule_declaration import Finding, Watched
from pipelines.alerts.settings import AlertSettings, RuleSettings, WebhookSettings
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake

OUTCOME, FIRST, SECOND = "emergency", date(2026, 1, 5), date(2026, 1, 6)


def put(lake: Lake, table: Any, rows: list[dict[str, Any]], partition: dict[str, str] | None = None) -> None:
    full = [{field.name: _blank(field) for field in arrow_schema(table)} | row for row in rows]
    lake.write(table, full, partition)


def _blank(field: pa.Field) -> Any:
    return "" if pa.types.is_string(field.type) else None


def put_drift(lake: Lake, psi: float) -> None:
    row = {
        "feature": "age_years",
        "label": "Age",
        "psi": psi,
        "psi_by_chance": 0.0,
        "share_missing_training": 0.0,
        "share_missing": 0.0,
    }
    put(lake, DRIFT, [{**row, "share_missing_change": 0.0}], {"index_date": "2026-01-01", "model_name": "demo"})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    run = {
        "run_id": "r1",
        "status": "published",
        "outcome": OUTCOME,
        "index_date": date(2026, 1, 1),
        "recorded_at": "2026-01-02T05:00:00",
    }
    put(lake, RUNS, [run])
    put_drift(lake, 0.4)
    return lake


def held(lake: Lake) -> list[tuple[str, str, str]]:
    return [
        (row["rule"], row["subject"], row["state"]) for row in lake.read(ALERTS.name, order="rule, subject, since").to_pylist()
    ]


def test_an_alert_opens_stays_and_recovers(lake: Lake) -> None:
    summary = raise_alerts(Watched(lake, [OUTCOME], FIRST), AlertSettings(), "demo", {})
    assert summary == {"open": 1, "new_today": 1, "messages_failed": 0}
    assert raise_alerts(Watched(lake, [OUTCOME], SECOND), AlertSettings(), "demo", {})["new_today"] == 0
    put_drift(lake, 0.05)
    assert raise_alerts(Watched(lake, [OUTCOME], SECOND), AlertSettings(), "demo", {})["open"] == 0
    assert held(lake) == [("feature_shifted", "age_years", "recovered")]


def test_a_rule_that_is_off_finds_nothing(lake: Lake) -> None:
    rules = RuleSettings(feature_shifted=None, scores_stale_days=None)
    assert raise_alerts(Watched(lake, [OUTCOME], date(2027, 1, 1)), AlertSettings(rules=rules), "demo", {})["open"] == 0
    raise_alerts(Watched(lake, [OUTCOME], date(2027, 1, 1)), AlertSettings(), "demo", {})
    assert held(lake) == [("feature_shifted", "age_years", "open"), ("scores_stale", OUTCOME, "open")]


def test_volumes_are_judged_by_recent_months_of_the_latest_delivery_of_each_feed(lake: Lake) -> None:
    deliveries = [("admissions", date(2025, 11, 1)), ("admissions", date(2025, 12, 1)), ("patients", date(2025, 11, 1))]
    put(
        lake,
        EXTRACTS,
        [{"feed": feed, "extract_id": f"{feed}{day}", "extract_date": day, "sequence": 1} for feed, day in deliveries],
    )
    for feed, day in deliveries:
        gap = {
            "rule": "month_gap",
            "organisation_code": f"R{day:%m}",
            "month": date(2025, 10, 1),
            "share": 0.1,
            "limit": 0.2,
            "passed": False,
        }
        collapse = {**gap, "rule": "month_collapsed", "share": 0.05, "limit": 0.5}
        rows = [gap, collapse, {**gap, "month": date(2025, 9, 1), "passed": True}, {**gap, "month": date(2024, 1, 1)}]
        full = [{"severity": "warn", "column_name": "", "note": "", "rows_broken": 1} | row for row in rows]
        lake.write(VALIDATION, full, {"feed": feed, "extract_id": day.isoformat()})
    raise_alerts(Watched(lake, [OUTCOME], FIRST), AlertSettings(), "demo", {})
    found = lake.read(ALERTS.name, "subject, value, limit_value", "rule = 'volume_collapsed'", "subject").to_pylist()
    assert [tuple(row.values()) for row in found] == [("admissions R12 2025-10", 0.05, 0.5), ("patients R11 2025-10", 0.05, 0.5)]


def test_a_message_that_fails_never_fails_the_run_and_is_noted(lake: Lake) -> None:
    settings = AlertSettings(webhooks=(WebhookSettings(name="team", shape="slack", url_variable="HOOK_URL"),))
    summary = raise_alerts(Watched(lake, [OUTCOME], FIRST), settings, "demo", {})
    assert summary == {"open": 1, "new_today": 1, "messages_failed": 1}
    row = lake.read(ALERTS.name).to_pylist()[0]
    assert (row["told_open"], row["message_problem"]) == ("", "team: the environment variable HOOK_URL is not set")


def test_what_failed_is_tried_again_and_what_was_sent_is_not() -> None:
    sent: list[tuple[str, list[str]]] = []
    up = [False]

    def send(heading: str, lines: Sequence[str]) -> None:
        if not up[0]:
            raise UndeliveredError("the webhook answered 500")
        sent.append((heading, list(lines)))

    alerts = updated_alerts([], [Finding("feature_shifted", "age_years", 0.4, 0.25, "moved")], FIRST)
    alerts, failed = deliver(alerts, {"team": send}, "demo")
    assert (failed, alerts[0]["message_problem"]) == (1, "team: the webhook answered 500")
    up[0] = True
    alerts, failed = deliver(alerts, {"team": send}, "demo")
    assert (failed, alerts[0]["message_problem"], alerts[0]["told_open"]) == (0, "", "team")
    alerts, _ = deliver(alerts, {"team": send}, "demo")
    assert len(sent) == 1
    deliver(updated_alerts(alerts, [], SECOND), {"team": send}, "demo")
    assert [heading for heading, _ in sent] == ["Strata demo: alerts 1 new", "Strata demo: alerts 1 recovered"]
    new, over = sent[0][1][0], sent[1][1][0]
    assert all(part in new for part in ("moved", "Since 2026-01-05", "0.4", "limit 0.25", "docs/runbooks/feature_shifted.md"))
    assert over.startswith("RECOVERED Feature shifted - age_years: over since 2026-01-06")


def test_a_flood_is_one_message_of_bounded_length() -> None:
    sent: list[list[str]] = []
    findings = [Finding("feature_shifted", f"feature_{number:03}", 0.4, 0.25, "moved") for number in range(100)]
    deliver(updated_alerts([], findings, FIRST), {"team": lambda _, lines: sent.append(list(lines))}, "demo")
    assert [len(lines) for lines in sent] == [MOST_LINES + 1]
    assert sent[0][-1] == f"{100 - MOST_LINES} more are in monitoring__alerts"


def test_no_message_is_about_a_group_that_would_follow_from_the_others(lake: Lake) -> None:
    """Quintile 3 has four outcomes: its count is hidden, and quintile 2 with it, however bad both are."""
    groups = {
        ("all", "all"): (3000, 300),
        ("imd_quintile", "1"): (1400, 180),
        ("imd_quintile", "2"): (1300, 116),
        ("imd_quintile", "3"): (300, 4),
    }
    rows = [
        {"outcome": OUTCOME, "index_date": date(2026, 1, 1), "group_kind": kind, "group_name": name, "metric": "observed_over_expected",
         "value": 0.5123, "lower": 0.4123, "upper": 0.6123, "people": people, "events": events, "suppressed": False}
        for (kind, name), (people, events) in groups.items()
    ]  # fmt: skip
    put(lake, CALIBRATION, [{**row, "data_cut_date": FIRST} for row in rows], {"run_id": "r1"})
    raise_alerts(Watched(lake, [OUTCOME], FIRST), AlertSettings(), "demo", {})
    alerts = [row for row in lake.read(ALERTS.name).to_pylist() if row["rule"] == "matured_calibration"]
    assert {row["subject"] for row in alerts} == {f"{OUTCOME}: all", f"{OUTCOME}: imd_quintile 1"}
    assert all(row["value"] == float(f"{row['value']:.3g}") for row in alerts)

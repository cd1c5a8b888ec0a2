"""The state of alerts from day to day."""

from datetime import date

from pipelines.alerts.alert_log import alerts_to_send, updated_alerts, with_sent_state
from pipelines.alerts.rule_declaration import Finding

FIRST, SECOND, THIRD = date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)
SHIFT = Finding("feature_shifted", "age_years", 0.3, 0.25, "moved")
WORSE = Finding("feature_shifted", "age_years", 0.5, 0.25, "moved more")
STALE = Finding("scores_stale", "o", 60, 45, "old")


def test_what_is_found_again_stays_one_alert() -> None:
    first = updated_alerts([], [STALE, SHIFT], FIRST)
    assert [(alert["rule"], alert["state"], alert["since"]) for alert in first] == [
        ("feature_shifted", "open", FIRST),
        ("scores_stale", "open", FIRST),
    ]
    second = updated_alerts(first, [WORSE, STALE], SECOND)
    assert len(second) == 2
    assert (second[0]["since"], second[0]["last_seen"], second[0]["value"]) == (FIRST, SECOND, 0.5)
    assert updated_alerts(second, [WORSE, STALE], SECOND) == second


def test_what_is_no_longer_found_has_recovered_and_may_come_back() -> None:
    recovered = updated_alerts(updated_alerts([], [SHIFT], FIRST), [], SECOND)
    assert [(alert["state"], alert["recovered_on"]) for alert in recovered] == [("recovered", SECOND)]
    assert updated_alerts(recovered, [], THIRD) == recovered
    again = updated_alerts(recovered, [SHIFT], THIRD)
    assert [(alert["state"], alert["since"]) for alert in again] == [("recovered", FIRST), ("open", THIRD)]


def test_an_alert_that_comes_back_on_its_first_day_is_the_same_and_is_sent_again() -> None:
    opened = [with_sent_state(alert, "slack") for alert in updated_alerts([], [SHIFT], FIRST)]
    over = [with_sent_state(alert, "slack") for alert in updated_alerts(opened, [], FIRST)]
    back = updated_alerts(over, [SHIFT], FIRST)
    assert [(alert["state"], alert["recovered_on"]) for alert in back] == [("open", None)]
    assert alerts_to_send(back, "slack") == back


def test_a_channel_is_sent_each_state_once() -> None:
    opened = updated_alerts([], [SHIFT], FIRST)
    assert alerts_to_send(opened, "teams") == opened
    known = [with_sent_state(alert, "teams") for alert in opened]
    assert alerts_to_send(known, "teams") == []
    assert alerts_to_send(known, "email") == known
    over = updated_alerts(known, [], SECOND)
    assert alerts_to_send(over, "teams") == over
    assert alerts_to_send(over, "email") == []  # it never heard of the alert
    assert alerts_to_send([with_sent_state(alert, "teams") for alert in over], "teams") == []

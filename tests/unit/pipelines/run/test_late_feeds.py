from datetime import date

import pytest

from pipelines.errors import RefusalError
from pipelines.run.late_feeds import (
    LateFeedSettings,
    days_behind,
    find_late_feeds,
    late_feeds_as_text,
    refuse_late_feeds,
)

CUT = date(2026, 3, 1)
LATEST = {"gp_observations": date(2026, 1, 14), "admissions": date(2026, 1, 15), "patients": CUT}


def settings(**values: object) -> LateFeedSettings:
    return LateFeedSettings.model_validate(values)


@pytest.mark.parametrize(
    ("days", "late"),
    [(45, ["gp_observations"]), (44, ["admissions", "gp_observations"]), (46, []), (1, ["admissions", "gp_observations"])],
)
def test_a_feed_is_late_when_its_latest_delivery_is_more_days_before_the_cut_than_allowed(days: int, late: list[str]) -> None:
    assert list(find_late_feeds(LATEST, CUT, settings(late_after_days=days))) == late


def test_a_required_feed_is_late_compared_with_the_newest_delivery_although_the_data_cut_waits_for_it() -> None:
    latest, required = {"admissions": date(2026, 1, 1), "gp_observations": date(2026, 1, 1), "patients": CUT}, ["admissions"]
    assert list(find_late_feeds(latest, latest["admissions"], settings(required_feeds=required))) == ["admissions"]


def test_no_feed_is_late_where_none_was_delivered() -> None:
    assert find_late_feeds({}, CUT, settings()) == {}


def test_late_feeds_are_named_with_their_day() -> None:
    assert (
        late_feeds_as_text(find_late_feeds(LATEST, CUT, settings(late_after_days=44)))
        == "late feed admissions: latest delivery 2026-01-15; late feed gp_observations: latest delivery 2026-01-14"
    )
    assert late_feeds_as_text({}) == ""


def test_a_run_waits_for_a_late_required_feed_where_the_settings_say_so() -> None:
    late, waits = {"admissions": date(2025, 6, 1)}, settings(late_feed="wait")
    with pytest.raises(
        RefusalError, match="late feed admissions: latest delivery 2025-06-01; the data cut is 2026-03-01: nothing was run"
    ):
        refuse_late_feeds(late, CUT, waits)
    refuse_late_feeds({"gp_observations": date(2025, 6, 1)}, CUT, waits)
    refuse_late_feeds(late, CUT, settings(late_feed="score"))


def test_an_unknown_required_feed_is_named_with_the_feeds_there_are() -> None:
    with pytest.raises(ValueError, match=r"there is no feed admision; the feeds are .*admissions"):
        settings(required_feeds=["admision"])


def test_a_required_feed_is_behind_the_newest_delivery_and_any_other_behind_the_data_cut() -> None:
    late = {"admissions": date(2026, 1, 10), "addresses": date(2025, 11, 1)}
    behind = days_behind(late, date(2026, 2, 10), date(2026, 3, 1), settings(required_feeds=("admissions",)))
    assert behind == {"admissions": 50, "addresses": 101}

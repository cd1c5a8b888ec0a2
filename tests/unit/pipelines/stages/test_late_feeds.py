from datetime import date

import pytest

from pipelines.stages.late_feeds import in_words, late_feeds

LATEST = {"gp_observations": date(2026, 1, 14), "admissions": date(2026, 1, 15), "patients": date(2026, 3, 1)}


@pytest.mark.parametrize(
    ("days", "late"),
    [(45, ["gp_observations"]), (44, ["admissions", "gp_observations"]), (46, []), (1, ["admissions", "gp_observations"])],
)
def test_a_feed_is_late_when_its_latest_delivery_is_more_days_before_the_cut_than_allowed(days: int, late: list[str]) -> None:
    assert list(late_feeds(LATEST, date(2026, 3, 1), days)) == late


def test_late_feeds_are_named_with_their_day() -> None:
    late = late_feeds(LATEST, date(2026, 3, 1), 44)
    assert (
        in_words(late)
        == "late feed admissions: latest delivery 2026-01-15; late feed gp_observations: latest delivery 2026-01-14"
    )
    assert in_words({}) == ""

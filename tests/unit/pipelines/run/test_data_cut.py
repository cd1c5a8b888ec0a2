from datetime import date

import pytest

from pipelines.run.data_cut import earliest_cut
from pipelines.run.late_feeds import LateFeedSettings

CUT = date(2026, 3, 1)
LATEST = {"gp_observations": date(2026, 1, 14), "admissions": date(2026, 1, 15), "patients": CUT}


@pytest.mark.parametrize(
    ("required", "days", "cut"),
    [
        (["admissions"], 45, date(2026, 1, 15)),
        (["patients", "admissions"], 45, date(2026, 1, 15)),
        (["patients", "admissions"], 44, CUT),  # a late feed is not waited for
        (["admissions", "gp_observations"], 44, date(2026, 1, 14)),  # unless every required feed is late
        (["registrations"], 45, CUT),  # the source has none of them
    ],
)
def test_the_data_reach_to_the_earliest_cut_of_the_required_feeds(required: list[str], days: int, cut: date) -> None:
    assert earliest_cut(LATEST, LateFeedSettings(required_feeds=tuple(required), late_after_days=days)) == cut

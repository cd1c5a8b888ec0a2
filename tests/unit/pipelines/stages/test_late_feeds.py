from datetime import date
from pathlib import Path

import pytest

from pipelines.errors import RefusalError
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages.late_feeds import late, late_feeds_as_text, older_than_allowed, refuse_late

CONFIG = """
deployment: a_board
purpose: {{use: planning, approval: DSA 12, approval_expires: 2099-12-31}}
source: {{kind: nhs, nhs: {{landing: extracts}}}}
schedule: {{late_feed: {late_feed}}}
"""

LATEST = {"gp_observations": date(2026, 1, 14), "admissions": date(2026, 1, 15), "patients": date(2026, 3, 1)}


@pytest.mark.parametrize(
    ("days", "late"),
    [(45, ["gp_observations"]), (44, ["admissions", "gp_observations"]), (46, []), (1, ["admissions", "gp_observations"])],
)
def test_a_feed_is_late_when_its_latest_delivery_is_more_days_before_the_cut_than_allowed(days: int, late: list[str]) -> None:
    assert list(older_than_allowed(LATEST, date(2026, 3, 1), days)) == late


def test_late_feeds_are_named_with_their_day() -> None:
    late = older_than_allowed(LATEST, date(2026, 3, 1), 44)
    assert (
        late_feeds_as_text(late)
        == "late feed admissions: latest delivery 2026-01-15; late feed gp_observations: latest delivery 2026-01-14"
    )
    assert late_feeds_as_text({}) == ""


def board_with_a_late_feed(folder: Path, late_feed: str) -> Deployment:
    for file in ("patients/patients_2026-03-01.csv", "admissions/admissions_2025-06-01.csv"):
        path = folder / "extracts" / file
        path.parent.mkdir(parents=True)
        path.write_text("PERSON_ID\n1\n")
    config = folder / "a_board.yaml"
    config.write_text(CONFIG.format(late_feed=late_feed))
    return Deployment(open_deployment(config).settings, folder, folder / "home")


def test_a_run_waits_for_a_late_feed_where_the_settings_say_so(tmp_path: Path) -> None:
    deployment = board_with_a_late_feed(tmp_path, "wait")
    assert late(deployment, date(2026, 3, 2)) == {"admissions": date(2025, 6, 1)}
    with pytest.raises(
        RefusalError, match="late feed admissions: latest delivery 2025-06-01; the data cut is 2026-03-01: nothing was run"
    ):
        refuse_late(deployment, date(2026, 3, 2))


def test_a_run_goes_on_without_a_late_feed_where_the_settings_say_so(tmp_path: Path) -> None:
    refuse_late(board_with_a_late_feed(tmp_path, "score"), date(2026, 3, 2))

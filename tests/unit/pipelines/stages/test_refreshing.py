"""What a refresh records as known: only what its stages applied."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.tables.records import EXTRACTS, VALIDATED_EXTRACTS
from pipelines.extracts.extract_records import read_extracts
from pipelines.lake.storage import Lake
from pipelines.scoring.removals import KnownTo, record_known
from pipelines.stages.refreshing import applied_days, list_tables, take_in
from tests.unit.pipelines.scoring.test_removals import row_of
from tests.unit.pipelines.stages.test_delivery_dates import landed, same

OLD, NEW = date(2026, 1, 1), date(2026, 2, 1)


@pytest.mark.parametrize(
    ("failed", "deaths", "objections"),
    [
        ((), NEW, NEW), (("core__registration",), NEW, NEW), (("core__objection",), NEW, OLD), (("core__person",), OLD, OLD),
        (("core__objection", "core__person"), OLD, OLD), (None, OLD, OLD),
    ],
)  # fmt: skip
def test_a_stage_that_failed_leaves_the_day_that_was_known_before(
    tmp_path: Path, failed: tuple[str, ...] | None, deaths: date, objections: date
) -> None:
    lake = Lake(tmp_path)
    record_known(lake, KnownTo(OLD, OLD))
    for feed in ("patients", "opt_outs"):
        lake.append(EXTRACTS, [row_of(EXTRACTS, feed=feed, extract_id=feed, extract_date=NEW)])
        of_feed = {"feed": feed, "extract_id": feed}
        lake.write(VALIDATED_EXTRACTS, [row_of(VALIDATED_EXTRACTS, **of_feed, status="passed")], of_feed)
    assert applied_days(lake, None if failed is None else frozenset(failed)) == KnownTo(deaths, objections)


@pytest.mark.parametrize(("day", "is_taken_in"), [("2026-01-02", True), ("2026-01-03", False)])
@pytest.mark.parametrize("feed", ["patients", "opt_outs"])
def test_a_refresh_takes_in_no_delivery_far_ahead_of_the_other_feeds(
    tmp_path: Path, feed: str, day: str, is_taken_in: bool
) -> None:
    deployment = landed(tmp_path, {**same("2025-11-01"), "opt_outs": "2025-11-01", feed: day})
    taken = take_in(deployment, list_tables(deployment))
    assert bool(read_extracts(deployment.lake, feed)) == is_taken_in
    assert read_extracts(deployment.lake, "registrations")
    words = f"{feed}/{feed}_{day}.csv: the delivery date {day} is more than 62 days ahead of the other feeds"
    assert (words in taken.stopped.get(feed, "")) != is_taken_in
    assert taken.extracts == (3 if is_taken_in else 2)


def test_a_refresh_reports_the_files_that_it_holds(tmp_path: Path) -> None:
    deployment = landed(tmp_path, {"patients": "2026-02-01"})
    assert "files_held" not in take_in(deployment, list_tables(deployment)).facts
    landed(tmp_path, {"patients": "2026-01-01"})
    (tmp_path / "extracts/patients/patients_2026-01-01.csv").write_text("PERSON_ID\n2\n")
    facts = take_in(deployment, list_tables(deployment)).facts
    assert facts["files_held"] == 1
    assert "strata decide CONFIG late_delivery 'patients 2026-01-01'" in str(facts["warned"])

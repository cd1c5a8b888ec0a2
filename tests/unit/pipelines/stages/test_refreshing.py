"""What a refresh records as known: only what its stages applied."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from expectations.tables.records import EXTRACTS, VALIDATED_EXTRACTS
from pipelines.lake.storage import Lake
from pipelines.scoring.removals import KnownTo, record_known
from pipelines.stages.refreshing import applied_days
from tests.unit.pipelines.scoring.test_removals import row_of

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

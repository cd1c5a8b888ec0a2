"""The organisations are read before the rows of any feed, whose senders are read by their lines."""

from __future__ import annotations

from expectations.tables.core_places import ORGANISATION_LINE
from pipelines.stages.declared import FIRST, STAGES
from pipelines.stages.organisations import conform_organisations
from pipelines.stages.stage import RECORDS_OF_A_FEED


def test_lines_are_written_first_and_every_stage_that_reads_rows_of_a_feed_reads_them() -> None:
    assert conform_organisations in FIRST
    assert conform_organisations not in STAGES
    assert ORGANISATION_LINE in conform_organisations.writes
    assert ORGANISATION_LINE in RECORDS_OF_A_FEED

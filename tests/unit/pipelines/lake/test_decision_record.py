"""The record of decisions: written once, ended by a later one, expired after the last day, imported once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipelines.errors import RefusalError
from pipelines.lake.decision_record import (
    APPROVAL,
    WAIVER,
    Decision,
    all_decisions,
    decisions_that_count,
    import_once,
    record,
    waivers_of,
)
from pipelines.lake.storage import Lake

DAY = date(2026, 2, 1)
APPROVED = Decision(APPROVAL, "study version 3", "Board", "Report read", DAY, "digest")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def rows(lake: Lake) -> int:
    return lake.rows("monitoring__decision")


def test_a_lake_without_decisions_has_none(lake: Lake) -> None:
    assert all_decisions(lake) == []
    assert not lake.exists("monitoring__decision")


def test_a_decision_is_recorded_once_with_the_account_that_recorded_it(lake: Lake) -> None:
    recorded = record(lake, APPROVED)
    assert record(lake, APPROVED) == recorded
    assert all_decisions(lake) == [recorded]
    assert recorded.login
    assert len(recorded.decision_id) == 16
    record(lake, replace(APPROVED, day=date(2026, 3, 1)))
    assert rows(lake) == 2


def test_a_correction_ends_the_earlier_decision_and_both_stay_readable(lake: Lake) -> None:
    first = record(lake, APPROVED)
    second = record(lake, replace(APPROVED, reason="Report of version 3 read"), ends=first.decision_id)
    assert [one.decision_id for one in decisions_that_count(lake, APPROVAL, DAY)] == [second.decision_id]
    assert [(one.reason, one.ended_by) for one in all_decisions(lake)] == [
        ("Report read", second.decision_id),
        ("Report of version 3 read", ""),
    ]
    assert rows(lake) == 3  # nothing was changed: the end is a row more
    with pytest.raises(RefusalError, match="was ended before"):
        record(lake, APPROVED, ends=first.decision_id)
    with pytest.raises(RefusalError, match="there is no decision 'x' to end"):
        record(lake, APPROVED, ends="x")


def test_a_decision_counts_through_its_last_day(lake: Lake) -> None:
    record(lake, replace(APPROVED, expires=date(2026, 2, 28)))
    assert len(decisions_that_count(lake, APPROVAL, date(2026, 2, 28))) == 1
    assert decisions_that_count(lake, APPROVAL, date(2026, 3, 1)) == []
    assert decisions_that_count(lake, WAIVER, DAY) == []


def test_what_settings_hold_is_imported_once_and_never_again_after_it_was_ended(lake: Lake) -> None:
    assert import_once(lake, [APPROVED, APPROVED], dated=True) == 1
    assert import_once(lake, [APPROVED], dated=True) == 0
    imported = all_decisions(lake)[0]
    record(lake, replace(APPROVED, reason="Withdrawn"), ends=imported.decision_id)
    assert import_once(lake, [APPROVED], dated=True) == 0
    assert import_once(lake, [replace(APPROVED, day=date(2026, 3, 1))], dated=True) == 1
    assert import_once(lake, [replace(APPROVED, day=date(2026, 3, 1))], dated=False) == 1  # the day is not part of it
    assert import_once(lake, [replace(APPROVED, day=date(2026, 4, 1))], dated=False) == 0


def test_waivers_are_found_by_the_model_and_named_by_their_gate(lake: Lake) -> None:
    waiver = Decision(WAIVER, "study version 3 gate calibration_slope", "Board", "Few events", DAY, "digest", date(2026, 6, 30))
    record(lake, waiver)
    assert list(waivers_of(lake, "digest", DAY)) == ["calibration_slope"]
    assert waivers_of(lake, "another", DAY) == waivers_of(lake, "digest", date(2026, 7, 1)) == {}

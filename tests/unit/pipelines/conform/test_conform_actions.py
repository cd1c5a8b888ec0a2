"""What teams did, from the feed's text to risk__actions; a feed that is absent says nothing."""

from datetime import date
from pathlib import Path

import pytest

from expectations.tables.caseload import ACTIONS
from expectations.tables.raw_common import YES, YES_NO
from pipelines.conform.actions import conform_actions
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

ROWS = """(SELECT * FROM (VALUES
    ('1', 'aaaaaaaa', 'p1', 'Y00001', '1', 'Y', 'ACCEPTED', NULL, 'CARE_PLAN', DATE '2025-05-01', DATE '2025-08-01'),
    ('2', 'aaaaaaaa', 'p2', 'Y00001', 'TRUE', 'N', 'DECLINED', 'NO_CAPACITY', 'NONE', DATE '2025-05-02', NULL),
    ('3', 'aaaaaaaa', 'p3', 'Y00001', NULL, NULL, NULL, NULL, NULL, DATE '2025-05-03', NULL)
) AS sent (record_id, run_id, person_id, practice_code, listed, reviewed, decision, reason, action, action_date, end_date))"""


def test_decisions_actions_and_flags_are_typed(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with connect() as con:
        assert conform_actions(lake, con, {"actions": ROWS}) == {"actions": 3, "people": 3, "accepted": 1, "declined": 1}
    first, second, third = lake.read(ACTIONS.name, order="record_id").to_pylist()
    assert (first["reviewed"], first["decision"], first["action"], first["end_date"]) == (
        True,
        "accepted",
        "care_plan",
        date(2025, 8, 1),
    )
    assert (second["listed"], second["reviewed"], second["reason"], second["action"]) == (True, False, "no_capacity", None)
    assert (third["listed"], third["decision"]) == (None, None)


@pytest.mark.parametrize("value", [*YES_NO, None])
def test_every_word_for_yes_and_no_that_passes_validation_is_read(tmp_path: Path, value: str | None) -> None:
    lake = Lake(tmp_path)
    word = f"'{value}'" if value else "NULL"
    with connect() as con:
        conform_actions(lake, con, {"actions": ROWS.replace("'1', 'Y', 'ACCEPTED'", f"{word}, {word}, 'ACCEPTED'")})
    first = lake.read(ACTIONS.name, order="record_id").to_pylist()[0]
    assert (first["listed"], first["reviewed"]) == ((value in YES,) * 2 if value else (None, None))


def test_without_the_feed_nothing_is_known(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with connect() as con:
        assert conform_actions(lake, con, {}) == {"actions": 0}
    assert lake.rows(ACTIONS.name) == 0

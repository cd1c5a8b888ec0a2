"""Since when the records of a sender are known: a sender that joins with a later delivery was silent before."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from expectations.tables import core
from features.events import FEED_NUMBER, NUMBER_OF
from pipelines.conform.volumes import known_since_sql
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

FIRST, SECOND = date(2025, 1, 10), date(2025, 2, 10)  # deliveries
SENDERS = ("Y00001", "Y00002")


def events(sender: int, delivered: date, days: range, lag: int = 10) -> list[dict[str, object]]:
    """Return an event for each day before a delivery, known after a lag, or with the delivery if it is a later one."""
    found = []
    for back in days:
        day = delivered - timedelta(days=back)
        known = day + timedelta(days=lag)
        known = known if delivered == FIRST else max(known, delivered - timedelta(days=1))
        found.append(
            {
                "person_key": 1, "event_date": day, "available_date": known, "event_type": NUMBER_OF["gp_observation"], "code": 0,
                "value": None, "provider": sender, "feed": FEED_NUMBER["gp_observations"], "superseded_date": None,
            }
        )  # fmt: skip
    return found


def known_since(
    folder: Path, rows: list[dict[str, object]], superseded: list[dict[str, object]] | None = None
) -> dict[str, date]:
    lake = Lake(folder)
    names = {column.name for column in core.EVENT.columns}
    lake.write(core.EVENT, [{name: value for name, value in row.items() if name in names} for row in rows])
    lake.write(core.EVENT_SUPERSEDED, [{**row, "superseded_date": SECOND} for row in superseded or []])
    lake.write(core.CODE, [{"code": place + 1, "code_system": "ods", "source_code": code} for place, code in enumerate(SENDERS)])
    with connect() as con:
        return {code: day.date() if hasattr(day, "date") else day for _, code, day in con.sql(known_since_sql(lake)).fetchall()}


STEADY = events(1, FIRST, range(1, 800)) + events(1, SECOND, range(1, 31))


def test_a_sender_that_joins_with_a_later_delivery_is_known_since_then(tmp_path: Path) -> None:
    late = events(2, SECOND, range(1, 800))
    assert known_since(tmp_path, STEADY + late) == {"Y00002": SECOND}


@pytest.mark.parametrize(("early", "since"), [(1, {"Y00002": SECOND}), (100, {"Y00002": SECOND}), (700, {})])
def test_a_few_early_records_do_not_make_a_sender_known(tmp_path: Path, early: int, since: dict[str, date]) -> None:
    rows = events(2, FIRST, range(40, 40 + early)) + events(2, SECOND, range(1, 800))
    assert known_since(tmp_path, STEADY + rows) == since


def test_late_records_and_lags_of_a_steady_sender_change_nothing(tmp_path: Path) -> None:
    corrections = events(1, SECOND, range(32, 700, 5))
    slow = events(2, FIRST, range(1, 800), lag=60)
    assert known_since(tmp_path, STEADY + corrections + slow) == {}


def test_a_sender_that_gives_its_records_new_numbers_was_known_before(tmp_path: Path) -> None:
    again = events(1, SECOND, range(1, 800))
    assert known_since(tmp_path, again, superseded=STEADY) == {}

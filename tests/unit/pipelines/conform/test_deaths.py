"""Activity after death, and the digest that binds a decision to a death in review."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest

from expectations.tables import core
from pipelines.conform.deaths import (
    DeathSettings,
    activity_after_death,
    alive_sql,
    check_activity,
    review_digest,
    review_digest_sql,
)
from pipelines.errors import ValidationStop
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake

DIED = date(2024, 2, 3)


@pytest.mark.parametrize("day", [DIED, None])
def test_the_digest_in_sql_is_that_in_python(day: date | None) -> None:
    literal = f"DATE '{day}'" if day else "CAST(NULL AS DATE)"
    assert duckdb.sql(f"SELECT {review_digest_sql('17', literal)}").fetchall() == [(review_digest(17, day),)]
    assert review_digest(17, DIED) != review_digest(17, None)


def test_accepted_people_are_rows() -> None:
    assert duckdb.sql(f"FROM {alive_sql([(1, 'a'), (2, 'b')])} ORDER BY 1").fetchall() == [(1, "a"), (2, "b")]
    assert duckdb.sql(f"FROM {alive_sql([])}").fetchall() == []


def test_events_later_than_late_entries_count_as_activity_after_death(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    flags = dict.fromkeys(("death_not_readable", "type_1_opt_out", "national_data_opt_out"), False)
    empty = dict.fromkeys(column.name for column in core.PERSON.columns)
    people = [{**empty, **flags, "person_key": key, "person_id": f"p{key}", "death_date": DIED if key else None, "on_list": True} for key in range(4)]  # fmt: skip
    lake.write(core.PERSON, people)
    days = {0: [date(2025, 1, 1)], 1: [date(2024, 2, 1), date(2024, 3, 4)], 2: [date(2024, 3, 5), date(2025, 1, 1)], 3: []}
    rows = [
        {
            "person_key": key,
            "event_date": day,
            "available_date": day,
            "event_type": 1,
            "code": 0,
            "value": None,
            "provider": 0,
            "feed": 5,
        }
        for key, of_person in days.items()
        for day in of_person
    ]
    lake.write(core.EVENT, rows)
    with connect() as con:
        assert activity_after_death(lake, con, DeathSettings()) == (3, 1)
        assert activity_after_death(lake, con, DeathSettings(activity_days=0)) == (3, 2)
        assert activity_after_death(Lake(tmp_path / "new"), con, DeathSettings()) == (0, 0)


@pytest.mark.parametrize(
    ("people", "active", "stops"), [(100, 11, True), (100, 10, False), (20, 9, False), (10, 10, True), (0, 0, False)]
)
def test_a_large_share_of_the_dead_with_activity_stops(people: int, active: int, stops: bool) -> None:
    if not stops:
        check_activity(people, active, DeathSettings())
        return
    with pytest.raises(ValidationStop, match=r"conform\.deaths\.activity_share"):
        check_activity(people, active, DeathSettings())

"""People who were removed from what readers see are in no table of the database, whichever command follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import psycopg
import pyarrow as pa
import pytest

from expectations.tables import core
from expectations.tables.caseload import REMOVED
from pipelines.lake.storage import Lake
from pipelines.postgres.follow import follow, reload
from pipelines.scoring.removals import record_removals

pytestmark = pytest.mark.slow

TABLES = (
    "scores",
    "drivers",
    "caseload",
    "rising",
    "current",
    "history",
    "current_caseload",
    "current_drivers",
    "current_rising",
)


def seen(database: str, person: str) -> int:
    with psycopg.connect(database) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM strata.risk__{name} WHERE person_id = %s", (person,)) for name in TABLES
        ]
        return sum(row[0] for count in counts for row in count.fetchall())


def test_removed_people_leave_the_database_and_do_not_return(
    lake: Lake, publish: Callable[..., str], rows: Callable[..., pa.Table], database: str
) -> None:
    publish(lake, 1, people=20)
    follow(lake, database)
    assert seen(database, "p0000003") == seen(database, "p0000004") == len(TABLES)
    lake.write(
        core.PERSON,
        rows(
            core.PERSON, 20, person_key=lambda row: row, person_id=lambda row: f"p{row:07d}", death_not_readable=False, on_list=True,
            type_1_opt_out=False, national_data_opt_out=False, suppression=None, death_date=lambda row: date(2026, 1, 2) if row == 3 else None,
        ),
    )  # fmt: skip
    lake.write(core.REGISTRATION, rows(core.REGISTRATION, 20, person_key=lambda row: row, end_date=None, end_not_readable=False))
    assert record_removals(lake) == {"died": 1}
    assert lake.rows(REMOVED.name) == 1
    for command in (follow, follow, reload):
        command(lake, database)
        assert (seen(database, "p0000003"), seen(database, "p0000004")) == (0, len(TABLES))
    publish(lake, 2, people=20)
    assert follow(lake, database).loaded
    assert (seen(database, "p0000003"), seen(database, "p0000004")) == (0, len(TABLES) + 5)

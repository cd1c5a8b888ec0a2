"""Runs whose rows have changed since they were loaded, as after a rotation of the pseudonym key."""

from collections.abc import Callable

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from expectations.tables import risk
from pipelines.errors import PublishingError
from pipelines.lake.storage import Lake
from pipelines.postgres import follow as following
from pipelines.postgres.follow import follow, reload

pytestmark = pytest.mark.slow


def renamed(lake: Lake, run_id: str) -> None:
    """Replace the pseudonym of everyone in a run of the lake."""
    rows = lake.read(risk.SCORES.name, order="person_id", partition={"run_id": run_id})
    place = rows.column_names.index("person_id")
    names = pc.binary_join_element_wise(pa.scalar("new"), rows["person_id"], "")
    lake.write(risk.SCORES, rows.set_column(place, "person_id", names), {"run_id": run_id})


def people(database: str) -> set[tuple[str, str]]:
    with psycopg.connect(database) as connection:
        return set(connection.execute("SELECT run_id, left(person_id, 3) FROM strata.risk__scores").fetchall())


def test_a_loaded_run_is_reloaded_completely_or_not_changed(
    lake: Lake, publish: Callable[..., str], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = publish(lake, 0, people=20), publish(lake, 1, people=20)
    follow(lake, database)
    renamed(lake, first)
    renamed(lake, second)
    assert people(database) == {(first, "p00"), (second, "p00")}
    with monkeypatch.context() as patch:
        patch.setattr(following, "_record", cut_off)
        with pytest.raises(PublishingError, match="run the command again"):
            reload(lake, database)
    assert people(database) == {(first, "p00"), (second, "p00")}
    done = reload(lake, database)
    assert sorted(done.loaded) == sorted([first, second])
    assert people(database) == {(first, "new"), (second, "new")}
    assert follow(lake, database).loaded == []


def cut_off(*_: object) -> None:
    raise psycopg.OperationalError("the server went away")

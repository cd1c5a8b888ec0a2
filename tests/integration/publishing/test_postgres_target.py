"""PostgreSQL as a target: the rows of the lake, complete runs or nothing, and readers who see only what they may."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from expectations.table import Table
from expectations.tables import risk
from pipelines.errors import PublishingError, SettingsError
from pipelines.lake.storage import Lake
from pipelines.postgres.follow import erase, follow
from pipelines.postgres.settings import PostgresSettings, connection_string
from pipelines.postgres.tables import RUN_TABLES, RUNS, analyst_tables

Publish = Callable[..., str]


def ask(database: str, query: str, role: str = "") -> list[tuple[object, ...]]:
    with psycopg.connect(database) as connection:
        if role:
            connection.execute(f"SET ROLE {role}")  # type: ignore[arg-type]
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


# --- content ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", RUN_TABLES, ids=lambda table: table.name)
def test_a_run_is_the_same_in_the_database_and_in_the_lake(
    table: risk.Table, lake: Lake, publish: Publish, database: str
) -> None:
    run_id = publish(lake, 1)

    done = follow(lake, database)

    names = [column.name for column in table.columns]
    stored = ask(database, f'SELECT {", ".join(names)} FROM strata.{table.name} ORDER BY person_id COLLATE "C"')
    expected = lake.read(table.name, ", ".join(names), order="person_id", partition={"run_id": run_id}).to_pylist()
    assert stored == [
        tuple(row[name] for name in names) for row in expected
    ]  # the same risks bit for bit, and '' differs from null
    assert done.loaded == [run_id]


def test_publishing_again_adds_only_new_runs(lake: Lake, publish: Publish, database: str) -> None:
    first = publish(lake, 1)
    follow(lake, database)
    assert follow(lake, database).loaded == []

    second = publish(lake, 2)

    assert follow(lake, database).loaded == [second]
    assert ask(database, "SELECT DISTINCT run_id FROM strata.risk__history ORDER BY 1") == [(first,), (second,)]
    assert ask(database, "SELECT DISTINCT run_id FROM strata.risk__current") == [(second,)]


def test_a_withdrawn_run_is_replaced_by_the_one_before(lake: Lake, publish: Publish, database: str) -> None:
    first, second = publish(lake, 1), publish(lake, 2)
    follow(lake, database)

    publish(lake, 2, status="withdrawn", scores=False)
    done = follow(lake, database)

    assert done.withdrawn == [second]
    assert ask(database, "SELECT DISTINCT run_id FROM strata.risk__current") == [(first,)]
    assert ask(database, "SELECT DISTINCT run_id FROM strata.risk__history") == [(first,)]


def test_a_wrong_run_dated_ahead_hides_no_later_one(lake: Lake, publish: Publish, database: str) -> None:
    wrong, right = publish(lake, 1, day=date(2062, 1, 1)), publish(lake, 2)
    follow(lake, database)
    views = ("risk__current", "risk__current_caseload", "risk__current_rising", "risk__current_drivers")
    for view in views:
        assert ask(database, f"SELECT DISTINCT run_id FROM strata.{view}") == [(right,)]
    publish(lake, 2, status="withdrawn", scores=False)
    follow(lake, database)
    for view in views:
        assert ask(database, f"SELECT DISTINCT run_id FROM strata.{view}") == [(wrong,)]


TYPES = {
    "string": "text", "date32": "date", "bool": "boolean", "int8": "smallint", "int16": "smallint", "int32": "integer",
    "int64": "bigint", "float32": "real", "float64": "double precision",
}  # fmt: skip


def column_types(table: Table) -> dict[str, str]:
    """Return the PostgreSQL type of each column of a declared table, in order."""
    return {column.name: TYPES[column.arrow_type] for column in table.columns}


def test_the_database_has_the_columns_that_are_declared(lake: Lake, database: str) -> None:
    follow(lake, database)
    kinds: dict[str, dict[str, str]] = {}
    for table, column, kind in ask(
        database,
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'strata' ORDER BY ordinal_position",
    ):
        kinds.setdefault(str(table), {})[str(column)] = str(kind)
    assert {table.name: kinds.get(table.name) for table in (RUNS, *RUN_TABLES, *analyst_tables())} == {
        table.name: column_types(table) for table in (RUNS, *RUN_TABLES, *analyst_tables())
    }, "a declared table changed: add a migration"
    for view in ("risk__current", "risk__history"):
        assert kinds[view] == column_types(risk.SCORES), (
            f"replace the view {view} in the migration: its columns were fixed when it was made"
        )


def test_every_table_for_analysts_is_loaded_with_any_column_names(lake: Lake, rows: Callable[..., Any], database: str) -> None:
    tables = analyst_tables()
    for table in tables:
        row = rows(table, 1)
        part = {name: str(row[name][0].as_py()) for name in table.partitioned_by}
        lake.write(table, row, part or None)
    assert follow(lake, database).tables_replaced == [table.name for table in tables]
    assert {ask(database, f"SELECT count(*) FROM strata.{table.name}")[0] for table in tables} == {(1,)}


# --- complete runs or nothing --------------------------------------------------------------------------------------------


def test_readers_see_complete_runs_while_others_are_loaded(lake: Lake, publish: Publish, database: str) -> None:
    people = 5_000
    publish(lake, 0, people)
    follow(lake, database)
    seen: list[tuple[object, ...]] = []
    ended = threading.Event()

    def read() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while not ended.is_set():
                seen.extend(connection.execute("SELECT run_id, count(*) FROM strata.risk__current GROUP BY run_id").fetchall())

    reader = threading.Thread(target=read)
    reader.start()
    runs = [publish(lake, number, people) for number in (1, 2)]
    follow(lake, database)
    time.sleep(0.1)
    ended.set()
    reader.join()

    assert {count for _, count in seen} == {people}
    assert seen[-1] == (runs[-1], people)


def test_a_run_waits_for_a_reader_who_began_before_it(lake: Lake, publish: Publish, database: str) -> None:
    first = publish(lake, 1)
    follow(lake, database)
    second = publish(lake, 2)
    with psycopg.connect(database) as reading:
        current = "SELECT DISTINCT run_id FROM strata.risk__current"
        assert reading.execute(current).fetchall() == [(first,)]
        following = threading.Thread(target=follow, args=(lake, database))
        following.start()
        time.sleep(0.5)
        assert reading.execute(current).fetchall() == [(first,)]  # never a run in risk__runs without its rows
        reading.commit()
        following.join()
    assert ask(database, current) == [(second,)]


def test_a_connection_lost_in_mid_copy_leaves_nothing_and_publishing_again_repairs_it(
    lake: Lake, publish: Publish, database: str
) -> None:
    before = publish(lake, 1)
    follow(lake, database)
    run_id = publish(lake, 2, 40_000)
    lost: list[object] = []

    def cut() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while not lost:
                lost.extend(
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_progress_copy WHERE tuples_processed > 1000"
                    ).fetchall()
                )

    killer = threading.Thread(target=cut)
    killer.start()
    with pytest.raises(PublishingError, match="published in the lake, and not all of them in PostgreSQL"):
        follow(lake, database)
    killer.join()

    assert ask(database, "SELECT DISTINCT run_id FROM strata.risk__current") == [(before,)]
    assert ask(database, f"SELECT to_regclass('strata.risk__scores__{run_id}')") == [(None,)]
    assert follow(lake, database).loaded == [run_id]
    assert ask(database, "SELECT count(*) FROM strata.risk__current") == [(40_000,)]


def test_a_lake_with_a_damaged_file_publishes_nothing(lake: Lake, publish: Publish, database: str) -> None:
    before = publish(lake, 1)
    follow(lake, database)
    run_id = publish(lake, 2, 2_000)
    (file,) = lake.files(risk.SCORES.name, {"run_id": run_id})
    content = Path(file).read_bytes()
    Path(file).write_bytes(
        content[: len(content) // 2] + bytes(len(content) // 4) + content[len(content) // 2 + len(content) // 4 :]
    )

    with pytest.raises(PublishingError, match="could not be read"):
        follow(lake, database)

    assert ask(database, "SELECT DISTINCT run_id FROM strata.risk__current") == [(before,)]
    Path(file).write_bytes(content)
    assert follow(lake, database).loaded == [run_id]


def test_the_error_of_a_missing_server_names_it_and_the_lake_is_unchanged(lake: Lake, publish: Publish) -> None:
    publish(lake, 1)
    with pytest.raises(PublishingError, match=r"run `strata publish`"):
        follow(lake, "host=/nonexistent dbname=board connect_timeout=2")
    assert lake.rows(risk.RUNS.name) == 1


def test_two_followers_at_once_load_each_run_once(lake: Lake, publish: Publish, database: str) -> None:
    run_id = publish(lake, 1)
    loaded: list[str] = []
    both = [threading.Thread(target=lambda: loaded.extend(follow(lake, database).loaded)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert loaded == [run_id]


# --- who may read what ------------------------------------------------------------------------------------------------

SCORES = ("risk__current", "risk__history", "risk__published", "risk__current_run")
HIDDEN = (
    "risk__scores", "risk__drivers", "risk__runs", "risk__current_drivers", "risk__scores__000000000001", "risk__caseload",
    "risk__current_caseload", "risk__rising", "risk__current_rising",
)  # fmt: skip


@pytest.mark.parametrize("role", ["strata_reader", "strata_analyst"])
def test_roles_see_scores_only_through_views(role: str, lake: Lake, publish: Publish, database: str) -> None:
    publish(lake, 1)
    follow(lake, database)
    for view in SCORES:
        assert ask(database, f"SELECT count(*) > 0 FROM strata.{view}", role) == [(True,)]
    for table in HIDDEN:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(database, f"SELECT 1 FROM strata.{table}", role)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(database, "DELETE FROM strata.risk__current", role)


def test_audit_and_monitoring_are_for_analysts(lake: Lake, database: str) -> None:
    follow(lake, database)
    for table in analyst_tables():
        ask(database, f"SELECT 1 FROM strata.{table.name}", "strata_analyst")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(database, f"SELECT 1 FROM strata.{table.name}", "strata_reader")


def test_a_writer_who_is_no_superuser_can_follow(lake: Lake, publish: Publish, database: str) -> None:
    follow(lake, database)  # the database administrator creates the schema and the roles
    with psycopg.connect(database) as connection:
        connection.execute("DROP ROLE IF EXISTS pipeline")
        connection.execute("CREATE ROLE pipeline LOGIN IN ROLE strata_writer")
    run_id = publish(lake, 1)
    assert follow(lake, psycopg.conninfo.make_conninfo(database, user="pipeline")).loaded == [run_id]


# --- connection ------------------------------------------------------------------------------------------------


def test_the_error_of_a_missing_address_names_its_variable() -> None:
    with pytest.raises(SettingsError, match="STRATA_POSTGRES_DSN is not set"):
        connection_string(PostgresSettings(), {})


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
def test_scores_do_not_cross_a_network_unencrypted(mode: str) -> None:
    dsn = f"postgresql://strata:secret@db.example/board?sslmode={mode}"
    with pytest.raises(SettingsError, match=f"sslmode={mode}") as refused:
        connection_string(PostgresSettings(), {"STRATA_POSTGRES_DSN": dsn})
    assert "secret" not in str(refused.value)


def test_encryption_is_required_over_a_network_and_not_on_a_socket() -> None:
    over_network = connection_string(PostgresSettings(), {"STRATA_POSTGRES_DSN": "postgresql://db.example/board"})
    on_a_socket = connection_string(PostgresSettings(), {"STRATA_POSTGRES_DSN": "host=/run/postgresql dbname=board"})
    assert "sslmode=require" in over_network
    assert "sslmode" not in on_a_socket


def test_an_unreadable_address_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        connection_string(PostgresSettings(), {"STRATA_POSTGRES_DSN": "postgres password=hunter2 ="})
    assert "hunter2" not in str(refused.value)


# --- removal ---------------------------------------------------------------------------------------------


def test_a_removed_runs_rows_leave_the_database(lake: Lake, publish: Publish, database: str) -> None:
    first, second = publish(lake, 1), publish(lake, 2)
    follow(lake, database)
    publish(lake, 1, status="removed", scores=False)
    assert follow(lake, database).withdrawn == [first]
    assert ask(database, "SELECT DISTINCT run_id FROM strata.risk__scores") == [(second,)]
    assert ask(database, f"SELECT to_regclass('strata.risk__drivers__{first}')") == [(None,)]


def test_an_erased_person_leaves_every_run_of_the_database(lake: Lake, publish: Publish, database: str) -> None:
    publish(lake, 1, people=5)
    publish(lake, 2, people=5)
    follow(lake, database)
    before = ask(database, "SELECT count(*) FROM strata.risk__scores")
    removed = erase(database, "p0000003")
    assert removed == 2 * len(RUN_TABLES)
    assert ask(database, "SELECT count(*) FROM strata.risk__scores WHERE person_id = 'p0000003'") == [(0,)]
    assert ask(database, "SELECT count(*) FROM strata.risk__scores") == [(before[0][0] - 2,)]  # type: ignore[operator]
    assert erase(database, "p0000003") == 0

"""Copy published runs from the lake to the database: a run is there completely or not at all.

The lake publishes first: its `risk__runs` is the commit point. The database follows, run by run, each in one transaction. The
run's partitions are loaded separately and attached, and its row in `risk__runs` is written, all at once. After a failure, follow
again: what the database lacks is added, and what it has stays as it is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow.csv import WriteOptions, write_csv
from sqlalchemy.exc import DBAPIError

from expectations.sql_values import quote_all
from expectations.table import Table
from pipelines.errors import PublishingError
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.run_record import all_runs
from pipelines.lake.storage import Lake
from pipelines.postgres.schema import migrate
from pipelines.postgres.tables import RUN_TABLES, RUNS, SCHEMA, analyst_tables
from pipelines.scoring.removals import removed_people

LOCK = 0x5354524154  # one follower at a time
LOCK_TRIES = 300  # of a second each, and a second between: longer than any reader should take
ROWS_AT_ONCE = 16_384  # about 8 MB of scores
_RUN_ID = re.compile(r"[0-9a-f]{8,64}")


@dataclass
class Followed:
    """What was loaded, withdrawn, removed and replaced in the database."""

    loaded: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    rows: int = 0
    people_removed: int = 0
    tables_replaced: list[str] = field(default_factory=list)


def follow(lake: Lake, conninfo: str) -> Followed:
    """Bring the database to the lake's published runs; a PublishingError says what to do where that fails."""
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            migrate(conninfo)
            connection.execute("SET ROLE strata_writer")  # so that the tables have one owner, whichever account loads them
            return _follow(lake, connection)
    except (psycopg.Error, DBAPIError) as error:
        raise PublishingError(
            f"the scores are published in the lake, and not all of them in PostgreSQL: {_reason(error)} "
            "Readers of the database still see the run before. Fix the database and run `strata publish`: it adds what is missing"
        ) from None


def _follow(lake: Lake, connection: psycopg.Connection) -> Followed:
    done, removed = Followed(), removed_people(lake)
    done.people_removed = _remove(connection, removed)
    recorded = {(row[0], row[1], row[2]) for row in _known_runs(connection)}
    rows = all_runs(lake)
    latest = {row["run_id"]: row["status"] for row in rows}
    for row in rows:
        if (row["run_id"], row["status"], row["recorded_at"]) not in recorded:
            is_published = row["status"] == "published" and latest[row["run_id"]] == "published"
            _follow_run(lake, connection, row, removed if is_published else None, done)
    for table in analyst_tables():
        if lake.exists(table.name):
            _replace(lake, connection, table)
            done.tables_replaced.append(table.name)
    return done


def state(conninfo: str) -> object:
    """Return what the database holds: its runs and the number of rows of each analysts' table; a word if it does not answer."""
    counts = sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}, (SELECT count(*) FROM {})").format(sql.Literal(table.name), _place(table.name))
        for table in analyst_tables()
    )
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            return [sorted(map(str, _known_runs(connection))), sorted(map(str, connection.execute(counts).fetchall()))]
    except psycopg.Error:
        return "does not answer, or was not set up yet"


def _follow_run(
    lake: Lake, connection: psycopg.Connection, row: Mapping[str, Any], removed: Sequence[str] | None, done: Followed
) -> None:
    """Bring one row of risk__runs to the database, with the run's partitions, in one transaction.

    `removed` are people who do not come with a published run; None for a run that is not published.
    """
    with connection.transaction():
        if removed is not None:
            tables = [table for table in RUN_TABLES if lake.exists(table.name)]
            done.rows += sum(_load_apart(lake, connection, table, row["run_id"], removed) for table in tables)
            _attach(connection, tables, row["run_id"])
            done.loaded.append(row["run_id"])
        else:
            done.withdrawn.append(row["run_id"])
            if row["status"] == "removed":
                _drop(connection, row["run_id"])
        _record(connection, row)


def _replace(lake: Lake, connection: psycopg.Connection, table: Table) -> None:
    """Replace the rows of an analyst's table."""
    with connection.transaction():
        connection.execute(sql.SQL("DELETE FROM {}").format(_place(table.name)))
        _copy(connection, table, _place(table.name), lake.scan(table.name))


def reload(lake: Lake, conninfo: str) -> Followed:
    """Load every run again in one transaction, after a change in runs that are there; readers see all changes at once."""
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
            migrate(conninfo)
            connection.execute("SET ROLE strata_writer")
            with connection.transaction():
                _keep_readers_out(connection, RUN_TABLES)
                for run_id in {run_id for run_id, *_ in _known_runs(connection)}:
                    _drop(connection, run_id)
                connection.execute(sql.SQL("DELETE FROM {}").format(_place(RUNS.name)))
                return _follow(lake, connection)
    except (psycopg.Error, DBAPIError) as error:
        raise PublishingError(
            f"the lake is changed and PostgreSQL is not yet: {_reason(error)} Readers of the database still see the earlier state. "
            "Fix the database and run the command again: it completes what is missing"
        ) from None


def erase(conninfo: str, person_id: str) -> int:
    """Delete a person's rows from every run in the database and return their number."""
    try:
        with psycopg.connect(conninfo) as connection:
            connection.execute("SET ROLE strata_writer")
            return _delete(connection, [person_id])
    except psycopg.Error as error:
        raise PublishingError(
            f"the person is erased from the lake and not yet from PostgreSQL: {_reason(error)} Fix the database and run the command again"
        ) from None


def _remove(connection: psycopg.Connection, removed: Sequence[str]) -> int:
    """Delete the people who were removed from what readers see, in one transaction; return how many the current scores had."""
    if not removed:
        return 0
    with connection.transaction():
        shown = sql.SQL("SELECT count(DISTINCT person_id) FROM {} WHERE person_id = ANY(%s)").format(_place("risk__current"))
        ((people,),) = connection.execute(shown, (list(removed),)).fetchall()
        _delete(connection, removed)
    return int(people)


def _delete(connection: psycopg.Connection, people: Sequence[str]) -> int:
    """Delete people's rows from every run, and return the number of rows."""
    statement = "DELETE FROM {} WHERE person_id = ANY(%s)"
    return sum(
        connection.execute(sql.SQL(statement).format(_place(table.name)), (list(people),)).rowcount for table in RUN_TABLES
    )


def _drop(connection: psycopg.Connection, run_id: str) -> None:
    """Drop a run's partitions, where they were ever loaded."""
    for table in RUN_TABLES:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_place(f"{table.name}__{run_id}")))


def _known_runs(connection: psycopg.Connection) -> list[tuple[str, str, str]]:
    return connection.execute(
        sql.SQL("SELECT run_id, status, recorded_at FROM {}").format(_place(RUNS.name))
    ).fetchall()  # fmt: skip


def _load_apart(lake: Lake, connection: psycopg.Connection, table: Table, run_id: str, removed: Sequence[str]) -> int:
    """Load a run's rows into a separate table, which no reader sees before the transaction ends."""
    if not _RUN_ID.fullmatch(run_id):
        raise PublishingError(
            f"the run '{run_id[:80]}' in the lake's {RUNS.name} has no usable id, so it was not loaded. An id has 8 to 64 hexadecimal digits"
        )
    parent, part = _place(table.name), _place(f"{table.name}__{run_id}")
    names = {"parent": parent, "part": part, "run_id": sql.Literal(run_id)}
    connection.execute(sql.SQL("CREATE TABLE {part} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(**names))
    scan = lake.scan(table.name, {"run_id": run_id})
    if removed:
        scan = f"(FROM {scan} WHERE person_id NOT IN ({quote_all(removed)}))"
    rows = _copy(connection, table, part, scan)
    connection.execute(
        sql.SQL("ALTER TABLE {part} ADD PRIMARY KEY ({key}), ADD CHECK (run_id = {run_id})").format(
            key=sql.SQL(", ").join(map(sql.Identifier, table.key)), **names
        )
    )
    connection.execute(sql.SQL("ANALYZE {part}").format(**names))
    return rows


def _attach(connection: psycopg.Connection, tables: Sequence[Table], run_id: str) -> None:
    """Attach the tables that were loaded, with readers locked out for that moment.

    Otherwise a query that was planned before it and runs after it would see the run and miss its rows.
    """
    _keep_readers_out(connection, tables)
    for table in tables:
        names = {"parent": _place(table.name), "part": _place(f"{table.name}__{run_id}"), "run_id": sql.Literal(run_id)}
        connection.execute(sql.SQL("ALTER TABLE {parent} ATTACH PARTITION {part} FOR VALUES IN ({run_id})").format(**names))


def _keep_readers_out(connection: psycopg.Connection, tables: Sequence[Table]) -> None:
    """Lock the tables once no query reads them; other queries continue between short attempts."""
    parents = sql.SQL(", ").join(sql.SQL("ONLY {}").format(_place(table.name)) for table in tables)
    for left in reversed(range(LOCK_TRIES)):
        try:
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '1s'")
                connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(parents))
                return
        except psycopg.errors.LockNotAvailable:
            if not left:
                raise
            time.sleep(1)


def _copy(connection: psycopg.Connection, table: Table, target: sql.Composable, scan: str) -> int:
    """Copy rows as CSV to the server, a block at a time, and return their number."""
    names = [column.name for column in table.columns]
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(target, sql.SQL(", ").join(map(sql.Identifier, names)))
    columns = ", ".join(f'"{name}"' for name in names)  # in quotes: a column may have the name of an SQL keyword, such as limit
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for block in csv_blocks(f"SELECT {columns} FROM {scan}"):
                copy.write(block)
        return cursor.rowcount


def csv_blocks(query: str) -> Iterator[memoryview]:
    """Yield a query's rows as CSV in blocks, with every text in quotes, so that an empty text is not null.

    A query that fails raises before the server considers the rows complete.
    """
    try:
        with connect() as con:
            for batch in con.sql(query).to_arrow_reader(ROWS_AT_ONCE):
                block = pa.BufferOutputStream()
                write_csv(batch, block, WriteOptions(include_header=False, batch_size=ROWS_AT_ONCE))
                yield memoryview(block.getvalue())
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        raise PublishingError(
            f"the lake's rows could not be read ({type(error).__name__}), so nothing was published. Check the disk and publish again"
        ) from None


def _record(connection: psycopg.Connection, row: Mapping[str, object]) -> None:
    names = [column.name for column in RUNS.columns]
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            _place(RUNS.name),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join([sql.Placeholder()] * len(names)),
        ),
        [row[name] for name in names],
    )


def _place(name: str) -> sql.Identifier:
    return sql.Identifier(SCHEMA, name)


def _reason(error: psycopg.Error | DBAPIError) -> str:
    """Return the server's reason without its DETAIL, which may repeat a row, or why there is no connection."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    reason = cause.diag.message_primary if isinstance(cause, psycopg.Error) else None
    if reason is None and isinstance(cause, psycopg.OperationalError):
        reason = str(cause).partition("\n")[0]  # libpq's message: a host, a port, a user, never a row or a password
    return f"{(reason or type(cause).__name__).rstrip('.')}."

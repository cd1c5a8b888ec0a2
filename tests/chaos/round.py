"""Run a round of faults on a board: which faults, how many, and with which seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from chaos import database_faults, faults
from chaos.board import Board
from chaos.clock import AUTUMN, SPRING
from chaos.faults import Fault

NEVER = 1e9  # no jump during scoring: the clock changes between publication and withdrawal


@dataclass(frozen=True)
class Plan:
    """The number of kills of each stage, and the stages for each other fault."""

    kills: dict[str, int]
    publications: int
    full_disk: tuple[str, ...]
    read_only: tuple[str, ...]
    two_at_once: tuple[str, ...]
    database: tuple[str, ...]
    clocks: tuple[tuple[str, float, float], ...]  # start, seconds of the jump, seconds before the jump


COMPLETE = Plan(
    kills={"ingest": 10, "validate": 8, "conform": 8, "features": 10, "training": 4, "scoring": 10},
    publications=8,
    database=("connection", "server", "two"),
    full_disk=("ingest", "conform", "features", "scoring"),
    read_only=("ingest", "conform", "scoring"),
    two_at_once=("ingest", "features", "scoring"),
    clocks=((AUTUMN, 0.0, 0.0), (AUTUMN, -3600.0, 0.4), (AUTUMN, -3600.0, NEVER), (SPRING, 0.0, 0.0), (SPRING, 3600.0, 0.4)),
)
SHORT = Plan(
    kills={"ingest": 1, "features": 1, "scoring": 1},
    publications=1,
    database=("server",),
    full_disk=("features",),
    read_only=("scoring",),
    two_at_once=("scoring",),
    clocks=((AUTUMN, -3600.0, NEVER),),
)


def run_plan(board: Board, plan: Plan, seed: int) -> Iterator[Fault]:
    """Run all faults of a plan, and yield the result of each."""
    for stage, times in plan.kills.items():
        yield faults.kills(board, stage, times, Random(f"{seed}/kill/{stage}"))
    for stage in plan.full_disk:
        yield faults.full_disk(board, stage, Random(f"{seed}/full/{stage}"))
    for stage in plan.read_only:
        yield faults.read_only(board, stage)
    for stage in plan.two_at_once:
        yield faults.two_at_once(board, stage, Random(f"{seed}/two/{stage}"))
    for start, jump, after in plan.clocks:
        yield faults.jumping_clock(board, start, jump, after, Random(f"{seed}/clock/{start}/{jump}/{after}"))
    yield from _database_faults(board, plan, seed)


def _database_faults(board: Board, plan: Plan, seed: int) -> Iterator[Fault]:
    try:
        server = database_faults.Server()
    except (ImportError, OSError, RuntimeError) as reason:
        yield Fault("faults of the database", skipped=f"PostgreSQL does not start here: {reason}")
        return
    try:
        expected = database_faults.prepare(board, server)
        yield database_faults.killed_publications(board, server, expected, plan.publications, Random(f"{seed}/kill/publication"))
        for crash in (kind == "server" for kind in ("connection", "server") if kind in plan.database):
            yield database_faults.server_goes_away(board, server, expected, crash)
        if "two" in plan.database:
            yield database_faults.two_publications(board, server, expected)
    finally:
        server.end()


def report(fault: Fault) -> str:
    """Return one line about a fault, followed by its violations."""
    line = f"{fault.name:48}{fault.strikes:8} strikes{fault.polls:10,} polls{len(fault.violations):6} violations"
    skipped = f"  skipped: {fault.skipped}" if fault.skipped else ""
    return "\n".join([line + skipped, *(f"  VIOLATION {text}" for text in fault.violations)])

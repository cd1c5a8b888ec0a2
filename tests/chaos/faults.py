"""Cause faults, one function each: restore the home, disturb a stage, run the stage again, and check the result."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from chaos import clock
from chaos.board import Board
from chaos.processes import Process, reader
from chaos.stages import DONE, REFUSED

PAUSES = {"training": 0.5, "validate": 0.3, "conform": 0.2, "ingest": 0.1, "features": 0.1}  # seconds between a reader's polls
MOST_TRIES = 6


@dataclass
class Fault:
    """The result of a fault: how often it struck, the reader's polls meanwhile, and every violation."""

    name: str
    strikes: int = 0
    polls: int = 0
    violations: list[str] = field(default_factory=list)
    skipped: str = ""

    def expect(self, condition: bool, violation: str) -> None:
        if not condition:
            self.violations.append(f"{self.name}: {violation}")


@contextmanager
def watch_lake(board: Board, fault: Fault, stage: str) -> Iterator[None]:
    """Run a reader on the lake during the block, and add its results to the fault."""
    with reader(board.starter, {"lake": str(board.home / "lake")}, board.folder, PAUSES.get(stage, 0.06)) as readings:
        yield
    fault.polls += readings.polls
    fault.violations += [f"{fault.name}: a reader saw: {text}" for text in readings.violations]


def _run_again(board: Board, fault: Fault, stage: str, what: str = "") -> None:
    """Run the stage again and compare every table with a run without faults."""
    code = board.run(stage)
    fault.expect(code == DONE, f"the next run ended with {code}{what}: {last_line(board)}")
    _compare(board, fault, stage, what)


def _compare(board: Board, fault: Fault, stage: str, what: str = "") -> None:
    content, expected = board.content(), board.expected_content(stage)
    different = sorted(name for name in {*content, *expected} if content.get(name) != expected.get(name))
    fault.expect(not different, f"tables differ from those of a run without faults{what}: {', '.join(different)}")


def last_line(board: Board) -> str:
    """Return the last line that a stage printed."""
    return board.starter.output.read_text(errors="replace").strip().rpartition("\n")[2][-500:]


# --- killed -----------------------------------------------------------------------------------------------------------


def kills(board: Board, stage: str, times: int, rng: Random) -> Fault:
    """Kill a stage at random moments, alone or with all that it started; sometimes kill the next run too."""
    fault = Fault(f"kill -9 in {stage}")
    for _ in range(times * MOST_TRIES):
        if fault.strikes >= times:
            break
        board.restore(stage)
        with watch_lake(board, fault, stage):
            for _ in range(1 if rng.random() < 0.7 else 2):
                share = rng.random()
                process = board.starter.begin(stage, board.config, board.home)
                fault.strikes += kill_after(board, stage, process, share, rng)
            _run_again(board, fault, stage, f" (killed at {share:.0%})")
    fault.expect(fault.strikes >= times, f"only {fault.strikes} kills hit a running process")
    return fault


def kill_after(board: Board, stage: str, process: Process, share: float, rng: Random) -> bool:
    """Kill a process after a share of its stage's duration, and return whether it was still running.

    If it was not, shorten the expected duration of the stage.
    """
    end = time.monotonic() + board.seconds[stage] * share
    while time.monotonic() < end and process.code() is None:
        time.sleep(0.003)
    was_running = process.kill(group=rng.random() < 0.7) == -signal.SIGKILL
    if not was_running:
        board.seconds[stage] *= 0.7
    return was_running


# --- a full disk, a read-only disk ----------------------------------------------------------------------


@contextmanager
def small_disk(board: Board) -> Iterator[None]:
    """Mount a small disk in memory for the home; raise RuntimeError if that is not possible."""
    shutil.rmtree(board.home, ignore_errors=True)
    board.home.mkdir()
    if not _mount("-t", "tmpfs", "-o", "size=512m", "strata", board.home):
        raise RuntimeError("a disk in memory cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(board.home)], check=True)


def full_disk(board: Board, stage: str, rng: Random) -> Fault:
    """Fill the disk while a stage runs, then free it and run the stage again."""
    fault = Fault(f"full disk in {stage}")
    try:
        with small_disk(board):
            for _ in range(MOST_TRIES):
                board.restore(stage)
                with watch_lake(board, fault, stage):
                    code = _run_on_full_disk(board, stage, rng.uniform(0.1, 0.7))
                    if code != DONE:
                        fault.strikes += 1
                        fault.expect(code == REFUSED, f"ended with {code} instead of a message: {last_line(board)}")
                        fault.expect(
                            "free" in last_line(board).lower(), f"the message does not say to free disk space: {last_line(board)}"
                        )
                    _run_again(board, fault, stage)
                if fault.strikes:
                    break
    except RuntimeError as reason:
        return _small_files(board, stage, str(reason))
    return fault


def _run_on_full_disk(board: Board, stage: str, share: float) -> int:
    """Run a stage, fill the disk after a share of its duration, free it at the end, and return the exit code."""
    process = board.starter.begin(stage, board.config, board.home)
    time.sleep(board.seconds[stage] * share)
    ballast = board.home / "ballast"
    try:
        with ballast.open("wb") as file, suppress(OSError):  # the stage may have used the free space in the meantime
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(board.home).free)
        return process.wait()
    finally:
        ballast.unlink()


def _small_files(board: Board, stage: str, reason: str) -> Fault:
    """Limit the size of files to 20 kB instead, where no disk can be mounted."""
    fault = Fault(f"files that cannot grow in {stage} ({reason})")
    board.restore(stage)
    with watch_lake(board, fault, stage):
        code = board.run(stage, largest_file=20_000)
        fault.strikes += code != DONE
        fault.expect(code != DONE, "the stage succeeded although files could not grow")
        _run_again(board, fault, stage)
    return fault


def read_only(board: Board, stage: str) -> Fault:
    """Run a stage while the lake is read-only, then make it writable and run the stage again."""
    fault = Fault(f"read-only lake in {stage}")
    board.restore(stage)
    try:
        with read_only_folder(board.home / "lake"), watch_lake(board, fault, stage):
            code = board.run(stage)
            fault.strikes += code != DONE
            fault.expect(code == REFUSED, f"ended with {code} instead of a message: {last_line(board)}")
            fault.expect(
                "cannot be read or written" in last_line(board),
                f"the message does not say what cannot be written: {last_line(board)}",
            )
    except RuntimeError as reason:
        fault.skipped = str(reason)
    _run_again(board, fault, stage)
    return fault


@contextmanager
def read_only_folder(lake: Path) -> Iterator[None]:
    """Make a folder read-only: with a mount for root, whom permissions do not stop, otherwise with permissions."""
    if os.geteuid() == 0:
        if not (_mount("--bind", lake, lake) and _mount("-o", "remount,bind,ro", lake)):
            raise RuntimeError("the lake cannot be made read-only for root: mounts are not possible here")
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(lake)], check=True)
        return
    before = {path: path.stat().st_mode for path in [lake, *lake.rglob("*")]}
    try:
        for path, mode in before.items():
            path.chmod(mode & ~0o222)
        yield
    finally:
        for path, mode in before.items():
            path.chmod(mode)


def _mount(*arguments: str | Path) -> bool:
    if shutil.which("mount") is None:
        return False
    return not subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False).returncode


# --- two at once, and a clock change ----------------------------------------------------------------------------


def two_at_once(board: Board, stage: str, rng: Random) -> Fault:
    """Start a stage while it runs: the second is refused with a message, and the first is not affected."""
    fault = Fault(f"two at once in {stage}")
    board.restore(stage)
    with watch_lake(board, fault, stage):
        first = board.starter.begin(stage, board.config, board.home)
        time.sleep(board.seconds[stage] * rng.uniform(0.1, 0.5))
        second = board.starter.begin(stage, board.config, board.home)
        codes = sorted((first.wait(), second.wait()))
    fault.strikes += 1
    # If the first ends early, the second has nothing to do, and both succeed. Neither may end with an error.
    fault.expect(codes in ([DONE, REFUSED], [DONE, DONE]), f"they ended with {codes}: {last_line(board)}")
    if codes == [DONE, REFUSED]:
        fault.expect(
            "another run is writing" in last_line(board), f"the message of the second does not say why: {last_line(board)}"
        )
    _compare(board, fault, stage)
    return fault


def jumping_clock(board: Board, start: str, jump_seconds: float, after_seconds: float, rng: Random) -> Fault:
    """Score and withdraw while the clock changes: the scores are the same, and a withdrawn run stays withdrawn.

    The jump comes `after_seconds` of scoring, or before the withdrawal if scoring is shorter.
    """
    fault = Fault(f"clock that jumps {jump_seconds:+.0f} s at {start[:10]}, {min(after_seconds, 99):.0f} s after the start")
    board.restore("scoring")
    clock_settings = {"start": start, "jump_seconds": jump_seconds, "after_seconds": after_seconds}
    with watch_lake(board, fault, "scoring"):
        code = board.run("scoring", clock=clock_settings)
        fault.expect(code == DONE, f"scoring ended with {code}: {last_line(board)}")
        _compare(board, fault, "scoring")
        before = _current(board)
        later = clock.REAL.fromisoformat(start).timestamp() + jump_seconds + rng.uniform(0, 60)
        at = clock.REAL.fromtimestamp(later, tz=clock.REAL.fromisoformat(start).tzinfo).isoformat()
        code = board.run("withdrawal", clock={**clock_settings, "start": at, "jump_seconds": 0})
        fault.expect(code == DONE, f"the withdrawal ended with {code}: {last_line(board)}")
        fault.expect(_current(board) not in (before, None), "the withdrawn run is still current")
    fault.strikes += 1
    return fault


def _current(board: Board) -> str | None:
    rows = board.lake.read("risk__current", "DISTINCT run_id").to_pylist()
    return str(rows[0]["run_id"]) if len(rows) == 1 else None

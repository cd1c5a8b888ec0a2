"""The faults, one function each: bring the home to before a stage, disturb the stage, run it again, and judge what came of it."""

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

PAUSES = {"training": 0.5, "validate": 0.3, "conform": 0.2, "ingest": 0.1, "features": 0.1}  # seconds between a reader's looks
MOST_TRIES = 6


@dataclass
class Fault:
    """What came of a fault: how often it struck, the reader's looks meanwhile, and every violation in words."""

    name: str
    struck: int = 0
    looks: int = 0
    violations: list[str] = field(default_factory=list)
    skipped: str = ""

    def expect(self, holds: bool, words: str) -> None:
        if not holds:
            self.violations.append(f"{self.name}: {words}")


@contextmanager
def watched(board: Board, fault: Fault, stage: str) -> Iterator[None]:
    """Let a reader look at the lake all the while, and note what it saw."""
    with reader(board.starter, {"lake": str(board.home / "lake")}, board.folder, PAUSES.get(stage, 0.06)) as seen:
        yield
    fault.looks += seen.polls
    fault.violations += [f"{fault.name}: a reader saw: {words}" for words in seen.violations]


def _equal_after(board: Board, fault: Fault, stage: str, what: str = "") -> None:
    """Run the stage to its end and compare every table with the undisturbed run's."""
    code = board.run(stage)
    fault.expect(code == DONE, f"the run after it ended with {code}{what}: {last_words(board)}")
    _compare(board, fault, stage, what)


def _compare(board: Board, fault: Fault, stage: str, what: str = "") -> None:
    content, wanted = board.content(), board.undisturbed(stage)
    other = sorted(name for name in {*content, *wanted} if content.get(name) != wanted.get(name))
    fault.expect(not other, f"tables other than those of an undisturbed run{what}: {', '.join(other)}")


def last_words(board: Board) -> str:
    """Give the line that the last stage ended with."""
    return board.starter.words.read_text(errors="replace").strip().rpartition("\n")[2][-500:]


# --- killed -----------------------------------------------------------------------------------------------------------


def kills(board: Board, stage: str, times: int, rng: Random) -> Fault:
    """Kill a stage at random moments of its length, with all it started or alone; sometimes the run after it, too."""
    fault = Fault(f"kill -9 in {stage}")
    for _ in range(times * MOST_TRIES):
        if fault.struck >= times:
            break
        board.restore(stage)
        with watched(board, fault, stage):
            for _ in range(1 if rng.random() < 0.7 else 2):
                share = rng.random()
                process = board.starter.begin(stage, board.config, board.home)
                fault.struck += struck_down(board, stage, process, share, rng)
            _equal_after(board, fault, stage, f" (killed at {share:.0%})")
    fault.expect(fault.struck >= times, f"only {fault.struck} kills struck")
    return fault


def struck_down(board: Board, stage: str, process: Process, share: float, rng: Random) -> bool:
    """Kill a process after a share of its stage's length; tell whether it was still at work, else the stage is quicker than thought."""
    end = time.monotonic() + board.seconds[stage] * share
    while time.monotonic() < end and process.code() is None:
        time.sleep(0.003)
    struck = process.kill(whole_group=rng.random() < 0.7) == -signal.SIGKILL
    if not struck:
        board.seconds[stage] *= 0.7
    return struck


# --- a full disk, a disk that cannot be written ----------------------------------------------------------------------


@contextmanager
def small_disk(board: Board) -> Iterator[None]:
    """Give the home a disk of its own in memory; a RuntimeError says why it cannot have one."""
    shutil.rmtree(board.home, ignore_errors=True)
    board.home.mkdir()
    if not _mounted("-t", "tmpfs", "-o", "size=512m", "strata", board.home):
        raise RuntimeError("no disk of its own can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(board.home)], check=True)


def full_disk(board: Board, stage: str, rng: Random) -> Fault:
    """Let something else fill the disk while a stage is at work; once there is room, the stage runs to its end."""
    fault = Fault(f"full disk in {stage}")
    try:
        with small_disk(board):
            for _ in range(MOST_TRIES):
                board.restore(stage)
                with watched(board, fault, stage):
                    code = _filled_up(board, stage, rng.uniform(0.1, 0.7))
                    if code != DONE:
                        fault.struck += 1
                        fault.expect(code == REFUSED, f"ended with {code} and not with words: {last_words(board)}")
                        fault.expect("ake room" in last_words(board), f"the words do not say to make room: {last_words(board)}")
                    _equal_after(board, fault, stage)
                if fault.struck:
                    break
    except RuntimeError as reason:
        return _small_files(board, stage, str(reason))
    return fault


def _filled_up(board: Board, stage: str, share: float) -> int:
    """Run a stage, fill the disk up after a share of its length, and give the exit code; then there is room again."""
    process = board.starter.begin(stage, board.config, board.home)
    time.sleep(board.seconds[stage] * share)
    ballast = board.home / "ballast"
    try:
        with ballast.open("wb") as file, suppress(OSError):  # the stage may have taken what was free a moment ago
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(board.home).free)
        return process.wait()
    finally:
        ballast.unlink()


def _small_files(board: Board, stage: str, reason: str) -> Fault:
    """Where no disk can be mounted: let no file grow beyond a few kilobytes."""
    fault = Fault(f"files that cannot grow in {stage} ({reason})")
    board.restore(stage)
    with watched(board, fault, stage):
        code = board.run(stage, largest_file=20_000)
        fault.struck += code != DONE
        fault.expect(code != DONE, "the stage ended as if nothing had been")
        _equal_after(board, fault, stage)
    return fault


def read_only(board: Board, stage: str) -> Fault:
    """Run a stage where the lake cannot be written; once it can, the stage runs to its end."""
    fault = Fault(f"read-only lake in {stage}")
    board.restore(stage)
    try:
        with unwritable(board.home / "lake"), watched(board, fault, stage):
            code = board.run(stage)
            fault.struck += code != DONE
            fault.expect(code == REFUSED, f"ended with {code} and not with words: {last_words(board)}")
            fault.expect("may not be" in last_words(board), f"the words do not say what may not be written: {last_words(board)}")
    except RuntimeError as reason:
        fault.skipped = str(reason)
    _equal_after(board, fault, stage)
    return fault


@contextmanager
def unwritable(lake: Path) -> Iterator[None]:
    """Make a folder unwritable: as root by a mount, which alone stops root; else by taking the leave to write."""
    if os.geteuid() == 0:
        if not (_mounted("--bind", lake, lake) and _mounted("-o", "remount,bind,ro", lake)):
            raise RuntimeError("root cannot be kept from writing here: nothing can be mounted")
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


def _mounted(*arguments: str | Path) -> bool:
    if shutil.which("mount") is None:
        return False
    return not subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False).returncode


# --- two at once, and a clock that jumps ----------------------------------------------------------------------------


def two_at_once(board: Board, stage: str, rng: Random) -> Fault:
    """Begin a stage while it runs: the second is refused with words and the first ends as if it were alone."""
    fault = Fault(f"two at once in {stage}")
    board.restore(stage)
    with watched(board, fault, stage):
        first = board.starter.begin(stage, board.config, board.home)
        time.sleep(board.seconds[stage] * rng.uniform(0.1, 0.5))
        second = board.starter.begin(stage, board.config, board.home)
        codes = sorted((first.wait(), second.wait()))
    fault.struck += 1
    # Where the first was quick the second found its work done: both may end well, none with a fault.
    fault.expect(codes in ([DONE, REFUSED], [DONE, DONE]), f"they ended with {codes}: {last_words(board)}")
    if codes == [DONE, REFUSED]:
        fault.expect("another run is writing" in last_words(board), f"the second was not told why: {last_words(board)}")
    _compare(board, fault, stage)
    return fault


def jumping_clock(board: Board, start: str, jump_seconds: float, after_seconds: float, rng: Random) -> Fault:
    """Score and withdraw while the hour changes: the scores are the same, and what is withdrawn stays withdrawn.

    The jump comes `after_seconds` of scoring, and before the withdrawal at the latest.
    """
    fault = Fault(f"clock that jumps {jump_seconds:+.0f} s at {start[:10]}, {min(after_seconds, 99):.0f} s after the start")
    board.restore("scoring")
    turned = {"start": start, "jump_seconds": jump_seconds, "after_seconds": after_seconds}
    with watched(board, fault, "scoring"):
        code = board.run("scoring", clock=turned)
        fault.expect(code == DONE, f"scoring ended with {code}: {last_words(board)}")
        _compare(board, fault, "scoring")
        before = _current(board)
        later = clock.REAL.fromisoformat(start).timestamp() + jump_seconds + rng.uniform(0, 60)
        at = clock.REAL.fromtimestamp(later, tz=clock.REAL.fromisoformat(start).tzinfo).isoformat()
        code = board.run("withdrawal", clock={**turned, "start": at, "jump_seconds": 0})
        fault.expect(code == DONE, f"the withdrawal ended with {code}: {last_words(board)}")
        fault.expect(_current(board) not in (before, None), "the run that was withdrawn is current still")
    fault.struck += 1
    return fault


def _current(board: Board) -> str | None:
    rows = board.lake.read("risk__current", "DISTINCT run_id").to_pylist()
    return str(rows[0]["run_id"]) if len(rows) == 1 else None

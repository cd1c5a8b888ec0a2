"""Measure a piece of work: wall and CPU seconds of this process and its children, and their peak memory together."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.25


@dataclass(frozen=True)
class WorkResult:
    """The rows of a piece of work, and CPU seconds to exclude from its measurement."""

    rows: int
    excluded_s: float = 0.0


def measure(stage: str, work: Callable[[], int | WorkResult]) -> dict[str, object]:
    """Run `work` and return its cost; CPU seconds used before it, mostly imports, are listed separately."""
    imported, start = processor_seconds(), time.perf_counter()
    with MemoryWatch() as memory:
        returned = work()
    result = returned if isinstance(returned, WorkResult) else WorkResult(returned)
    used = processor_seconds() - imported - result.excluded_s
    return {
        "stage": stage, "rows": result.rows, "wall_s": round(time.perf_counter() - start, 2), "cpu_s": round(used, 2),
        "imports_cpu_s": round(imported, 2), "peak_rss_mb": round(memory.peak / 2**20),
    }  # fmt: skip


def processor_seconds() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class MemoryWatch:
    """The highest resident memory of this process and its children together, sampled four times a second.

    The exact peak of each single process is a lower bound, so that a short peak is not missed entirely.
    """

    def __init__(self) -> None:
        self.peak = 0
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()
        each = (resource.getrusage(who).ru_maxrss * 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        self.peak = max(self.peak, *each)

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(_resident(process) for process in _tree(os.getpid())))


def _tree(process: int) -> list[int]:
    """Return a process and all its descendants."""
    try:
        files = (task / "children" for task in Path(f"/proc/{process}/task").iterdir())
        children = [int(child) for file in files for child in file.read_text().split()]
    except OSError:
        return [process]
    return [process, *(each for child in children for each in _tree(child))]


def _resident(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0

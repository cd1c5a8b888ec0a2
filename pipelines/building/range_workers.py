"""Run a function over ranges of people in separate processes, so that every core is used.

Each process starts this module. Unlike with `multiprocessing`, it does not import the caller's main module, so a script or a notebook needs no
guard. joblib's loky was measured and takes 14% more memory (benchmarks/README.md).
"""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipelines.errors import StrataError

RangeRunner = Callable[[Callable[[int, int], Any], Sequence[tuple[int, int]]], list[Any]]
"""Returns function(first, last) for each range, in order."""

# Every range needs the same memory. A process that keeps it avoids allocating, zeroing and freeing it for each range.
KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**31)}


def over_ranges(function: Callable[[int, int], Any], ranges: Sequence[tuple[int, int]], workers: int) -> list[Any]:
    """Return function(first, last) for each range, in order; with one worker or range, this process does the work.

    `function` must be picklable. An exception of any range is raised here.
    """
    processes = min(workers, len(ranges))
    if processes < 2:
        return [function(first, last) for first, last in ranges]
    shares = [ranges[start::processes] for start in range(processes)]
    with ThreadPoolExecutor(processes) as pool:
        results = list(pool.map(lambda share: _in_process(function, share), shares))
    return [results[place % processes][place // processes] for place in range(len(ranges))]


def _in_process(function: Callable[[int, int], Any], share: Sequence[tuple[int, int]]) -> list[Any]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
    environment |= KEEP_MEMORY
    command = [sys.executable, "-m", "pipelines.building.range_workers"]
    ended = subprocess.run(command, input=pickle.dumps((function, share)), capture_output=True, env=environment, check=False)
    if ended.returncode:
        raise StrataError(
            f"a worker process that builds features ended with code {ended.returncode}; if memory ran out, set fewer engine.threads and "
            f"run again. Its last output: {ended.stderr.decode(errors='replace')[-2000:]}"
        )
    results: list[Any] | Exception = pickle.loads(ended.stdout)
    if isinstance(results, Exception):
        raise results
    return results


def main() -> None:
    """Read a function and its ranges from standard input, and write the results to standard output."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    function, share = pickle.load(sys.stdin.buffer)
    gc.freeze()  # the collector need not scan what stays until the end
    try:
        results: list[Any] | Exception = [function(first, last) for first, last in share]
    except Exception as error:
        results = error
    gc.unfreeze()
    with output:
        pickle.dump(results, output)


if __name__ == "__main__":
    main()

"""Runs a function over ranges of people in processes of their own, so that every core is used.

The processes start this module afresh: unlike `multiprocessing` they do not import the caller's main module, which a
script or a notebook need not guard for it.
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
"""Gives function(first, last) for each range, in order."""


def over_ranges(function: Callable[[int, int], Any], ranges: Sequence[tuple[int, int]], workers: int) -> list[Any]:
    """Give function(first, last) for each range, in order; with one worker or range, in this process.

    `function` must be picklable. An exception of any range is raised here.
    """
    processes = min(workers, len(ranges))
    if processes < 2:
        return [function(first, last) for first, last in ranges]
    shares = [ranges[start::processes] for start in range(processes)]
    with ThreadPoolExecutor(processes) as pool:
        answers = list(pool.map(lambda share: _in_process(function, share), shares))
    return [answers[place % processes][place // processes] for place in range(len(ranges))]


# Ranges ask for the same memory again and again: kept by the process, it need not be handed out, zeroed and taken back each time.
_KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**31)}


def _in_process(function: Callable[[int, int], Any], share: Sequence[tuple[int, int]]) -> list[Any]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"}
    environment |= _KEEP_MEMORY
    command = [sys.executable, "-m", "pipelines.building.range_workers"]
    ended = subprocess.run(command, input=pickle.dumps((function, share)), capture_output=True, env=environment, check=False)
    if ended.returncode:
        raise StrataError(f"a worker process ended with code {ended.returncode}: {ended.stderr.decode(errors='replace')[-2000:]}")
    answer: list[Any] | Exception = pickle.loads(ended.stdout)
    if isinstance(answer, Exception):
        raise answer
    return answer


def main() -> None:
    """Read a function and its ranges from standard input, and write the results to standard output."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    function, share = pickle.load(sys.stdin.buffer)
    gc.freeze()  # what stays for good is not looked through again and again
    try:
        answer: list[Any] | Exception = [function(first, last) for first, last in share]
    except Exception as error:
        answer = error
    gc.unfreeze()
    with answers:
        pickle.dump(answer, answers)


if __name__ == "__main__":
    main()

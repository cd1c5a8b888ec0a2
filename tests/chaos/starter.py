"""A process that has loaded all libraries and starts each stage as a copy of itself, so that a stage has no import time.

It reads one JSON request on each line and answers with one line: a process id for a stage or reader, an exit code or null for `poll`.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos import clock, readers, stages

LIBRARIES = (
    "dagster_project.headless", "expectations.validation", "pipelines.tracking.tracker", "pipelines.training.train", "pipelines.postgres.follow",
    "mlflow.pyfunc", "models.plots", "sklearn.linear_model",
)  # fmt: skip


def begin(request: Mapping[str, Any]) -> int:
    """Start a stage or a reader in its own process group, and return its id."""
    child = os.fork()
    if child:
        return child
    code = stages.FAULT
    try:
        os.setpgid(0, 0)
        with Path(request["output"]).open("ab") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        os.environ.update(request.get("environment", {}))
        if "largest_file" in request:
            resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"], request["largest_file"]))
        if "clock" in request:
            clock.set_clock(request["clock"])
        code = readers.watch(request) if request["do"] == "read" else stages.run_stage(request["do"], Path(request["config"]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def poll(process: int) -> int | None:
    """Return a process's exit code, negative for a signal; None while it runs."""
    ended, status = os.waitpid(process, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def main() -> None:
    """Answer requests until the input ends."""
    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            __import__(name)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps({"ready": time.time()}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = poll(request["process"]) if request["do"] == "poll" else begin(request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

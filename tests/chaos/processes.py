"""Run stages as processes that can be killed; the starter process starts each in its own process group."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
PATIENCE = 900.0  # seconds


@dataclass(frozen=True)
class Process:
    """A running stage or reader."""

    starter: Starter
    id: int

    def code(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        if self.id not in self.starter.ended:
            code = self.starter.ask({"do": "poll", "process": self.id})
            if code is None:
                return None
            self.starter.ended[self.id] = code
        return self.starter.ended[self.id]

    def wait(self) -> int:
        """Wait for the end and return the exit code."""
        end = time.monotonic() + PATIENCE
        while (code := self.code()) is None:
            if time.monotonic() > end:
                self.kill()
                raise TimeoutError(f"process {self.id} did not end in {PATIENCE:.0f} s")
            time.sleep(0.005)
        return code

    def kill(self, group: bool = True) -> int:
        """Kill the process, by default with all that it started, and return its exit code."""
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.id, signal.SIGKILL)
        return self.wait()


class Starter:
    """The process that has loaded all libraries and starts the stages."""

    def __init__(self, output: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*_roots(), TESTS))), "OMP_WAIT_POLICY": "passive"}
        environment |= {
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GX_ANALYTICS_ENABLED": "false",
        }
        self.output, self.ended = output, dict[int, int]()
        self._errors = output.with_suffix(".starter").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "chaos.starter"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            env=environment, text=True,
        )  # fmt: skip
        self._answer()

    def ask(self, request: dict[str, Any]) -> Any:
        """Send a request and return the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def begin(self, stage: str, config: Path, home: Path, output: Path | None = None, **more: Any) -> Process:
        """Start a stage in a home."""
        environment = {"STRATA_HOME": str(home), **more.pop("environment", {})}
        request = {"do": stage, "config": str(config), "output": str(output or self.output), "environment": environment, **more}
        return Process(self, self.ask(request))

    def end(self) -> None:
        """End the starter."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the starter ended; see {self._errors.name}")
        return json.loads(line)


def _roots() -> list[str]:
    """Return the folder from which the project's packages are imported."""
    import pipelines

    return [str(Path(str(pipelines.__file__)).parents[1])]


@dataclass
class Readings:
    """The results of a reader."""

    polls: int = 0
    violations: tuple[str, ...] = ()


@contextmanager
def reader(starter: Starter, place: dict[str, str], folder: Path, pause: float = 0.02) -> Iterator[Readings]:
    """Run a reader on a lake or database for as long as the block lasts, and yield its results."""
    results, until = folder / "results.json", folder / "until"
    for leftover in (results, until):
        leftover.unlink(missing_ok=True)
    request = {"do": "read", "output": str(starter.output), "until": str(until), "results": str(results), "pause": pause, **place}
    process, readings = Process(starter, starter.ask(request)), Readings()
    try:
        yield readings
    finally:
        until.touch()
        code = process.wait()
        if code:
            readings.violations = (f"the reader ended with code {code}; see {starter.output}",)
        else:
            result = json.loads(results.read_text())
            readings.polls, readings.violations = result["polls"], tuple(result["violations"])

"""Stages as processes that can be killed: begun by the starter, each in a group of its own."""

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
    """A stage or reader under way."""

    starter: Starter
    id: int

    def code(self) -> int | None:
        """Give the exit code, negative for a signal; None while it runs."""
        if self.id not in self.starter.ended:
            told = self.starter.ask({"do": "poll", "process": self.id})
            if told is None:
                return None
            self.starter.ended[self.id] = told
        return self.starter.ended[self.id]

    def wait(self) -> int:
        """Wait for the end and give the exit code."""
        end = time.monotonic() + PATIENCE
        while (code := self.code()) is None:
            if time.monotonic() > end:
                self.kill()
                raise TimeoutError(f"process {self.id} did not end in {PATIENCE:.0f} s")
            time.sleep(0.005)
        return code

    def kill(self, whole_group: bool = True) -> int:
        """Kill the process with what it started, or itself alone, and give its exit code."""
        with suppress(ProcessLookupError):
            (os.killpg if whole_group else os.kill)(self.id, signal.SIGKILL)
        return self.wait()


class Starter:
    """The process that has loaded every library."""

    def __init__(self, words: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (*_roots(), TESTS))), "OMP_WAIT_POLICY": "passive"}
        environment |= {
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GX_ANALYTICS_ENABLED": "false",
        }
        self.words, self.ended = words, dict[int, int]()
        self._errors = words.with_suffix(".starter").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "chaos.starter"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            env=environment, text=True,
        )  # fmt: skip
        self._answer()

    def ask(self, request: dict[str, Any]) -> Any:
        """Put a request and give the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def begin(self, stage: str, config: Path, home: Path, words: Path | None = None, **more: Any) -> Process:
        """Begin a stage in a home."""
        environment = {"STRATA_HOME": str(home), **more.pop("environment", {})}
        request = {"do": stage, "config": str(config), "words": str(words or self.words), "environment": environment, **more}
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
    """Give where the project's packages are imported from, first."""
    import pipelines

    return [str(Path(str(pipelines.__file__)).parents[1])]


@dataclass
class Seen:
    """What a reader saw."""

    polls: int = 0
    violations: tuple[str, ...] = ()


@contextmanager
def reader(starter: Starter, place: dict[str, str], folder: Path, pause: float = 0.02) -> Iterator[Seen]:
    """Let a reader look at a lake or database for as long as the block lasts."""
    seen, until = folder / "seen.json", folder / "until"
    for left in (seen, until):
        left.unlink(missing_ok=True)
    request = {"do": "read", "words": str(starter.words), "until": str(until), "seen": str(seen), "pause": pause, **place}
    process, told = Process(starter, starter.ask(request)), Seen()
    try:
        yield told
    finally:
        until.touch()
        code = process.wait()
        if code:
            told.violations = (f"the reader ended with code {code}; see {starter.words}",)
        else:
            found = json.loads(seen.read_text())
            told.polls, told.violations = found["polls"], tuple(found["violations"])

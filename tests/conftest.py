"""How tests share processes under `pytest -n`: tests of a file stay together, as do files that need the same slow fixture."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextvars import Context
from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# Slow fixtures of the session: a complete run of a small ICB, and an empty database of the only server.
SLOW_FIXTURES = ("undisturbed", "database")
ROOT = Path(__file__).parents[1]

# A stage that reads or writes a table that it does not declare fails in every test, in processes that tests start as well.
os.environ["STRATA_STRICT_STAGES"] = "1"
# Environment variables that a run sets for its libraries, and that must not outlive a test.
OF_A_RUN = ("STRATA_HOME", "STRATA_CONFIG", "DAGSTER_HOME", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


@pytest.fixture(scope="session")
def strata() -> Iterator[Callable[..., int]]:
    """Run a command of Strata in this process: strata(home, command, config); its environment variables are removed at the end."""
    with pytest.MonkeyPatch.context() as patch:
        for name in OF_A_RUN:
            patch.setenv(name, os.environ.get(name, ""))
            patch.delenv(name)

        def command(home: Path, *arguments: str) -> int:
            from dagster_project.command_line import main

            patch.setenv("STRATA_HOME", str(home))
            try:
                code = Context().run(main, arguments)  # as a new process does, without the context of an earlier test
            finally:
                patch.delenv("STRATA_HOME")
            details = home / "reports" / "last_error.log"
            if code and details.exists():
                print(details.read_text(encoding="utf-8"))
            return code

        yield command


@cache
def share(file: str) -> str:
    """Return the slow fixture that a file's tests use, or else the file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return next((name for name in SLOW_FIXTURES if f"{name}:" in text), file)


class SharedScheduling(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return share(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedScheduling:
    return SharedScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the longest share to the start, so that no process runs it last."""
    items.sort(key=lambda item: share(item.nodeid.partition("::")[0]) != SLOW_FIXTURES[0])

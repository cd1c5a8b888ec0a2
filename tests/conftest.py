"""How tests share processes under `pytest -n`: a file's tests stay together, and so do the files that need the same dear thing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# Fixtures of the whole session that are dear: a whole run of a small board, and an empty database of the one server.
DEAR = ("undisturbed", "database")
ROOT = Path(__file__).parents[1]

# A stage that reads or writes a table that it does not declare fails in every test, in processes that tests start as well.
os.environ["STRATA_STRICT_STAGES"] = "1"
# Names that a run sets for its libraries, and that must not outlive a test.
OF_A_RUN = ("STRATA_HOME", "STRATA_CONFIG", "DAGSTER_HOME", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


@pytest.fixture(scope="session")
def strata() -> Iterator[Callable[..., int]]:
    """Run a command of Strata in this process: strata(home, command, config); what it sets is undone at the end."""
    with pytest.MonkeyPatch.context() as patch:
        for name in OF_A_RUN:
            patch.setenv(name, os.environ.get(name, ""))
            patch.delenv(name)

        def command(home: Path, *arguments: str) -> int:
            from dagster_project.command_line import main

            patch.setenv("STRATA_HOME", str(home))
            try:
                return main(arguments)
            finally:
                patch.delenv("STRATA_HOME")

        yield command


@cache
def share(file: str) -> str:
    """Give the dear fixture that a file's tests ask for, else the file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return next((name for name in DEAR if f"{name}:" in text), file)


class SharedScheduling(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return share(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedScheduling:
    return SharedScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest share, so that no process is left with it at the end."""
    items.sort(key=lambda item: share(item.nodeid.partition("::")[0]) != DEAR[0])

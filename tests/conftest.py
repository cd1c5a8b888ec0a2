"""How tests share processes under `pytest -n`: a file's tests stay together, and so do the files that need the same dear thing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

# Fixtures of the whole session that are dear: a whole run of a small board, and an empty database of the one server.
DEAR = ("undisturbed", "database")
ROOT = Path(__file__).parents[1]


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

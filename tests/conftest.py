"""How tests share processes under `pytest -n`: a file's tests stay together, and so do all that compare with one whole run."""

import pytest

SHARED = ("undisturbed", "server")  # fixtures of the whole session that are dear: they are made once, in one process


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        shared = [name for name in SHARED if name in getattr(item, "fixturenames", ())]
        item.add_marker(pytest.mark.xdist_group(shared[0] if shared else str(item.path)))

from collections.abc import Callable
from pathlib import Path

import pytest

CONFIG = """
deployment: a_board
purpose: {use: planning, approval: DSA 12, approval_expires: 2099-12-31}
source: {kind: nhs, nhs: {}}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of a board without extracts."""
    for name in ("STRATA_CONFIG", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("STRATA_HOME", str(tmp_path / "home"))
    path = tmp_path / "a_board.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def message(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return what a command wrote for the person who ran it, without a traceback."""

    def read() -> str:
        text = capsys.readouterr().err
        assert "Traceback" not in text
        return text

    return read

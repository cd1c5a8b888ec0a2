"""A table that is opened again is read again only if its log has changed."""

from __future__ import annotations

from pathlib import Path

from expectations.table import Column, Kind, Table
from pipelines.lake.delta_log import last_commit, log_state, open_latest
from pipelines.lake.storage import Lake

ONE = Table("core__one", "A table.", (Column("number", Kind.INTEGER, "A number."),), ("number",))


def test_a_table_is_opened_again_after_a_commit_alone(tmp_path: Path) -> None:
    lake, folder = Lake(tmp_path), tmp_path / ONE.name
    assert last_commit(folder) == ""
    lake.write(ONE, [{"number": 1}])
    first, state = open_latest(folder), log_state(folder)
    assert open_latest(folder) is first
    lake.write(ONE, [{"number": 2}])
    assert log_state(folder) != state
    assert open_latest(folder).version() == first.version() + 1

"""A short round of faults over one small board, and proof that the reader sees what is not whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chaos.board import Board, build_board
from chaos.processes import Starter
from chaos.readers import look_at_lake
from chaos.round import SHORT, run_plan, told

from expectations.tables.risk import SCORES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    folder = tmp_path_factory.mktemp("chaos")
    starter = Starter(folder / "words.txt")
    try:
        yield build_board(folder, starter)
    finally:
        starter.end()


def test_no_fault_loses_anything_or_shows_half_a_run(board: Board) -> None:
    done = list(run_plan(board, SHORT, seed=5))
    assert [words for fault in done for words in fault.violations] == [], "\n".join(map(told, done))
    assert sum(fault.struck for fault in done if fault.name.startswith("kill")) >= sum(SHORT.kills.values())
    assert all(fault.struck and fault.looks for fault in done if not fault.skipped)


def test_the_reader_sees_a_run_that_is_not_whole(board: Board) -> None:
    board.restore("publication")
    assert look_at_lake(board.home / "lake") == []
    run_id = str(board.lake.read("risk__current", "any_value(run_id) AS run_id")["run_id"][0])
    but_one = board.lake.read(SCORES.name, order="person_id", partition={"run_id": run_id}).slice(1)
    board.lake.write(SCORES, but_one, {"run_id": run_id})
    words = look_at_lake(board.home / "lake")
    assert any("rows of" in seen and run_id in seen for seen in words)
    assert any("digest" in seen for seen in words)

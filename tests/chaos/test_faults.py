"""Run a short round of faults on one small board, and check that the reader detects an incomplete run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chaos.board import Board, build_board
from chaos.processes import Starter
from chaos.readers import check_lake
from chaos.round import SHORT, report, run_plan

from expectations.tables.risk import SCORES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    folder = tmp_path_factory.mktemp("chaos")
    starter = Starter(folder / "output.txt")
    try:
        yield build_board(folder, starter)
    finally:
        starter.end()


def test_no_fault_loses_data_or_shows_an_incomplete_run(board: Board) -> None:
    faults = list(run_plan(board, SHORT, seed=5))
    assert [text for fault in faults for text in fault.violations] == [], "\n".join(map(report, faults))
    assert sum(fault.strikes for fault in faults if fault.name.startswith("kill")) >= sum(SHORT.kills.values())
    assert all(fault.strikes and fault.polls for fault in faults if not fault.skipped)


def test_the_reader_detects_an_incomplete_run(board: Board) -> None:
    board.restore("publication")
    assert check_lake(board.home / "lake") == []
    run_id = str(board.lake.read("risk__current", "any_value(run_id) AS run_id")["run_id"][0])
    all_but_one = board.lake.read(SCORES.name, order="person_id", partition={"run_id": run_id}).slice(1)
    board.lake.write(SCORES, all_but_one, {"run_id": run_id})
    violations = check_lake(board.home / "lake")
    assert any("rows of" in text and run_id in text for text in violations)
    assert any("digest" in text for text in violations)

"""The board of edges, stored once."""

from __future__ import annotations

import pytest
from recount.board import CATALOGUE, Board
from recount.edge_board import edge_board

from pipelines.lake.storage import Lake


@pytest.fixture(scope="session")
def edges(tmp_path_factory: pytest.TempPathFactory) -> tuple[Board, Lake]:
    board = edge_board(CATALOGUE)
    return board, board.store(tmp_path_factory.mktemp("edges"))

"""Nothing from the future, and no order, file or number of anything, changes a feature: to the bit."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from recount.board import GIVEN, REGISTERED, Board, as_table
from recount.comparison import built_rows
from recount.futures import another_future
from recount.populations import boards, boards_with_dates_of_their_own, examples

from expectations.tables import core
from pipelines.building.build_features import build_features
from pipelines.lake.storage import Lake


def built(board: Board, folder: Path, people_per_range: int = 1_000) -> pd.DataFrame:
    """Build a board's features and give them by person and index event."""
    return built_in(board.store(folder), board, people_per_range)


def built_in(lake: Lake, board: Board, people_per_range: int) -> pd.DataFrame:
    if board.given:
        build_features(lake, GIVEN, board.index_date, given=board.given_table(), people_per_range=people_per_range)
    else:
        build_features(lake, REGISTERED, board.index_date, people_per_range=people_per_range)
    rows = built_rows(lake).drop(columns="person_key")
    return rows.sort_values(["person_id", "index_event_id"]).reset_index(drop=True)


def assert_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Compare bit by bit; columns that one future alone can fill (a first household, say) are not computed in the other."""
    assert len(ours) == len(theirs) > 0
    common = [name for name in ours if name in theirs]
    assert len(common) > 300
    pd.testing.assert_frame_equal(ours[common], theirs[common], check_exact=True)


@examples(8)
@given(board=boards(), random=st.integers(0, 2**32).map(Random))
def test_another_future_changes_no_feature(board: Board, random: Random) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        assert_same(built(board, Path(one)), built(another_future(board, random), Path(other), people_per_range=17))


@examples(3)
@given(board=boards_with_dates_of_their_own(), random=st.integers(0, 2**32).map(Random))
def test_order_files_and_numbers_change_nothing(board: Board, random: Random) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        renumbered = _renumbered(board, random)
        lake = renumbered.store(Path(other))
        _split_events(lake, renumbered)
        ours, theirs = built(board, Path(one)), built_in(lake, renumbered, people_per_range=9)
        assert ours.columns.tolist() == theirs.columns.tolist()
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def _renumbered(board: Board, random: Random) -> Board:
    """Return the board with other numbers for people and another order of the events of a day."""
    numbers = list(range(5, 5 + len(board.people)))
    random.shuffle(numbers)
    other = Board(board.index_date, board.first_month, board.last_month)
    other.gaps = board.gaps
    for name in ("people", "registrations", "residences", "events", "superseded"):
        rows = [{**row, "person_key": numbers[row["person_key"] - 1]} for row in getattr(board, name)]
        random.shuffle(rows)
        setattr(other, name, sorted(rows, key=lambda row: (row["person_key"], row.get("start_date"))) if name[0] == "r" else rows)
    other.people.sort(key=lambda row: row["person_key"])
    other.given = [(numbers[key - 1], day, name) for key, day, name in board.given]
    return other


def _split_events(lake: Lake, board: Board) -> None:
    """Write the events as three files of which each holds everyone, the latest days first."""
    events = sorted(board.events, key=lambda row: row["event_date"], reverse=True)
    lake.write(core.EVENT, as_table(core.EVENT, []))
    for third in range(3):
        part = sorted(events[third::3], key=lambda row: (row["person_key"], row["event_date"]))
        lake.append(core.EVENT, as_table(core.EVENT, part))

"""The labels of every outcome equal their recount, under every rule for death and leaving."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given
from hypothesis import strategies as st
from recount.board import EDITION, Board
from recount.cohort_recount import recount_discharges, recount_registered
from recount.feature_recount import lake_views
from recount.label_recount import COLUMNS, OCCURRENCES, prepare, recount_labels
from recount.populations import boards_with_a_future, examples

from features.cohort import CohortSettings
from features.outcomes import OUTCOMES, ImmatureOutcomeError, OutcomeSettings
from pipelines.building.build_features import FeatureRequest, build_features
from pipelines.building.build_labels import build_labels
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake

LIST_ALONE = ("patients", "registrations")  # who is in, and nothing counted: labels need no features
RULES = tuple(product(("competes", "counts"), ("censored", "not_at_risk", "followed")))
MATURITY_DAYS = 90


def request(kind: str) -> FeatureRequest:
    return FeatureRequest(CohortSettings(kind=kind), "planning", EDITION, LIST_ALONE)


def settings_of(names: Iterable[str], turn: int) -> list[OutcomeSettings]:
    """Return the rule of each outcome, in rotation."""
    return [
        OutcomeSettings(name=name, on_death=RULES[(place + turn) % 6][0], on_leaving=RULES[(place + turn) % 6][1])
        for place, name in enumerate(names)
    ]


def assert_recounted(
    lake: Lake, con: DuckDBPyConnection, outcome: OutcomeSettings, index: date, cut: date, all_dates: bool
) -> None:
    expected = recount_labels(con, outcome, cut)
    if not any(row[0] == 1 for row in expected):
        with pytest.raises((RefusalError, ImmatureOutcomeError)):
            build_labels(lake, outcome, index, cut, all_dates=all_dates)
        return
    build_labels(lake, outcome, index, cut, all_dates=all_dates)
    built = lake.read("risk__labels", COLUMNS, f"outcome = '{outcome.name}'", "person_key, index_event_id").to_pylist()
    rows_built = [tuple(row.values()) for row in built]
    assert rows_built == expected, (
        outcome,
        next((ours, theirs) for ours, theirs in zip(rows_built, expected, strict=False) if ours != theirs),
    )


@examples(8)
@given(board=boards_with_a_future(), turn=st.integers(0, 5))
def test_labels_on_one_date_equal_their_recount(board: Board, turn: int) -> None:
    cut = board.index_date + timedelta(days=365 + MATURITY_DAYS + 1)
    with TemporaryDirectory() as folder:
        lake = board.store(Path(folder))
        build_features(lake, request("registered"), board.index_date)
        with lake_views(lake) as con:
            recount_registered(con, board.index_date)
            prepare(con)
            for outcome in settings_of((name for name in OUTCOMES if name != "unplanned_readmission"), turn):
                assert_recounted(lake, con, outcome, board.index_date, cut, False)


@examples(6)
@given(board=boards_with_a_future(), turn=st.integers(0, 5))
def test_labels_of_discharges_equal_their_recount(board: Board, turn: int) -> None:
    cut = board.index_date + timedelta(days=MATURITY_DAYS + 10)  # the latest discharges have not matured
    with TemporaryDirectory() as folder:
        lake = board.store(Path(folder))
        with lake_views(lake) as con:
            recount_discharges(con, board.index_date)
            if not con.sql("FROM f").fetchall():
                return
            build_features(lake, request("discharges"), board.index_date)
            prepare(con)
            for outcome in settings_of(("unplanned_readmission",), turn):
                assert_recounted(lake, con, outcome, board.index_date, cut, True)


def test_every_outcome_has_a_recount() -> None:
    assert set(OCCURRENCES) == set(OUTCOMES)

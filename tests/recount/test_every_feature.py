"""Every feature of the catalogue equals its recount, event by event and edge by edge."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from duckdb import DuckDBPyConnection
from hypothesis import given
from recount.board import AREAS, CATALOGUE, FEEDS, GIVEN, PRACTICES, REGISTERED, Board
from recount.cohort_recount import recount_given, recount_registered
from recount.comparison import built_rows, differences
from recount.feature_recount import lake_views, recount_features
from recount.populations import boards, boards_with_dates_of_their_own, examples

from pipelines.building.build_features import build_features
from pipelines.lake.storage import Lake


def test_every_feature_equals_its_recount_on_every_edge(edges: tuple[Board, Lake]) -> None:
    board, lake = edges
    summary = build_features(lake, REGISTERED, board.index_date, people_per_range=3_000)
    assert not summary.not_computed
    with lake_views(lake) as con:
        recount_registered(con, board.index_date)
        recounted = recount_features(con, CATALOGUE)
        built = built_rows(lake)
        assert differences(con, built, recounted) == []
    same_for_all = [name for name in recounted if recounted[name].nunique() < 2]
    assert same_for_all == []


@examples(10)
@given(board=boards())
def test_every_feature_equals_its_recount_on_one_date(board: Board) -> None:
    with TemporaryDirectory() as folder:
        lake = board.store(Path(folder))
        summary = build_features(lake, REGISTERED, board.index_date, people_per_range=13)
        with lake_views(lake) as con:
            recount_registered(con, board.index_date)
            assert_recounted(con, lake, summary.not_computed)


@examples(7)
@given(board=boards_with_dates_of_their_own())
def test_every_feature_equals_its_recount_where_people_have_dates_of_their_own(board: Board) -> None:
    with TemporaryDirectory() as folder:
        lake = board.store(Path(folder))
        summary = build_features(lake, GIVEN, board.index_date, given=board.given_table(), people_per_range=13)
        with lake_views(lake) as con:
            recount_given(con, board.given)
            assert_recounted(con, lake, summary.not_computed)


@pytest.mark.parametrize("index", [date(2025, 1, 30), date(2024, 12, 31)])
def test_a_window_is_null_from_the_day_that_it_touches_a_month_without_the_feed(index: date, tmp_path: Path) -> None:
    # Windows of 30 and 365 days begin on the last day of a month from the one date, on the first day from the other.
    board = Board(index)
    months_of = [(index - timedelta(days=days)).replace(day=1) for days in (30, 365)]
    gaps = [months_of[0], _month_before(months_of[0]), months_of[1], _month_before(months_of[1])]
    for key, (practice, gap) in enumerate(zip(PRACTICES, gaps, strict=True), start=1):
        _add_person(board, key, practice)
        board.gaps |= {(feed, practice, gap) for feed in FEEDS}
    lake = board.store(tmp_path)
    summary = build_features(lake, REGISTERED, index)
    with lake_views(lake) as con:
        recount_registered(con, index)
        assert_recounted(con, lake, summary.not_computed)
    assert [value is None for value in built_rows(lake)["gp_contacts_30d"].astype(object).where(lambda values: values.notna(), None)] == [
        True, False, False, False
    ]  # fmt: skip


def _month_before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def _add_person(board: Board, key: int, practice: str) -> None:
    person = {"person_key": key, "start_date": date(2015, 1, 1)}
    born = {"birth_date": date(1950, 1, 1), "assumed_birth_date": date(1950, 1, 1), "sex": "1", "on_list": True}
    board.people.append({**person, **born, "person_id": f"P{key:02d}", "type_1_opt_out": False, "national_data_opt_out": False})
    board.registrations.append({**person, "practice_code": practice, "start_is_load_date": False})
    board.residences.append({**person, "lsoa_code": AREAS[key % 5], "residence_status": "resolved"})


def test_a_rate_of_the_months_first_day_excludes_what_its_board_counted(tmp_path: Path) -> None:
    board = Board(date(2024, 7, 15))
    for key in range(1, 25):
        _add_person(board, key, PRACTICES[key % 4])
        stay = {"person_key": key, "event_type": 5, "code": 0, "value": 3.0, "provider": 0, "feed": 1}
        stays = [
            {**stay, "event_date": day, "available_date": day} for day in (date(2024, 3, 1), date(2024, 4, 1), date(2024, 5, 1))
        ]
        board.events += stays[:2] if key % 4 == 1 else []
        if key % 3 == 0:  # taken back after the first of July and before the index date
            board.superseded.append({**stays[2], "superseded_date": date(2024, 7, 10)})
    lake = board.store(tmp_path)
    summary = build_features(lake, REGISTERED, board.index_date)
    with lake_views(lake) as con:
        recount_registered(con, board.index_date)
        assert_recounted(con, lake, summary.not_computed)


def assert_recounted(con: DuckDBPyConnection, lake: Lake, not_computed: Mapping[str, str]) -> None:
    """Compare what was built with the recount; only what the feeds cannot tell (no household, no move, no cost) may be left out."""
    built = built_rows(lake)
    recounted = recount_features(con, CATALOGUE)
    assert {CATALOGUE.by_name[name].concept for name in not_computed} <= {"", "spell_cost", "emergency_overnight_spell"}
    assert not set(not_computed) & set(built)
    assert differences(con, built, recounted.drop(columns=list(not_computed))) == []

"""Run a sample of damages to rows and deliveries, and check that the comparison detects violations."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hostile.board_run import Result
from hostile.damage_round import Board, check_counted, check_person, compare_others
from hostile.damaged_deliveries import all_damages, all_deliveries, run_all
from hostile.damages import Expected

pytestmark = pytest.mark.slow

EVERY = 8


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Board:
    return Board.open(tmp_path_factory.mktemp("damaged"))


def test_damage_to_some_rows_changes_no_one_else_and_is_read_with_caution(board: Board) -> None:
    report = run_all(board, every=EVERY, first=3, forms=0)
    assert report.violations == [], str(report)
    assert len(report.cases) == 5 and min(report.cases.values()) >= 6
    assert report.cases.total() > (len(all_damages(board)) + len(all_deliveries())) // EVERY - 2


def test_a_result_that_differs_from_what_is_expected_is_a_violation(board: Board) -> None:
    damage = next(one for one in all_damages(board) if one.expected is Expected.SUPPRESSED)
    clean, meant = board.result, Result(board.result.lake)
    person = sorted(clean.cohort)[0]
    (found,) = check_person(damage, person, meant, clean)
    assert (found.case, found.person, found.column) == (damage.title, person, damage.column)
    assert "in the cohort" in found.found
    assert check_person(replace(damage, expected=Expected.UNCHANGED), person, meant, clean) == []
    assert [one.found for one in check_counted(damage, person, clean, range(1, 2))] == ["nothing recorded"]

    column = next(name for name, value in meant.people[person][0].items() if isinstance(value, int))
    meant.people[person][0][column] += 1
    (differing,) = compare_others(clean, meant, clean, {})
    assert (differing.person, differing.column) == (person, column)
    assert compare_others(clean, meant, clean, {person: damage}) == []
    del meant.people[person]
    assert [one.column for one in compare_others(clean, meant, clean, {})] == ["rows of features and labels"]

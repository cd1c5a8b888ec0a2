import itertools

import numpy as np
import pytest

from models.disclosure_control import SMALLEST_SHOWN, Total, hidden_cells, is_small, rounded, shown_counts, totals_of


def test_counts_of_1_to_7_are_hidden_zero_is_shown_and_others_are_rounded_to_5():
    assert [is_small(count) for count in (0, 1, 7, 8)] == [False, True, True, False]
    assert [rounded(count) for count in (0, 8, 12, 13, 100, 102)] == [0, 10, 10, 15, 100, 100]
    assert shown_counts({"a": 0, "b": 3, "c": 5, "d": 23}, []) == {"a": 0, "b": None, "c": None, "d": 25}


def test_one_hidden_cell_of_a_total_takes_the_next_smallest_with_it():
    counts = {"all": 103, "a": 3, "b": 40, "c": 60, "d": 0}
    whole = Total("all", ("a", "b", "c", "d"))
    assert hidden_cells(counts, [whole]) == {"a", "b"}
    assert shown_counts(counts, [whole]) == {"all": 105, "a": None, "b": None, "c": 60, "d": 0}


def test_two_tiny_cells_do_not_protect_each_other():
    """The total would tell that they hold 3 between them."""
    counts = {"all": 103, "a": 1, "b": 2, "c": 40, "d": 60}
    assert hidden_cells(counts, [Total("all", ("a", "b", "c", "d"))]) == {"a", "b", "c"}


def test_the_whole_is_hidden_where_nothing_else_can_be():
    assert hidden_cells({"all": 5, "a": 5, "b": 0}, [Total("all", ("a", "b"))]) == {"all", "a"}


def test_a_hidden_whole_is_not_the_sum_of_parts_that_are_shown():
    counts = {"icb": 100, "pcn": 20, "p1": 8, "p2": 12, "other": 80}
    totals = [Total("icb", ("pcn", "other")), Total("pcn", ("p1", "p2"))]
    hidden = hidden_cells(counts, totals, at_first=["pcn"])
    assert "pcn" in hidden and hidden & {"p1", "p2"} and "other" in hidden


def test_a_hierarchy_is_protected_at_every_level():
    parents = {"d1": "q1", "d2": "q1", "d3": "q2", "d4": "q2", "q1": "all", "q2": "all"}
    counts = {"d1": 3, "d2": 50, "d3": 40, "d4": 60, "q1": 53, "q2": 100, "all": 153}
    assert hidden_cells(counts, totals_of(parents)) == {"d1", "d2"}


@pytest.mark.parametrize("seed", range(40))
def test_nobody_can_work_out_a_hidden_cell_from_what_is_shown(seed):
    """An attacker with exact totals tries every number for the hidden cells: each must have more than one that fits."""
    rng = np.random.default_rng(seed)
    parts = {name: int(count) for name, count in zip("abcd", rng.choice([0, 1, 2, 5, 7, 9, 12], 4), strict=True)}
    counts = {"all": sum(parts.values()), **parts}
    hidden = hidden_cells(counts, [Total("all", tuple(parts))])
    assert {name for name, count in counts.items() if is_small(count)} <= hidden
    if "all" in hidden:
        assert hidden - {"all"}
        return
    unknown = sorted(hidden)
    left = counts["all"] - sum(count for name, count in parts.items() if name not in hidden)
    fits = [numbers for numbers in itertools.product(range(1, left + 1), repeat=len(unknown)) if sum(numbers) == left]
    for place in range(len(unknown)):
        assert max(numbers[place] for numbers in fits) >= SMALLEST_SHOWN and len({numbers[place] for numbers in fits}) > 1

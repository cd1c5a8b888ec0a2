import numpy as np

from features.periods import OPEN, Households, HouseholdSizes, as_at, joined_ends, starts_between


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


PERSON, START, END = ints(1, 1, 2), ints(100, 201, 50), ints(200, OPEN, 60)


def test_a_period_holds_its_first_and_its_last_day() -> None:
    who, day = ints(1, 1, 1, 1, 2, 2, 3), ints(99, 100, 200, 201, 60, 61, 100)
    assert as_at(PERSON, START, END, who, day).tolist() == [-1, 0, 0, 1, 2, -1, -1]


def test_starts_within_a_window_are_counted() -> None:
    assert starts_between(PERSON, START, ints(1, 1, 2), ints(100, 101, 0), ints(201, 201, 49)).tolist() == [2, 1, 0]


def test_periods_a_short_gap_apart_are_one_chain() -> None:
    assert joined_ends(ints(1, 1, 1, 2), ints(0, 20, 200, 0), ints(10, 30, OPEN, 5), gap_days=30).tolist() == [30, 30, OPEN, 5]


def test_a_household_has_the_people_of_that_day() -> None:
    homes = Households.from_periods(np.array([7, 7, 9], dtype=np.uint64), ints(0, 10, 0), ints(OPEN, 20, 5))
    asked = np.array([7, 7, 7, 9, 9, 8], dtype=np.uint64)
    assert homes.size_at(asked, ints(5, 20, 21, 5, 6, 5)).tolist() == [1, 2, 1, 1, 0, 0]


def test_sizes_on_one_day_are_those_of_the_periods_on_that_day() -> None:
    sizes = HouseholdSizes.of(np.array([9, 7, 7], dtype=np.uint64))
    asked = np.array([7, 9, 8, 0], dtype=np.uint64)
    assert sizes.size_at(asked, ints(5, 5, 5, 5)).tolist() == [2, 1, 0, 0]
    assert HouseholdSizes.of(asked[:0]).size_at(asked, ints(5, 5, 5, 5)).tolist() == [0, 0, 0, 0]

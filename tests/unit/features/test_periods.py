import numpy as np

from features.periods import MOVE_GAP_DAYS, OPEN, Households, HouseholdSizes, as_at, joined_ends, registered_at, starts_between


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int32)


PERSON, START, END = ints(1, 1, 2), ints(100, 201, 50), ints(200, OPEN, 60)


def test_a_period_holds_its_first_and_its_last_day() -> None:
    who, day = ints(1, 1, 1, 1, 2, 2, 3), ints(99, 100, 200, 201, 60, 61, 100)
    assert as_at(PERSON, START, END, who, day).tolist() == [-1, 0, 0, 1, 2, -1, -1]


def test_a_gap_of_up_to_thirty_days_between_registrations_is_a_move() -> None:
    next_start = 200 + 1 + MOVE_GAP_DAYS
    person, start, end = ints(1, 1, 2, 2, 3), ints(100, next_start, 100, next_start + 1, 100), ints(200, OPEN, 200, OPEN, 200)
    who, day = ints(1, 1, 1, 2, 2, 3, 3, 4), ints(201, next_start - 1, next_start, 201, next_start + 1, 200, 201, 201)
    assert registered_at(person, start, end, who, day).tolist() == [0, 0, 1, -1, 3, 4, -1, -1]
    assert registered_at(person[:0], start[:0], end[:0], who, day).tolist() == [-1] * 8


def test_a_move_joins_the_last_registration_before_the_day_to_the_next_one_of_the_same_person() -> None:
    person, start, end = ints(1, 1, 1, 2), ints(0, 60, 110, 105), ints(50, 100, OPEN, OPEN)
    assert registered_at(person, start, end, ints(1, 1, 1, 1, 2, 2), ints(-1, 55, 60, 105, 104, 105)).tolist() == [
        -1,
        0,
        1,
        1,
        -1,
        3,
    ]


def test_starts_within_a_window_are_counted() -> None:
    assert starts_between(PERSON, START, ints(1, 1, 2), ints(100, 101, 0), ints(201, 201, 49)).tolist() == [2, 1, 0]


def test_periods_a_short_gap_apart_are_one_chain() -> None:
    assert joined_ends(ints(1, 1, 1, 2), ints(0, 20, 200, 0), ints(10, 30, OPEN, 5), gap_days=30).tolist() == [30, 30, OPEN, 5]


def test_a_household_has_the_people_of_that_day() -> None:
    homes = Households.from_periods(
        np.array([7, 7, 9], dtype=np.uint64), ints(0, 10, 0), ints(OPEN, 20, 5), np.zeros(3, dtype=bool)
    )
    asked = np.array([7, 7, 7, 9, 9, 8], dtype=np.uint64)
    assert homes.size_at(asked, ints(5, 20, 21, 5, 6, 5)).tolist() == [1, 2, 1, 1, 0, 0]


def test_sizes_on_one_day_are_those_of_the_periods_on_that_day() -> None:
    sizes = HouseholdSizes.of(np.array([9, 7, 7], dtype=np.uint64), np.zeros(3, dtype=bool))
    asked = np.array([7, 9, 8, 0], dtype=np.uint64)
    assert sizes.size_at(asked, ints(5, 5, 5, 5)).tolist() == [2, 1, 0, 0]
    assert HouseholdSizes.of(asked[:0], np.zeros(0, dtype=bool)).size_at(asked, ints(5, 5, 5, 5)).tolist() == [0, 0, 0, 0]


def test_the_size_of_a_household_with_a_person_in_doubt_is_not_known() -> None:
    home, doubt = np.array([7, 7, 9], dtype=np.uint64), np.array([False, True, False])
    homes = Households.from_periods(home, ints(0, 10, 0), ints(OPEN, 20, 5), doubt)
    assert homes.size_at(np.array([7, 7, 7, 9], dtype=np.uint64), ints(9, 15, 21, 5)).tolist() == [1, 0, 1, 1]
    assert HouseholdSizes.of(home, doubt).size_at(home, ints(15, 15, 15)).tolist() == [0, 0, 1]

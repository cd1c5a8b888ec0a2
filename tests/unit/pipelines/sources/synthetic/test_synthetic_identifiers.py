from __future__ import annotations

import numpy as np

from pipelines.sources.synthetic.identifiers import look_up, nhs_numbers_for_tests, pseudonyms, record_numbers


def test_pseudonyms_are_distinct_and_depend_only_on_number_and_seed() -> None:
    people = np.arange(20_000)
    first, again, other = (pseudonyms(people, seed).to_pylist() for seed in (1, 1, 2))
    assert len(set(first)) == len(people)
    assert first == again
    assert not set(first) & set(other)
    assert all(value[0] == "P" and len(value) == 17 for value in first)


def test_record_numbers_keep_their_digits() -> None:
    assert record_numbers("S", np.array([0, 7, 123_456_789_012])).to_pylist() == [
        "S000000000000",
        "S000000000007",
        "S123456789012",
    ]


def test_nhs_numbers_come_from_the_test_range_and_pass_the_check() -> None:
    numbers = nhs_numbers_for_tests(50, first=123)
    assert len(set(numbers)) == 50
    for number in numbers:
        remainder = sum(int(digit) * weight for digit, weight in zip(number[:9], range(10, 1, -1), strict=True)) % 11
        assert number.startswith("999")
        assert (11 - remainder) % 11 == int(number[9])


def test_a_negative_position_is_null() -> None:
    assert look_up(["a", "b"], np.array([1, -1, 0])).to_pylist() == ["b", None, "a"]

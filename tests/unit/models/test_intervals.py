import pytest

from models.intervals import wilson


@pytest.mark.parametrize(
    ("events", "people", "lower", "upper"),  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_limits_are_those_of_newcombe(events: int, people: int, lower: float, upper: float) -> None:
    share = wilson(events, people)
    assert (share.lower, share.upper) == pytest.approx((lower, upper), abs=5e-5)

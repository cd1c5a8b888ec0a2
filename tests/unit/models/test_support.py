"""Support: odds that differ on the scoring date, whichever side has more, beyond chance, and with no small count in it."""

import numpy as np
import pytest

from models.drift import bin_categories, bin_numbers, drift
from models.support import DIFFERS, Support

NAN = float("nan")


def test_support_is_the_share_other_than_zero_of_those_known() -> None:
    before, after = np.array([0.0, 0.0, 0.0, 3.0, NAN] * 20), np.array([0.0, 1.0, NAN, NAN, NAN] * 20)
    support = drift(bin_numbers(before, after)).support
    assert (support.share_before, support.share_after) == (0.25, 0.5)
    of_categories = drift(bin_categories({"a": 60, None: 40}, {"a": 50, "b": 50})).support
    assert (of_categories.share_before, of_categories.share_after, of_categories.factor) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("before", "after"), [([NAN] * 50, [0.0, 1.0] * 50), ([0.0, 1.0] * 50, [NAN] * 50), ([NAN] * 50, [NAN] * 50)]
)
def test_support_is_not_known_where_no_one_has_a_known_value(before: list[float], after: list[float]) -> None:
    support = drift(bin_numbers(np.array(before), np.array(after))).support
    known = [0.5 if 1.0 in values else NAN for values in (before, after)]
    np.testing.assert_equal([support.share_before, support.share_after, support.factor], [*known, NAN])
    of_categories = Support(0, 0, 50, 50)
    np.testing.assert_equal([of_categories.share_before, of_categories.share_after, of_categories.factor], [NAN, 1.0, NAN])


@pytest.mark.parametrize(("before", "after"), [(10_000, 20_000), (20_000, 10_000), (80_000, 90_000)])
def test_odds_that_differ_by_a_factor_differ_on_either_side(before: int, after: int) -> None:
    support = Support(before, 100_000, after, 100_000)
    assert support.factor == pytest.approx(2.25, abs=0.01)
    assert not support.may_be_chance


def test_equal_supports_have_the_factor_1() -> None:
    assert Support(0, 3000, 0, 1000).factor == Support(3000, 3000, 1000, 1000).factor == 1.0
    assert Support(300, 3000, 100, 1000).factor == 1.0
    assert Support(0, 3000, 0, 1000).may_be_chance


def test_a_feature_that_no_one_had_in_training_differs() -> None:
    """Check the case of a window within the lag: 0 on every training date, and 6.5% on the scoring date."""
    support = Support(0, 6000, 130, 2000)
    assert support.factor > 100 * DIFFERS
    assert not support.may_be_chance


def test_the_latest_30_of_90_days_are_beyond_the_limit() -> None:
    """A feed without its latest 30 of 90 days: of people with 0.2 events a quarter, the share with any falls from 18% to 12%."""
    fresh, late = (round(50_000 * (1 - np.exp(-0.2 * days / 90))) for days in (90, 60))
    assert Support(late, 50_000, fresh, 50_000).factor > DIFFERS


def test_few_people_may_differ_by_chance() -> None:
    assert Support(2, 2000, 9, 1000).may_be_chance
    rng, beyond = np.random.default_rng(5), 0
    for _ in range(2000):
        before, after = rng.binomial(2000, 0.02), rng.binomial(1000, 0.02)
        beyond += not Support(before, 2000, after, 1000).may_be_chance
    assert beyond == 0


@pytest.mark.parametrize("few", range(1, 8))
def test_no_small_count_follows_from_the_factor(few: int) -> None:
    assert Support(few, 4000, 100, 2000).factor == Support(5, 4000, 100, 2000).factor

"""The published numbers are cited; the others are worked out by hand in the test."""

import numpy as np
import pytest
from scipy.stats import chi2

from models.rates import (
    ESP_2013,
    Limits,
    byar_limits,
    count_limits,
    crude_rate,
    difference_of,
    directly_standardised_rate,
    directly_standardised_rate_of_repeats,
    exact_limits,
    expected_events,
    indirectly_standardised_ratio,
    ratio_of,
)

RNG = np.random.default_rng(1)
POPULATION = RNG.integers(10_000, 20_000, 19).astype(float)
EVENTS = RNG.integers(1, 200, 19).astype(float)


@pytest.mark.parametrize(
    ("events", "lower", "upper"),  # Ulm 1990, American Journal of Epidemiology 131:373: exact limits of a Poisson count
    [(0, 0.0, 3.69), (1, 0.03, 5.57), (5, 1.62, 11.67), (10, 4.80, 18.39), (100, 81.36, 121.63)],
)
def test_exact_limits_are_those_of_the_poisson_tables(events, lower, upper):
    assert exact_limits(events) == pytest.approx((lower, upper), abs=0.005)


def test_byar_is_within_a_fifth_of_a_percent_of_exact_from_ten_events():
    """As the UKHSA technical guide on confidence intervals says."""
    counts = np.arange(10, 2000)
    for byar, exact in zip(byar_limits(counts), exact_limits(counts), strict=True):
        assert np.abs(byar / exact - 1).max() < 0.002


def test_limits_of_a_count_change_method_at_ten():
    lower, upper = count_limits([9, 10])
    assert lower[0] == pytest.approx(chi2.ppf(0.025, 18) / 2) and upper[0] == pytest.approx(chi2.ppf(0.975, 20) / 2)
    assert (lower[1], upper[1]) == pytest.approx(byar_limits(10))
    assert count_limits(7, 99.8) == count_limits(7, 0.998)


def test_crude_rates_scale_their_limits():
    rate = crude_rate([82, 9], [10_000, 10_000], multiplier=1000)
    assert rate.value == pytest.approx([8.2, 0.9])
    assert rate.lower == pytest.approx(count_limits([82, 9])[0] / 10)


def test_the_european_standard_population_has_100_000_people_in_19_bands():
    assert ESP_2013.sum() == 100_000 and len(ESP_2013) == 19


def test_a_directly_standardised_rate_worked_by_hand():
    """Three bands: (20/1000 * 5 + 30/2000 * 3 + 10/500 * 2) / 10; variance 20*(5/1000)^2 + ..., over 100; O = 60."""
    result = directly_standardised_rate([20, 30, 10], [1000, 2000, 500], [5, 3, 2], multiplier=1000)
    assert result.value == pytest.approx(18.5)
    variance = (20 * (5 / 1000) ** 2 + 30 * (3 / 2000) ** 2 + 10 * (2 / 500) ** 2) / 100
    lower, upper = byar_limits(60)
    assert result.lower == pytest.approx(18.5 + np.sqrt(variance / 60) * (lower - 60) * 1000)
    assert result.upper == pytest.approx(18.5 + np.sqrt(variance / 60) * (upper - 60) * 1000)


def test_groups_are_standardised_at_once_and_few_events_are_not_reported():
    few = np.zeros(19)
    few[4] = 9
    result = directly_standardised_rate(np.stack([EVENTS, few]), np.stack([POPULATION, POPULATION]))
    assert result.value[0] == directly_standardised_rate(EVENTS, POPULATION).value
    assert np.isnan([result.value[1], result.lower[1], result.upper[1]]).all()
    missing = np.where(EVENTS.min() == EVENTS, np.nan, EVENTS)
    assert directly_standardised_rate(missing, POPULATION).value < result.value[0]


def test_repeat_events_keep_the_rate_and_widen_its_limits():
    thrice, twice = np.floor(EVENTS * 0.1 / 3), np.floor(EVENTS * 0.2 / 2)
    once = EVENTS - 3 * thrice - 2 * twice
    repeated = directly_standardised_rate_of_repeats(np.stack([once, twice, thrice]), [1, 2, 3], POPULATION)
    plain = directly_standardised_rate(EVENTS, POPULATION)
    assert repeated.value == pytest.approx(plain.value)
    weights = (ESP_2013 / POPULATION) ** 2 / ESP_2013.sum() ** 2
    variance = sum(f**2 * (people * weights).sum() for f, people in ((1, once), (2, twice), (3, thrice)))
    ratio = np.sqrt(variance / (EVENTS * weights).sum())
    assert ratio > 1.1 and (repeated.upper - repeated.value) / (plain.upper - plain.value) == pytest.approx(ratio)
    single = directly_standardised_rate_of_repeats(EVENTS[None, :], [1], POPULATION)
    assert single == pytest.approx(plain)


def test_an_indirectly_standardised_ratio_worked_by_hand():
    """Expected 1000 * 10/500 + 2000 * 60/1000 = 140."""
    result = indirectly_standardised_ratio([40, 60], [1000, 2000], [10, 60], [500, 1000], reference_value=100)
    assert expected_events([1000, 2000], [10, 60], [500, 1000]) == pytest.approx(140)
    assert result.value == pytest.approx(100 / 140 * 100)
    assert (result.lower, result.upper) == pytest.approx(tuple(np.array(byar_limits(100)) / 140 * 100))
    few = indirectly_standardised_ratio([2, 3], [1000, 2000], [10, 60], [500, 1000])
    assert few.upper == pytest.approx(exact_limits(5)[1] / 140)


def test_the_reference_against_itself_is_one():
    assert indirectly_standardised_ratio(EVENTS, POPULATION, EVENTS, POPULATION).value == pytest.approx(1)


def test_differences_and_ratios_take_the_limits_of_their_parts():
    first, second = Limits(10.0, 8.0, 13.0), Limits(4.0, 3.0, 6.0)
    result = difference_of(first, second)
    assert result == pytest.approx((6, 6 - np.hypot(2, 2), 6 + np.hypot(3, 1)))
    ratio = ratio_of(first, second)
    assert ratio.value == pytest.approx(2.5) and ratio.lower < 2.5 < ratio.upper
    assert np.log(ratio.upper / 2.5) == pytest.approx(np.hypot(np.log(1.3), np.log(4 / 3)))


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: crude_rate([1], [0]), "denominator must be above 0"),
        (lambda: byar_limits(-1), "0 or more"),
        (lambda: count_limits(5, 0.5), "between 0.9 and 1"),
        (lambda: directly_standardised_rate([1, 2], [3, 4]), "cannot be the same bands"),
    ],
)
def test_what_makes_no_rate_is_refused(work, message):
    with pytest.raises(ValueError, match=message):
        work()

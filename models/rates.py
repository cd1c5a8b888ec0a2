"""Rates and ratios with limits, by the formulas of the UKHSA Fingertips technical guidance.

Every function takes NumPy arrays (or lists). Where bands are summed over they are the last axis, so a matrix of groups by
bands gives one rate per group. `confidence` is a share (0.95) or a percentage (95). What cannot be reported is NaN.
Sources: Breslow and Day 1987 (Byar), Armitage and Berry 2002 (exact), Dobson et al. 1991, Eurostat 2013 (ESP);
agreement with the agency's own PHEindicatormethods package is the aim.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2, norm

Numbers = NDArray[np.float64]

# European Standard Population 2013 by five-year age band: 0-4, 5-9, ... 85-89, 90 and over.
ESP_2013: Numbers = np.array(
    [5000, 5500, 5500, 5500, 6000, 6000, 6500, 7000, 7000, 7000, 7000, 6500, 6000, 5500, 5000, 4000, 2500, 1500, 1000],
    dtype=np.float64,
)
FEWEST_EVENTS = 10  # below it a directly standardised rate is not reported, and limits of a count are exact


class Limits(NamedTuple):
    """A value with its lower and upper limit: numbers, or arrays with one element for each group."""

    value: Numbers
    lower: Numbers
    upper: Numbers


def byar_limits(events: ArrayLike, confidence: float = 0.95) -> tuple[Numbers, Numbers]:
    """Return Byar's limits of a count of independent events; a lower limit below 0 is NaN."""
    count, z = _counts(events), _z(confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        lower = count * (1 - 1 / (9 * count) - z / (3 * np.sqrt(count))) ** 3
    upper = (count + 1) * (1 - 1 / (9 * (count + 1)) + z / (3 * np.sqrt(count + 1))) ** 3
    return np.where(lower < 0, np.nan, lower)[()], upper[()]


def exact_limits(events: ArrayLike, confidence: float = 0.95) -> tuple[Numbers, Numbers]:
    """Return the exact Poisson limits of a count (chi-square quantiles); the lower limit of no event is 0."""
    count, tail = _counts(events), (1 - _share(confidence)) / 2
    lower = np.where(count > 0, chi2.ppf(tail, 2 * np.maximum(count, 0.5)) / 2, 0.0)
    return lower[()], np.asarray(chi2.ppf(1 - tail, 2 * count + 2) / 2)[()]


def count_limits(events: ArrayLike, confidence: float = 0.95) -> tuple[Numbers, Numbers]:
    """Return the limits of a count: exact below 10 events, Byar's from there."""
    few = _counts(events) < FEWEST_EVENTS
    pairs = zip(exact_limits(events, confidence), byar_limits(events, confidence), strict=True)
    lower, upper = (np.where(few, exact, byar)[()] for exact, byar in pairs)
    return lower, upper


def crude_rate(events: ArrayLike, population: ArrayLike, confidence: float = 0.95, multiplier: float = 100_000.0) -> Limits:
    """Return events over population (or person-years) times the multiplier, with the limits of the count."""
    scale = multiplier / _population(population)
    lower, upper = count_limits(events, confidence)
    return Limits((_counts(events) * scale)[()], (lower * scale)[()], (upper * scale)[()])


def directly_standardised_rate(
    events: ArrayLike,
    population: ArrayLike,
    standard_population: ArrayLike = ESP_2013,
    confidence: float = 0.95,
    multiplier: float = 100_000.0,
) -> Limits:
    """Return the rate the standard population would have, with Dobson's limits; NaN below 10 events in all.

    `events` and `population` by band (last axis). Missing events count as none; every band needs people.
    """
    x, n, weights = _bands(events, population, standard_population)
    return _dobson(x, _weighted_rate(x, n, weights), _variance(x, n, weights), confidence, multiplier)


def directly_standardised_rate_of_repeats(
    people: ArrayLike,
    times: ArrayLike,
    population: ArrayLike,
    standard_population: ArrayLike = ESP_2013,
    confidence: float = 0.95,
    multiplier: float = 100_000.0,
) -> Limits:
    """Return the standardised rate of events that one person may have repeatedly, with limits that account for it.

    `people` holds people by number of events (`times`, last axis but one) and band (last axis). The variance is the sum over
    the numbers f of f^2 times the variance of the people with f events.
    """
    who, f = np.asarray(people, dtype=np.float64), np.asarray(times, dtype=np.float64)
    x, n, weights = _bands((who * f[:, None]).sum(axis=-2), population, standard_population)
    variance = (_variance(who, n[..., None, :], weights) * f**2).sum(axis=-1)
    return _dobson(x, _weighted_rate(x, n, weights), variance, confidence, multiplier)


def indirectly_standardised_ratio(
    events: ArrayLike,
    population: ArrayLike,
    reference_events: ArrayLike,
    reference_population: ArrayLike,
    confidence: float = 0.95,
    reference_value: float = 1.0,
) -> Limits:
    """Return observed over expected events (a standardised mortality ratio for deaths), with the observed count's limits.

    Expected are the events at the reference's rates, by band (last axis).
    """
    observed = _counts(events).sum(axis=-1)
    scale = reference_value / expected_events(population, reference_events, reference_population)
    lower, upper = count_limits(observed, confidence)
    return Limits((observed * scale)[()], (lower * scale)[()], (upper * scale)[()])


def expected_events(population: ArrayLike, reference_events: ArrayLike, reference_population: ArrayLike) -> Numbers:
    """Return the events a population would have at the reference's rates, summed over the bands (last axis)."""
    rates = _counts(reference_events) / _population(reference_population)
    return np.asarray((np.nan_to_num(np.asarray(population, dtype=np.float64)) * rates).sum(axis=-1))[()]


def difference_of(first: Limits, second: Limits) -> Limits:
    """Return the difference of two independent estimates, with limits from theirs (MOVER; Zou and Donner 2008)."""
    value = first.value - second.value
    down = np.hypot(first.value - first.lower, second.upper - second.value)
    up = np.hypot(first.upper - first.value, second.value - second.lower)
    return Limits(value, value - down, value + up)


def ratio_of(first: Limits, second: Limits) -> Limits:
    """Return the ratio of two independent positive estimates, with limits from theirs (MOVER on the log scale)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = difference_of(Limits(*map(np.log, first)), Limits(*map(np.log, second)))
    return Limits(*(np.exp(value) for value in logs))


def _weighted_rate(events: Numbers, population: Numbers, weights: Numbers) -> Numbers:
    return np.asarray((weights * events / population).sum(axis=-1) / weights.sum(axis=-1))


def _dobson(events: Numbers, rate: Numbers, variance: Numbers, confidence: float, multiplier: float) -> Limits:
    """Return a standardised rate with Dobson's limits from the variance; NaN with too few events."""
    total = events.sum(axis=-1)
    enough = np.round(total, 6) >= FEWEST_EVENTS  # scaled counts may add up to a hair below 10
    with np.errstate(divide="ignore", invalid="ignore"):
        lower, upper = (rate + np.sqrt(variance / total) * (limit - total) for limit in byar_limits(total, confidence))
    return Limits(*(np.where(enough, value * multiplier, np.nan)[()] for value in (rate, lower, upper)))


def _variance(events: Numbers, population: Numbers, weights: Numbers) -> Numbers:
    return (np.nan_to_num(events) * (weights / population) ** 2).sum(axis=-1) / weights.sum(axis=-1) ** 2


def _bands(events: ArrayLike, population: ArrayLike, standard: ArrayLike) -> tuple[Numbers, Numbers, Numbers]:
    x, n, weights = _counts(events), _population(population), np.asarray(standard, dtype=np.float64)
    if not x.shape[-1] == n.shape[-1] == weights.shape[-1]:
        raise ValueError(
            f"events in {x.shape[-1]} bands, people in {n.shape[-1]} and a standard population in {weights.shape[-1]} cannot be the same bands"
        )
    return x, n, weights


def _counts(events: ArrayLike) -> Numbers:
    """Read counts; missing ones are none."""
    counts = np.nan_to_num(np.asarray(events, dtype=np.float64), nan=0.0)
    if (counts < 0).any():
        raise ValueError("events must be 0 or more")
    return counts


def _population(population: ArrayLike) -> Numbers:
    people = np.asarray(population, dtype=np.float64)
    if not (people > 0).all():
        raise ValueError("every denominator must be above 0; join a band without people to its neighbour first")
    return people


def _share(confidence: float) -> float:
    share = confidence / 100 if confidence >= 90 else confidence
    if not 0.9 <= share < 1:
        raise ValueError(f"confidence must lie between 0.9 and 1, or 90 and 100, not {confidence}")
    return share


def _z(confidence: float) -> float:
    return float(norm.ppf(0.5 + _share(confidence) / 2))

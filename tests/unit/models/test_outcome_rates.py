import numpy as np
import pytest

from models.outcome_rates import FEW_EVENTS, GRADIENT, NO_AGE, GroupCounts, change_rows, rate_rows
from models.rates import byar_limits, directly_standardised_rate

BANDS = np.arange(19)
RATE_AT_AGE = 0.002 * 1.2**BANDS  # events rise with age


def _counts(kind, names, people, events, **more):
    people, events = np.asarray(people, dtype=float), np.asarray(events, dtype=float)
    return GroupCounts(kind, tuple(names), people, events, np.zeros((len(names), 2)), **more)


def _board(seed=1, times=(1.8, 1.5, 1.2, 1.0, 0.9)):
    """Five quintiles, the most deprived young and with more events at every age."""
    rng = np.random.default_rng(seed)
    people = np.stack([rng.integers(800, 1200, 19) * np.exp(-0.06 * BANDS * (3 - place)) for place in range(5)]).round()
    return people, np.stack([people[place] * RATE_AT_AGE * times[place] for place in range(5)]).round()


PEOPLE, EVENTS = _board()
QUINTILES = _counts("imd_quintile", "12345", PEOPLE, EVENTS)
EVERYONE = _counts("all", ["all"], PEOPLE.sum(axis=0, keepdims=True), EVENTS.sum(axis=0, keepdims=True))


def _found(rows, name, measure):
    rows = [row for row in rows if (row.name, row.measure) == (name, measure)]
    assert len(rows) == 1
    return rows[0]


def test_a_crude_gradient_that_age_reverses_is_put_right():
    rows = rate_rows(QUINTILES, EVERYONE, seed=1)
    crude = [_found(rows, name, "crude_rate").value for name in "15"]
    standardised = [_found(rows, name, "directly_standardised_rate").value for name in "15"]
    assert crude[0] < crude[1] and standardised[0] > 1.5 * standardised[1]
    assert standardised[0] == pytest.approx(directly_standardised_rate(EVENTS[0], PEOPLE[0]).value)
    ratio = _found(rows, "1", "indirectly_standardised_ratio")
    assert ratio.value > 1.3 and ratio.lower < ratio.value < ratio.upper


def test_gaps_are_absolute_and_relative_against_the_least_deprived():
    rows = rate_rows(QUINTILES, EVERYONE, seed=1)
    first, last = (_found(rows, name, "directly_standardised_rate") for name in "15")
    difference, ratio = _found(rows, "1", "rate_difference"), _found(rows, "1", "rate_ratio")
    assert difference.compared_with == ratio.compared_with == "5"
    assert (difference.value, ratio.value) == pytest.approx((first.value - last.value, first.value / last.value))
    assert difference.lower > 0 and ratio.lower > 1


def test_the_gradient_is_negative_where_the_deprived_have_more():
    rows = rate_rows(QUINTILES, EVERYONE, seed=1)
    slope, relative, concentration = (
        _found(rows, GRADIENT, name)
        for name in ("slope_index_of_inequality", "relative_index_of_inequality", "concentration_index")
    )
    assert slope.upper < 0 and relative.upper < 1 and concentration.upper < 0
    assert 0.35 < relative.value < 0.55  # planted: 1.8 to 0.9 over the quintiles


def test_no_gradient_where_a_quintile_has_few_events():
    events = EVENTS.copy()
    events[2] = 0
    rows = rate_rows(_counts("imd_quintile", "12345", PEOPLE, events), EVERYONE, seed=1)
    assert _found(rows, "3", "directly_standardised_rate").reason == FEW_EVENTS
    slope = _found(rows, GRADIENT, "slope_index_of_inequality")
    assert np.isnan(slope.value) and slope.reason == f"1 of 5 groups have {FEW_EVENTS}"


def test_other_kinds_are_compared_with_their_largest_known_group():
    people = np.stack([PEOPLE[0], PEOPLE[1] * 3, PEOPLE[2] * 9])
    rows = rate_rows(_counts("ethnic_group", ["asian", "white", "not_known"], people, people * RATE_AT_AGE), EVERYONE, seed=1)
    assert _found(rows, "asian", "rate_ratio").compared_with == "white"
    assert _found(rows, "not_known", "rate_ratio").compared_with == "white"
    assert not [row for row in rows if row.name == GRADIENT]


def test_an_empty_band_joins_its_neighbour_and_ages_outside_the_cohort_take_no_part():
    people = np.where(BANDS < 4, 0.0, 1000.0)  # a cohort of adults
    everyone = _counts("all", ["all"], [people], [people * 0.05])
    gap = np.where(BANDS == 10, 0.0, people)
    rows = rate_rows(_counts("pcn_code", ["P1"], [gap], [gap * 0.05]), everyone, seed=1)
    assert _found(rows, "P1", "directly_standardised_rate").value == pytest.approx(5000)
    assert _found(rows, "P1", "indirectly_standardised_ratio").value == pytest.approx(1)


def test_further_events_of_a_person_are_counted_where_they_are_known():
    once, twice = EVENTS * 0.5, EVENTS * 0.5
    counted = _counts(
        "imd_quintile", "12345", PEOPLE, EVENTS, times=np.array([1.0, 2.0]), repeats=np.stack([once, twice], axis=1)
    )
    rows = rate_rows(counted, EVERYONE, seed=1)
    people, events = (_found(rows, "2", f"directly_standardised_{of}") for of in ("rate", "event_rate"))
    assert events.value == pytest.approx(1.5 * people.value)
    assert (events.upper - events.value) > 1.5 * (people.upper - people.value)


def test_without_an_age_only_the_crude_rate_is_left():
    counts = GroupCounts("sex_name", ("male",), np.zeros((1, 19)), np.zeros((1, 19)), np.array([[500.0, 40.0]]))
    rows = rate_rows(counts, counts, seed=1)
    assert [row.measure for row in rows] == ["crude_rate", "directly_standardised_rate"]
    assert rows[0].value == pytest.approx(8000) and rows[1].reason == NO_AGE


def test_a_change_between_years_has_limits():
    before = rate_rows(QUINTILES, EVERYONE, seed=1)
    worse = _counts("imd_quintile", "12345", PEOPLE, (EVENTS * [[2], [1], [1], [1], [1]]))
    rows = change_rows(rate_rows(worse, EVERYONE, seed=1), before, "2023-10-01")
    ratio = _found(rows, "1", "directly_standardised_rate_change_ratio")
    assert ratio.value == pytest.approx(2) and ratio.lower > 1.3 and ratio.compared_with == "2023-10-01"
    same = _found(rows, "3", "directly_standardised_rate_change")
    assert same.value == 0 and same.lower < 0 < same.upper
    assert _found(rows, GRADIENT, "slope_index_of_inequality_change").value < 0
    assert change_rows(before, [], "2023-10-01") == []


@pytest.mark.parametrize("exact", [(998, 43), (1000, 45), (1002, 47)])
def test_counts_that_round_alike_give_the_same_rates(exact):
    """All of one age: every standardised rate is the crude one, and would show the count behind it."""
    people, events = (np.where(BANDS == 10, count, 0.0) for count in exact)
    everyone = _counts("all", ["all"], [np.where(BANDS == 10, 9000.0, 0.0)], [np.where(BANDS == 10, 500.0, 0.0)])
    rows = rate_rows(_counts("pcn_code", ["P1"], [people], [events]).rounded(), everyone, seed=1)
    crude, standardised = (_found(rows, "P1", name) for name in ("crude_rate", "directly_standardised_rate"))
    assert crude.value == pytest.approx(4500) and standardised.value == pytest.approx(4500)
    limits = byar_limits(45)
    for row in (crude, standardised):
        assert (row.lower, row.upper) == pytest.approx([limit / 1000 * 100_000 for limit in limits])
    ratio = _found(rows, "P1", "indirectly_standardised_ratio")
    assert (ratio.value, ratio.upper) == pytest.approx((45 / (1000 * 500 / 9000), limits[1] / (1000 * 500 / 9000)))
    assert all((row.people, row.events) == (1000, 45) for row in rows)


def test_eight_events_that_are_shown_as_ten_are_too_few_for_a_standardised_rate():
    people, events = (np.where(BANDS == 10, count, 0.0) for count in (1000, 8))
    rows = rate_rows(_counts("pcn_code", ["P1"], [people], [events]).rounded(), EVERYONE, seed=1)
    assert _found(rows, "P1", "directly_standardised_rate").reason == FEW_EVENTS
    twelve = _counts("pcn_code", ["P1"], [people], [events * 1.5]).rounded()
    assert _found(rate_rows(twelve, EVERYONE, seed=1), "P1", "directly_standardised_rate").value == pytest.approx(1000)

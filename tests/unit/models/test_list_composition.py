import numpy as np
import pytest

from models.intervals import wilson
from models.list_composition import ListCounts, age_standardised_selection, composition


def test_shares_of_the_list_the_people_and_the_events():
    result = composition(ListCounts(30, 2000, 60), ListCounts(100, 10_000, 240))
    assert (result["list_share"].value, result["population_share"].value, result["event_share"].value) == (0.3, 0.2, 0.25)
    over_people, over_events = result["list_share_over_population_share"], result["list_share_over_event_share"]
    assert over_people.value == pytest.approx(1.5) and over_people.lower == pytest.approx(wilson(30, 100).lower / 0.2)
    assert over_events.value == pytest.approx(1.2) and over_events.lower < 1 < over_events.upper


def test_a_group_that_is_not_listed_has_no_ratio():
    result = composition(ListCounts(0, 2000, 60), ListCounts(100, 10_000, 240))
    assert result["list_share"].value == 0 and np.isnan(result["list_share_over_population_share"].value)
    assert np.isnan(result["list_share_over_event_share"].value)


def test_a_young_group_is_listed_as_often_as_others_of_its_age():
    people = np.array([[900.0, 100.0], [500.0, 500.0]])
    listed = people * [0.01, 0.10]
    everyone = listed.sum(axis=0), people.sum(axis=0)
    for place in range(2):
        result = age_standardised_selection(listed[place], people[place], *everyone)
        assert result["age_standardised_selection_rate"].value == pytest.approx((1400 * 0.01 + 600 * 0.10) / 2000)
        ratio = result["age_standardised_selection_ratio"]
        assert ratio.value == pytest.approx(1) and ratio.lower < 1 < ratio.upper
    assert listed[0].sum() / 1000 < listed[1].sum() / 1000  # a crude comparison would say otherwise


def test_ages_that_a_group_does_not_have_take_no_part():
    result = age_standardised_selection(np.array([5.0, 0]), np.array([100.0, 0]), np.array([50.0, 90]), np.array([1000.0, 500]))
    assert result["age_standardised_selection_ratio"].value == pytest.approx(1)
    no_people = age_standardised_selection(np.zeros(2), np.zeros(2), np.array([50.0, 90]), np.array([1000.0, 500]))
    assert np.isnan(no_people["age_standardised_selection_rate"].value)

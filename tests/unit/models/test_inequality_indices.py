from dataclasses import fields

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from models.inequality_indices import (
    Line,
    RankedGroups,
    Simulation,
    concentration_index,
    concentration_index_limits,
    relative_ranks,
    slope_index_of_inequality,
)

# Life expectancy of two areas by decile: the example of phe_sii in the agency's PHEindicatormethods manual.
PEOPLE = {
    "Area1": [7291, 7997, 6105, 7666, 5790, 6934, 5918, 5974, 7147, 7534],
    "Area2": [21675, 20065, 19750, 24713, 20112, 19618, 22408, 19752, 18939, 19312],
}
YEARS = {
    "Area1": [75.9, 78.3, 83.8, 83.6, 80.5, 81.1, 81.7, 84.2, 80.6, 86.3],
    "Area2": [70.5, 71.6, 72.5, 73.5, 73.1, 76.2, 78.7, 80.6, 80.9, 80],
}
ERROR = {
    "Area1": [1.64, 1.58, 1.51, 1.78, 1.7, 1.56, 1.37, 1.4, 2.43, 1.57],
    "Area2": [0.23, 0.26, 0.3, 0.16, 0.79, 0.78, 0.4, 0.28, 0.23, 0.35],
}
RATES = np.array([620.0, 560, 540, 500, 470, 455, 430, 400, 380, 350])


def slope(values, populations, **options):
    """Return the slope index, with the options of its groups, line and simulation by name."""
    chosen = [
        {field.name: options[field.name] for field in fields(kind) if field.name in options}
        for kind in (RankedGroups, Line, Simulation)
    ]
    groups, line, simulation = chosen
    return slope_index_of_inequality(RankedGroups(values, populations, **groups), Line(**line), Simulation(**simulation))


def test_the_relative_rank_is_the_midpoint_of_the_cumulative_population():
    """The example of the technical guidance: 12% and 10% of the people rank at .06 and .17."""
    assert relative_ranks([12, 10, 78])[:2] == pytest.approx([0.06, 0.17])


@pytest.mark.parametrize("area", ["Area1", "Area2"])
def test_slope_and_relative_index_are_those_of_a_weighted_regression(area):
    people, rank = np.array(PEOPLE[area]), relative_ranks(PEOPLE[area])
    line = sm.WLS(YEARS[area], sm.add_constant(rank), weights=people).fit()
    result = slope(YEARS[area], people, standard_errors=ERROR[area], seed=1)
    assert result.sii == pytest.approx(line.params[1], abs=1e-9) and result.intercept == pytest.approx(line.params[0], abs=1e-9)
    assert result.rii == pytest.approx((line.params[0] + line.params[1]) / line.params[0], abs=1e-9)
    weights = rank_weights(people)
    exact = 1.959964 * np.sqrt((weights**2 * np.array(ERROR[area]) ** 2).sum())
    assert (result.sii_upper - result.sii, result.sii - result.sii_lower) == pytest.approx((exact, exact), rel=0.02)


def rank_weights(people):
    """The weight of each group's value in the slope of the regression."""
    share, rank = people / people.sum(), relative_ranks(people)
    centred = rank - (share * rank).sum()
    return share * centred / (share * centred**2).sum()


def test_ignoring_the_populations_gives_another_slope():
    weighted = slope(YEARS["Area1"], PEOPLE["Area1"], standard_errors=ERROR["Area1"], repetitions=1000)
    flat = slope(YEARS["Area1"], np.ones(10), standard_errors=ERROR["Area1"], repetitions=1000)
    assert weighted.sii == pytest.approx(7.000235, abs=1e-6) and flat.sii == pytest.approx(6.460606, abs=1e-6)


def test_limits_come_from_the_groups_limits_and_a_fixed_seed():
    lower, upper = (np.array(YEARS["Area1"]) + sign * 1.959964 * np.array(ERROR["Area1"]) for sign in (-1, 1))
    given = slope(YEARS["Area1"], PEOPLE["Area1"], lower=lower, upper=upper, seed=7)
    assert given == slope(YEARS["Area1"], PEOPLE["Area1"], lower=lower, upper=upper, seed=7)
    errors = slope(YEARS["Area1"], PEOPLE["Area1"], standard_errors=ERROR["Area1"], seed=7)
    assert given.sii_lower == pytest.approx(errors.sii_lower, abs=1e-4)
    wide = slope(YEARS["Area1"], PEOPLE["Area1"], lower=lower, upper=upper, seed=7, confidence=99.8)
    assert wide.sii_lower < given.sii_lower and wide.sii_upper > given.sii_upper


@pytest.mark.parametrize(
    ("kind", "values", "scale", "back"),
    [("rate", RATES, np.log, np.exp), ("proportion", RATES / 1000, logit, expit)],
)
def test_a_transformed_fit_is_a_line_on_its_scale_with_both_ends_transformed_back(kind, values, scale, back):
    people = PEOPLE["Area1"]
    line = sm.WLS(scale(values), sm.add_constant(relative_ranks(people)), weights=people).fit()
    first, last = back(line.params[0]), back(line.params.sum())
    limits = {"lower": values * 0.9, "upper": values * 1.1}
    result = slope(values, people, **limits, value_type=kind, transform=True, seed=1)
    assert (result.sii, result.rii) == pytest.approx((last - first, last / first), abs=1e-9)
    assert result.sii_lower < result.sii < result.sii_upper < 0
    plain = slope(values, people, **limits, value_type=kind, seed=1)
    assert plain.sii != pytest.approx(result.sii, rel=1e-3) and plain.sii_lower < plain.sii < plain.sii_upper


def test_equal_values_have_no_gradient():
    result = slope(np.full(5, 3.0), [1, 2, 3, 4, 5], standard_errors=np.zeros(5), repetitions=1000)
    assert (result.sii, result.rii) == pytest.approx((0, 1), abs=1e-12)
    assert concentration_index(np.full(5, 3.0), [1, 2, 3, 4, 5]) == pytest.approx(0)


def test_a_concentration_index_worked_by_hand():
    """Two equal groups with 3 and 1: mean 2, ranks .25 and .75, 2 / 2 * (.5 * 3 * .25 + .5 * 1 * .75) - 1 = -.25."""
    assert concentration_index([3, 1], [10, 10]) == pytest.approx(-0.25)
    result = concentration_index_limits(RankedGroups(RATES, PEOPLE["Area1"], RATES * 0.95, RATES * 1.05), Simulation(seed=1))
    assert result.lower < result.value < result.upper < 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": [1, 2], "populations": [1, 2], "standard_errors": [1, 1]}, "5 to 100 ranked groups"),
        ({"values": range(5), "populations": [0, 1, 1, 1, 1], "standard_errors": range(5)}, "population above 0"),
        ({"values": range(5), "populations": range(1, 6)}, "limits, or their standard errors"),
        ({"values": range(5), "populations": range(1, 6), "standard_errors": range(5), "repetitions": 10}, "too few"),
        ({"values": range(5), "populations": range(1, 6), "standard_errors": range(5), "transform": True}, "transformed fit"),
    ],
)
def test_what_makes_no_slope_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        slope(**arguments)

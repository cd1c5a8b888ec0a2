"""How an indicator falls or rises over ranked groups: slope and relative index of inequality, concentration index.

Groups are listed most deprived first. Sources: Low and Low 2004; the UKHSA Fingertips technical guidance on the slope index of
inequality; Wagstaff 1991 for the concentration index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit
from scipy.stats import norm

from models.rates import Limits, Numbers

ValueType = Literal["other", "rate", "proportion"]
REPETITIONS = 100_000
LEAST_GROUPS, MOST_GROUPS = 5, 100


@dataclass(frozen=True)
class RankedGroups:
    """The values of ranked groups with their populations, and their errors: 95% limits, or standard errors on the scale of the fit."""

    values: ArrayLike
    populations: ArrayLike
    lower: ArrayLike | None = None
    upper: ArrayLike | None = None
    standard_errors: ArrayLike | None = None

    @property
    def arrays(self) -> tuple[Numbers, Numbers]:
        """Values and populations as arrays."""
        return np.asarray(self.values, dtype=np.float64), np.asarray(self.populations, dtype=np.float64)

    def errors(self, scale: Callable[[Numbers], Numbers]) -> Numbers:
        """Return the standard errors on a scale."""
        if self.standard_errors is not None:
            return np.asarray(self.standard_errors, dtype=np.float64)
        if self.lower is None or self.upper is None:
            raise ValueError("a slope index needs the groups' lower and upper limits, or their standard errors")
        lower, upper = (np.asarray(limit, dtype=np.float64) for limit in (self.lower, self.upper))
        return np.asarray((scale(upper) - scale(lower)) / (2 * norm.ppf(0.975)))


@dataclass(frozen=True)
class Line:
    """How a line is fitted: errors are on the log scale for rates and the logit scale for proportions.

    With `transform` the line is fitted on that scale, and its two ends are transformed back.
    """

    value_type: ValueType = "other"
    transform: bool = False


@dataclass(frozen=True)
class Simulation:
    """How limits are simulated, from a fixed seed."""

    confidence: float = 0.95
    repetitions: int = REPETITIONS
    seed: int = 0

    def draw(self, centre: Numbers, error: Numbers) -> Numbers:
        """Return simulated values (groups x repetitions)."""
        size = (len(centre), self.repetitions)
        return np.random.default_rng(self.seed).normal(centre[:, None], error[:, None], size)


PLAIN_LINE, SIMULATION = Line(), Simulation()


@dataclass(frozen=True)
class SlopeIndex:
    """Slope and relative index of inequality with limits, and the fitted value at the most deprived end.

    The slope is the value at the least deprived end less that at the most deprived end: where the deprived have more of an
    indicator it is negative and the relative index is below 1.
    """

    sii: float
    sii_lower: float
    sii_upper: float
    rii: float
    rii_lower: float
    rii_upper: float
    intercept: float


def relative_ranks(populations: ArrayLike) -> Numbers:
    """Return each group's midpoint in the cumulative population (0 to 1), in the order given."""
    share = _shares(populations)
    return np.cumsum(share) - share / 2


def slope_index_of_inequality(groups: RankedGroups, line: Line = PLAIN_LINE, simulation: Simulation = SIMULATION) -> SlopeIndex:
    """Fit a line over the ranked groups by population-weighted regression and return its slope and relative index.

    sqrt(a) y is regressed on sqrt(a) and b sqrt(a) without an intercept (a population share, b relative rank). Limits are percentiles of fits to
    simulated values.
    """
    y, n = groups.arrays
    _check(groups, line, simulation)
    scale, back = _scale(line.value_type)
    centre, error = scale(y), groups.errors(scale)
    drawn = simulation.draw(centre, error)
    fitted_scale, ends = (lambda value: value, back) if line.transform else (back, lambda value: value)
    first, last = _ends(fitted_scale(centre), n, ends)
    firsts, lasts = _ends(fitted_scale(drawn), n, ends)
    slopes = lasts - firsts
    ratios = lasts / firsts
    sii_limits, rii_limits = _percentiles(slopes, simulation.confidence), _percentiles(ratios, simulation.confidence)
    return SlopeIndex(
        sii=float(last - first),
        sii_lower=float(sii_limits[0]),
        sii_upper=float(sii_limits[1]),
        rii=float(last / first),
        rii_lower=float(rii_limits[0]),
        rii_upper=float(rii_limits[1]),
        intercept=float(first),
    )


def concentration_index(values: ArrayLike, populations: ArrayLike) -> float:
    """Return 2 / mean * sum(a y r) - 1 over ranked groups: negative where the first (most deprived) groups have more."""
    y, share = np.asarray(values, dtype=np.float64), _shares(populations)
    return float(2 * (share * y * relative_ranks(populations)).sum() / (share * y).sum() - 1)


def concentration_index_limits(groups: RankedGroups, simulation: Simulation = SIMULATION) -> Limits:
    """Return the concentration index of rates with limits by simulation, errors from the rates' 95% limits on the log scale."""
    drawn = np.exp(simulation.draw(np.log(groups.arrays[0]), groups.errors(np.log)))
    share, rank = _shares(groups.populations)[:, None], relative_ranks(groups.populations)[:, None]
    indices = 2 * (share * drawn * rank).sum(axis=0) / (share * drawn).sum(axis=0) - 1
    low, high = _percentiles(indices, simulation.confidence)
    return Limits(np.float64(concentration_index(groups.values, groups.populations)), low, high)  # type: ignore[arg-type]


def _ends(values: Numbers, populations: Numbers, back: object) -> tuple[Numbers, Numbers]:
    """Return the fitted values at rank 0 and 1 of each column of values."""
    root = np.sqrt(_shares(populations))
    design = np.column_stack([root, relative_ranks(populations) * root])
    weighted = values * (root if values.ndim == 1 else root[:, None])
    intercept, slope = np.linalg.solve(design.T @ design, design.T @ weighted)
    return back(intercept), back(intercept + slope)  # type: ignore[operator]


def _scale(value_type: ValueType) -> tuple:
    if value_type == "rate":
        return np.log, np.exp
    if value_type == "proportion":
        return logit, expit
    return (lambda value: value), (lambda value: value)


def _shares(populations: ArrayLike) -> Numbers:
    people = np.asarray(populations, dtype=np.float64)
    if not (people > 0).all():
        raise ValueError("every group needs a population above 0")
    return people / people.sum()


def _percentiles(sample: Numbers, confidence: float) -> Numbers:
    """Return the two ends of a sample: the values at the rounded places of the sorted draws."""
    share = confidence / 100 if confidence >= 90 else confidence
    draws = len(sample)
    places = [max(round(draws * tail), 1) - 1 for tail in ((1 - share) / 2, (1 + share) / 2)]
    return np.sort(sample)[places]


def _check(groups: RankedGroups, line: Line, simulation: Simulation) -> None:
    values, populations = groups.arrays
    if len(values) != len(populations) or not LEAST_GROUPS <= len(values) <= MOST_GROUPS:
        raise ValueError(
            f"a slope index needs {LEAST_GROUPS} to {MOST_GROUPS} ranked groups with a population each, not {len(values)} values "
            f"and {len(populations)} populations"
        )
    if simulation.repetitions < 1000:
        raise ValueError(f"{simulation.repetitions} repetitions are too few for limits; use 1,000 or more")
    if line.transform and groups.standard_errors is not None:
        raise ValueError("a transformed fit takes its errors from the groups' limits, not from given standard errors")

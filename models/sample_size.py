"""How many people a model of a binary outcome needs: the criteria of Riley et al. (BMJ 2020; 368: m441)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHRINKAGE = 0.9  # criterion 1: expected shrinkage of the predictor effects
OPTIMISM = 0.05  # criterion 2: most optimism in Nagelkerke's R squared
RISK_MARGIN = 0.05  # criterion 3: margin of error of the overall risk
MEAN_ERROR = 0.05  # criterion 4: mean absolute error of a person's risk (van Smeden 2019)
SHARE_OF_BEST_R2 = 0.15  # anticipated share of the largest R squared that can be reached, if nothing better is known


@dataclass(frozen=True)
class SampleSize:
    """People and events that are needed and that there are, for a stated number of parameters."""

    parameters: int
    people: int
    events: int
    needed_by_criterion: tuple[int, int, int, int]

    @property
    def needed(self) -> int:
        """People needed by the strictest criterion."""
        return max(self.needed_by_criterion)

    @property
    def enough(self) -> bool:
        """Whether there are as many people as needed."""
        return self.people >= self.needed

    def describe(self, method: str) -> str:
        """Return as text how many people are needed and how many there are, and what a parameter is."""
        caution = " Boosting has no fixed number of parameters: it needs more than this." if method == "lightgbm" else ""
        verdict = "enough" if self.enough else "too few"
        return (
            f"{self.people:,} people with {self.events:,} events are {verdict} for {self.parameters} parameters (features before one-hot "
            f"coding): {self.needed:,} people are needed by Riley's criteria ({', '.join(f'{need:,}' for need in self.needed_by_criterion)})."
            f"{caution}"
        )


def sample_size(parameters: int, people: int, events: int) -> SampleSize:
    """Compute the four criteria for the share of people (not rows) with the outcome; raises ValueError without both outcomes."""
    if not 0 < events < people:
        raise ValueError(f"{events} people with the outcome among {people} allow no sample size: both outcomes must occur")
    rate = events / people
    best = 1 - (rate**rate * (1 - rate) ** (1 - rate)) ** 2
    explained = SHARE_OF_BEST_R2 * best
    second_shrinkage = explained / (explained + OPTIMISM * best)
    needs = (
        _for_shrinkage(parameters, explained, SHRINKAGE),
        _for_shrinkage(parameters, explained, second_shrinkage),
        (1.96 / RISK_MARGIN) ** 2 * rate * (1 - rate),
        float(np.exp((-0.508 + 0.259 * np.log(rate) + 0.504 * np.log(parameters) - np.log(MEAN_ERROR)) / 0.544)),
    )
    first, second, third, fourth = (int(np.ceil(need)) for need in needs)
    return SampleSize(parameters, people, events, (first, second, third, fourth))


def _for_shrinkage(parameters: int, explained: float, shrinkage: float) -> float:
    return float(parameters / ((shrinkage - 1) * np.log(1 - explained / shrinkage)))

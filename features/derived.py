"""Features that are computed from other features of the same row; a missing input makes the result missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.declaration import Feature, Statistic

Column = NDArray[np.float32]


def derive(feature: Feature, columns: Mapping[str, Column]) -> Column:
    """Compute a derived feature from the columns of its inputs; NaN means missing."""
    inputs = [columns[name] for name in feature.inputs]
    missing = np.isnan(inputs[0])
    for column in inputs[1:]:
        missing |= np.isnan(column)
    return np.where(missing, np.float32(np.nan), _RULES[feature.statistic](feature, inputs).astype(np.float32))


def _ratio(feature: Feature, inputs: Sequence[Column]) -> NDArray:
    part, total = inputs
    return np.where(total == 0, np.nan, part / np.where(total == 0, 1, total))


def _number_of(feature: Feature, inputs: Sequence[Column]) -> NDArray:
    total = np.zeros(len(inputs[0]), dtype=np.float32)
    for column in inputs:
        total += column > 0
    return total


def _share_of(feature: Feature, inputs: Sequence[Column]) -> NDArray:
    return _number_of(feature, inputs) / len(inputs)


def _band(feature: Feature, inputs: Sequence[Column]) -> NDArray:
    return np.searchsorted(np.asarray(feature.thresholds, dtype=np.float32), inputs[0], side="right")


def _both(feature: Feature, inputs: Sequence[Column]) -> NDArray:
    return np.logical_and.reduce([column > 0 for column in inputs])


def _without(feature: Feature, inputs: Sequence[Column]) -> NDArray:
    return (inputs[0] > 0) & ~(inputs[1] > 0)


_RULES: dict[Statistic, Callable[[Feature, Sequence[Column]], NDArray]] = {
    Statistic.RATIO: _ratio, Statistic.NUMBER_OF: _number_of, Statistic.SHARE_OF: _share_of, Statistic.AT_LEAST: _band,
    Statistic.BAND: _band, Statistic.BOTH: _both, Statistic.WITHOUT: _without,
}  # fmt: skip

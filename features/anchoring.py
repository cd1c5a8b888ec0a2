"""The rows that features are computed for, and the rule that decides which events count for them.

An event counts if it happened before the index date, was known before the index date and is not dated before birth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int32]


@dataclass(frozen=True)
class IndexRows:
    """The rows to compute: each is a person and an index date. The birth day is UNKNOWN_BIRTH where the birth date is missing."""

    person: NDArray[np.int32]
    index_day: Days
    birth_day: Days


def available_before(event_day: Days, available_day: Days, index_day: Days | np.int32) -> NDArray[np.bool_]:
    """Return which events happened and were available before the index date; days are since 1970."""
    before: NDArray[np.bool_] = event_day < index_day
    before &= available_day < index_day
    return before


def not_before_birth(event_day: Days, birth_day: Days) -> NDArray[np.bool_]:
    """Return which events are not dated before birth: an earlier event belongs to someone else or has a wrong date."""
    alive: NDArray[np.bool_] = event_day >= birth_day
    return alive

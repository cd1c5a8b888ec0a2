"""What every kernel shares: the rows it computes, and the one rule that says which events count for them.

An event counts if it happened and was known before the index date, and not before birth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int32]
NEVER = np.int32(np.iinfo(np.int32).min)  # a birth date that is not known


@dataclass(frozen=True)
class IndexRows:
    """The rows to compute: a person and an index date each; NEVER where birth is not known."""

    person: NDArray[np.int32]
    index_day: Days
    birth_day: Days


def known_before(event_day: Days, available_day: Days, index_day: Days | np.int32) -> NDArray[np.bool_]:
    """Say which events happened and were known before the index date; days since 1970."""
    known: NDArray[np.bool_] = event_day < index_day
    known &= available_day < index_day
    return known


def since_birth(event_day: Days, birth_day: Days) -> NDArray[np.bool_]:
    """Say which events do not lie before birth: what lies there is another's, or wrongly dated."""
    since: NDArray[np.bool_] = event_day >= birth_day
    return since

"""The events that may count for a chunk of rows, in the form that the statistics read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Selected:
    """Events that may count, in order of row and date: position of the row, days before its index date, and signature."""

    rows: int
    row: NDArray[np.int64]
    days: NDArray[np.uint16]
    signature: NDArray[np.int64]
    place: NDArray[np.int64]  # of each event in the three arrays below, which have every event that was read
    code: NDArray[np.int32]
    value: NDArray[np.float32]
    provider: NDArray[np.int32]

    def only(self, chosen: NDArray[np.bool_]) -> Selected:
        """Return the chosen events."""
        at = np.flatnonzero(chosen)
        return replace(
            self, row=self.row.take(at), days=self.days.take(at), signature=self.signature.take(at), place=self.place.take(at)
        )

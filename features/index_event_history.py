"""Features of a person's earlier index events, for tables with several ordered rows for each person.

Only rows that are strictly earlier in the order count. Rows of a person with the same order do not use each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class _Earlier:
    """Rows sorted by person and order, with the slice of the person's strictly earlier rows for each row."""

    sorted_rows: NDArray[np.intp]
    first: NDArray[np.intp]  # position of the person's first row
    block: NDArray[np.intp]  # position of the first row with the same person and order

    @property
    def count(self) -> NDArray[np.intp]:
        return self.block - self.first

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of the values of earlier rows; nulls count as 0."""
        sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(values))])
        return sums[self.block] - sums[self.first]

    def previous(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value of the latest earlier row; NaN where there is none."""
        return np.where(self.count > 0, values[np.maximum(self.block - 1, 0)], np.nan)

    def restored(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values from sorted order in the original order of the rows."""
        original = np.empty(len(values))
        original[self.sorted_rows] = values
        return original


def _earlier_rows(person: pd.Series, order: NDArray[np.float64], event: pd.Series) -> _Earlier:
    people = pd.factorize(person, sort=True)[0]
    rows = np.lexsort((pd.factorize(event, sort=True)[0], order, people))
    number = np.arange(len(rows))
    new_person = np.diff(people[rows], prepend=-1) != 0
    new_block = new_person | (np.diff(order[rows], prepend=np.nan) != 0)
    first = np.maximum.accumulate(np.where(new_person, number, 0))
    block = np.maximum.accumulate(np.where(new_block, number, 0))
    return _Earlier(rows, first, block)


def index_event_history(
    person: pd.Series, order: pd.Series, event: pd.Series, numbers: pd.DataFrame, outcome: pd.Series | None = None
) -> pd.DataFrame:
    """Return features of each row's earlier rows of the same person, as float64 columns on the index of `person`.

    `order` is a number or a date. `event` makes the result independent of the order of the rows. Each column of `numbers` becomes the
    value of the previous row, the mean of all earlier rows and the change since the previous row. An `outcome` (0, 1 or null) must be
    known before the next row, as a readmission is. Raise ValueError where the order has nulls.
    """
    if order.isna().any():
        raise ValueError(
            f"{int(order.isna().sum()):,} rows have no value in the order column, so their earlier rows are not known. Complete or remove them."
        )
    day = pd.api.types.is_datetime64_any_dtype(order)
    days_or_numbers = (order - pd.Timestamp(0)) / pd.Timedelta(days=1) if day else order
    place: NDArray[np.float64] = np.asarray(days_or_numbers, dtype=np.float64)
    earlier = _earlier_rows(person, place, event)
    sorted_place = place[earlier.sorted_rows]
    columns = {
        "earlier_index_events": earlier.count.astype(np.float64),
        "since_previous_index_event": sorted_place - earlier.previous(sorted_place),
    }
    for name in numbers.columns:
        columns |= _number_history(str(name), numbers[name].to_numpy(dtype=np.float64, na_value=np.nan), earlier)
    if outcome is not None:
        outcomes = outcome.to_numpy(dtype=np.float64, na_value=np.nan)[earlier.sorted_rows]
        columns["previous_outcome"] = earlier.previous(outcomes)
        columns["earlier_outcomes"] = earlier.total(outcomes)
    return pd.DataFrame({name: earlier.restored(values) for name, values in columns.items()}, index=person.index)


def _number_history(name: str, values: NDArray[np.float64], earlier: _Earlier) -> dict[str, NDArray[np.float64]]:
    own = values[earlier.sorted_rows]
    previous = earlier.previous(own)
    number = earlier.total((~np.isnan(own)).astype(np.float64))
    mean = np.divide(earlier.total(own), number, out=np.full(len(own), np.nan), where=number > 0)
    return {f"previous_{name}": previous, f"mean_earlier_{name}": mean, f"change_in_{name}": own - previous}

"""Compare what a lake holds with what is kept."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from regression.content import OTHER_ROW_COUNT, ROW_COUNT, Content

RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-9  # numbers that are zero but for rounding


def differences(kept: Content, found: Content) -> list[str]:
    """Return one line per table and column that differs; none where the results are the same."""
    return [*_exact_differences(kept, found), *_learnt_differences(kept, found)]


def _exact_differences(kept: Content, found: Content) -> Iterator[str]:
    for table in sorted({*kept.exact, *found.exact}):
        if table not in found.exact or table not in kept.exact:
            yield f"{table}: the table {'is no longer written' if table in kept.exact else 'is new'}"
            continue
        before, after = kept.exact[table], found.exact[table]
        row_count = OTHER_ROW_COUNT if OTHER_ROW_COUNT in after else ROW_COUNT
        not_kept = {OTHER_ROW_COUNT} - before.keys()  # results that were kept before this count existed
        for column in sorted({*before, *after} - not_kept):
            if column not in after or column not in before:
                yield f"{table}.{column}: the column {'is no longer written' if column in before else 'is new'}"
            elif before[column] != after[column]:
                change = f"{before[column]} before, {after[column]} now" if column == row_count else "other values"
                yield f"{table}.{column}: {change}"


def _learnt_differences(kept: Content, found: Content) -> Iterator[str]:
    for table in sorted({*kept.learnt} & {*found.learnt}):
        before, after = kept.learnt[table], found.learnt[table]
        for column in sorted({*before.column_names, *after.column_names}):
            if column not in after.column_names or column not in before.column_names:
                yield f"{table}.{column}: the column {'is no longer written' if column in before.column_names else 'is new'}"
            elif before.num_rows == after.num_rows:
                yield from _changed_values(f"{table}.{column}", _numbers(before, column), _numbers(after, column))


def _changed_values(name: str, before: np.ndarray, after: np.ndarray) -> Iterator[str]:
    same = np.isclose(before, after, rtol=RELATIVE_TOLERANCE, atol=ABSOLUTE_TOLERANCE, equal_nan=True)
    if not same.all():
        with np.errstate(all="ignore"):
            largest = np.nanmax(np.abs(after - before))
        yield f"{name}: {np.count_nonzero(~same):,} of {len(same):,} values differ, by up to {largest:.3g}"


def _numbers(rows: pa.Table, column: str) -> np.ndarray:
    return rows[column].to_numpy().astype(np.float64)

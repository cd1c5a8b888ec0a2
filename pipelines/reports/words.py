"""Numbers as the reports write them: with limits, and small counts suppressed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from models.disclosure_control import is_small, rounded, three_figures
from models.intervals import Estimate

Rows = list[dict[str, str]]
HIDDEN = "1 to 7"
NOT_COMPUTED = "–"
NOT_SHOWN = "not shown"


def with_limits(estimate: Estimate, digits: int = 3) -> str:
    """Write a value with its 95% limits, to three significant figures; a dash where it cannot be computed."""
    if not np.isfinite(estimate.value):
        return NOT_COMPUTED
    value, lower, upper = (_figures(number, digits) for number in (estimate.value, estimate.lower, estimate.upper))
    return f"{value} ({lower} to {upper})" if np.isfinite(estimate.lower) else value


def _figures(value: float, digits: int) -> str:
    """Write a number to three significant figures and no more than `digits` decimals."""
    if not np.isfinite(value):
        return NOT_COMPUTED
    figures = three_figures(value)
    before_point = len(str(int(abs(figures)))) if abs(figures) >= 1 else 0
    return f"{figures:,.{max(0, min(digits, 3 - before_point))}f}"


def shown(count: int) -> str:
    """Write a count as it may leave: 1 to 7 are suppressed, others rounded to 5."""
    return HIDDEN if is_small(int(count)) else f"{rounded(int(count)):,}"


def measures(found: Mapping[str, Estimate], names: Mapping[str, str]) -> Rows:
    """Give measures with their limits, in the order of `names`."""
    return [{"measure": words, "value": with_limits(found[name])} for name, words in names.items() if name in found]


def stored_count(value: float | None) -> str:
    """Write a stored count; null stands for one that is suppressed, for being small or for what it would tell of one that is."""
    return NOT_SHOWN if value is None or pd.isna(value) else shown(int(value))

"""Numbers as the reports write them: with limits and units, and with small counts suppressed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from expectations.small_counts import SMALL_COUNTS
from models.disclosure_control import is_small, rounded, three_figures
from models.intervals import Estimate

Rows = list[dict[str, str]]
NOT_COMPUTED = "–"
NOT_SHOWN = "not shown"
# Measures that are shares of people or risks, and are written in percent.
SHARES = ("base_rate", "mean_risk", "ppv", "sensitivity", "selection_rate", "age_standardised_sensitivity")


def measured(measure: str, estimate: Estimate) -> str:
    """Return a measure's value with its 95% limits: shares and risks in percent, others as plain numbers."""
    if not measure.startswith(SHARES) or "ratio" in measure or not np.isfinite(estimate.value):
        return with_limits(estimate)
    value, lower, upper = (f"{100 * number:.1f}" for number in (estimate.value, estimate.lower, estimate.upper))
    unit = " percentage points" if "difference" in measure else "%"
    return f"{value}{unit} ({lower} to {upper})" if np.isfinite(estimate.lower) else f"{value}{unit}"


def with_limits(estimate: Estimate, digits: int = 3) -> str:
    """Return a value with its 95% limits, to three significant figures; a dash where it cannot be computed."""
    if not np.isfinite(estimate.value):
        return NOT_COMPUTED
    value, lower, upper = (_figures(number, digits) for number in (estimate.value, estimate.lower, estimate.upper))
    return f"{value} ({lower} to {upper})" if np.isfinite(estimate.lower) else value


def _figures(value: float, digits: int) -> str:
    """Return a number to three significant figures and at most `digits` decimals."""
    if not np.isfinite(value):
        return NOT_COMPUTED
    figures = three_figures(value)
    before_point = len(str(int(abs(figures)))) if abs(figures) >= 1 else 0
    return f"{figures:,.{max(0, min(digits, 3 - before_point))}f}"


def shown(count: int) -> str:
    """Return a count under disclosure control: small ones are suppressed, others are rounded to 5."""
    return SMALL_COUNTS if is_small(int(count)) else f"{rounded(int(count)):,}"


def measures(estimates: Mapping[str, Estimate], names: Mapping[str, str]) -> Rows:
    """Return measures with their limits, in the order of `names`."""
    return [{"measure": title, "value": measured(name, estimates[name])} for name, title in names.items() if name in estimates]


def stored_count(value: float | None) -> str:
    """Return a stored count as text; null is a count that is suppressed, because it or a count it would reveal is small."""
    return NOT_SHOWN if value is None or pd.isna(value) else shown(int(value))

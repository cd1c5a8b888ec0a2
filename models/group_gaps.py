"""The largest difference and the smallest ratio between two groups of a kind, with limits from those of the groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd


def largest_gaps(shown: pd.DataFrame, metrics: Sequence[str]) -> Iterator[tuple[str, float, float, float]]:
    """Yield name, value and limits (MOVER) of the difference and ratio in each metric; `shown` has metric, value, lower, upper.

    A pair chosen because its difference is largest also differs by chance. The limits are those of two groups named beforehand.
    """
    computed = shown[shown["value"].notna()]
    for metric in metrics:
        values = computed[computed["metric"] == metric]
        if len(values) < 2:
            continue
        least, most = values.iloc[int(values["value"].argmin())], values.iloc[int(values["value"].argmax())]
        difference = most["value"] - least["value"]
        down = np.hypot(most["value"] - most["lower"], least["upper"] - least["value"])
        up = np.hypot(most["upper"] - most["value"], least["value"] - least["lower"])
        yield f"{metric}_difference", difference, difference - down, difference + up
        ratio = least["value"] / most["value"] if most["value"] > 0 else np.nan
        yield f"{metric}_ratio", ratio, *_ratio_limits(least, most)


def _ratio_limits(least: pd.Series, most: pd.Series) -> tuple[float, float]:
    """Return limits of a ratio from the limits of its parts, on the log scale."""
    parts = np.asarray(
        [least["lower"], least["value"], least["upper"], most["lower"], most["value"], most["upper"]], dtype=np.float64
    )
    if not (np.isfinite(parts).all() and (parts > 0).all()):
        return float("nan"), float("nan")
    low, mid, high, other_low, other_mid, other_high = np.log(parts)
    ratio = mid - other_mid
    down, up = np.hypot(mid - low, other_high - other_mid), np.hypot(high - mid, other_mid - other_low)
    return float(np.exp(ratio - down)), float(np.exp(ratio + up))

"""From a risk to what a list shows: its band, its percentile and its rank within the practice."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.arrays import IntegerArray

from models.scored_rows import risk_order
from models.settings import BandSettings


def band_names(risk: np.ndarray, bands: BandSettings) -> np.ndarray:
    """Give each risk's band (object array); a risk at a cut belongs to the band above it."""
    return np.asarray(bands.names, dtype=object)[np.searchsorted(np.asarray(bands.cuts), risk, side="right")]


def highest_bands(bands: BandSettings, count: int) -> tuple[str, ...]:
    """Name the bands with the highest risks."""
    return bands.names[len(bands.names) - min(count, len(bands.names)) :]


def percentiles(risk: np.ndarray) -> np.ndarray:
    """Give the share of risks at or below each one, times 100."""
    ordered = np.sort(risk)
    return np.searchsorted(ordered, risk, side="right") * (100.0 / max(len(risk), 1))


def ranks_within(risk: np.ndarray, group: pd.Series, keys: np.ndarray) -> IntegerArray:
    """Give each row's rank by falling risk within its group (1 is highest, Int32), ties by key; null without a group."""
    order = risk_order(risk, keys)
    codes = pd.factorize(group)[0]
    ranks = np.zeros(len(risk), dtype=np.int32)
    ranks[order] = pd.Series(codes[order]).groupby(codes[order]).cumcount().to_numpy() + 1
    return IntegerArray(ranks, codes < 0)

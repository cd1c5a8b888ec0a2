"""What a review list shows of a risk: its band, its percentile and its rank within the practice."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.arrays import IntegerArray

from models.scored_rows import risk_order
from models.settings import BandSettings

AGE_GROUPS = {"0-17": (0, 17), "18-64": (18, 64), "65+": (65, 200)}  # listed separately: other teams care for them


def band_names(risk: np.ndarray, bands: BandSettings) -> np.ndarray:
    """Return each risk's band (object array); a risk at a cut belongs to the band above it."""
    return np.asarray(bands.names, dtype=object)[np.searchsorted(np.asarray(bands.cuts), risk, side="right")]


def highest_bands(bands: BandSettings, count: int) -> tuple[str, ...]:
    """Name the bands with the highest risks."""
    return bands.names[len(bands.names) - min(count, len(bands.names)) :]


def age_groups(frame: pd.DataFrame) -> pd.Series:
    """Return each row's age group by `age_years`, else by an `age_band` such as '5-17' or '90+' that lies in one; None if not known."""
    low = pd.to_numeric(frame.get("age_years", pd.Series(np.nan, frame.index)), errors="coerce").astype("float64")
    high = low
    if "age_band" in frame:
        ends = frame["age_band"].astype(str).str.extract(r"^(\d+)(?:-(\d+)|\+)$").astype("float64")
        low, high = low.fillna(ends[0]), high.fillna(ends[1]).fillna(ends[0])
    groups = pd.Series(None, frame.index, dtype="object")
    for name, (first, last) in AGE_GROUPS.items():
        groups[(np.floor(low) >= first) & (np.floor(high) <= last)] = name
    return groups


def percentiles_within(risk: np.ndarray, group: pd.Series) -> np.ndarray:
    """Return the percentile of each risk among those of its group; NaN without a group."""
    shares = np.full(len(risk), np.nan)
    for name in group.dropna().unique():
        mask = (group == name).to_numpy()
        shares[mask] = percentiles(risk[mask])
    return shares


def percentiles(risk: np.ndarray) -> np.ndarray:
    """Return the share of risks at or below each one, times 100."""
    ordered = np.sort(risk)
    return np.searchsorted(ordered, risk, side="right") * (100.0 / max(len(risk), 1))


def ranks_within(risk: np.ndarray, group: pd.Series, keys: np.ndarray) -> IntegerArray:
    """Return each row's rank by falling risk within its group (1 is highest, Int32), ties by key; null without a group."""
    order = risk_order(risk, keys)
    codes = pd.factorize(group)[0]
    ranks = np.zeros(len(risk), dtype=np.int32)
    ranks[order] = pd.Series(codes[order]).groupby(codes[order]).cumcount().to_numpy() + 1
    return IntegerArray(ranks, codes < 0)

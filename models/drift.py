"""How far a feature has moved from the training rows of a model: the population stability index, the share missing and the support.

A feature with one value in every training row has taught the model nothing. If it has other values now, its index would be infinite. That
is a shift too, however few rows have them, unless chance explains them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy.stats import chi2

from models.disclosure_control import is_small, shown_count, shown_share
from models.support import Support

BINS = 10
FLOOR = 1e-4  # least share of a bin, or that of half a row where there are few: an empty one would make the index infinite
WATCH, SHIFTED = 0.1, 0.25  # the usual reading of the index: below .1 stable, from .25 shifted
CHANCE = 0.999  # an index that so large a share of samples from one population stays below may be chance
Status = Literal["stable", "watch", "shifted", "not_known"]


@dataclass(frozen=True)
class BinnedFeature:
    """A feature's rows by bin, then (`before`) and now (`after`), with missing values counted separately; `names` describes the bins.

    If a feature has one value in the training rows and has others now, the bins are that value and every other.
    """

    names: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray
    missing_before: int
    missing_after: int
    support: Support


@dataclass(frozen=True)
class Drift:
    """How a feature moved; `psi` is NaN where one side holds no value. The top bin contributed most to it.

    `was_constant`: the training rows have one value, and there are others now. `psi` is then that of the floored bins, from rounded counts.
    Shares are those of counts as they may be shown (see models.disclosure_control).
    `psi_by_chance` is what the index may be where nothing moved: much, where few rows hold a value.
    """

    psi: float
    psi_by_chance: float
    status: Status
    share_missing_before: float
    share_missing_after: float
    top_bin: str
    top_bin_before: float
    top_bin_after: float
    top_bin_counts: tuple[int, ...]
    support: Support
    was_constant: bool = False


def quantile_cuts(ordered: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the cuts between bins with about as many values each, from ordered values; a value at a cut lies below it.

    A value that fills several bins, as 0 does in a count, has a separate bin, so there may be fewer bins.
    """
    if not len(ordered):
        return ordered
    places = np.ceil(np.arange(1, bins) / bins * len(ordered)).astype(np.intp) - 1
    cuts = np.unique(ordered[places])
    return cuts[cuts < ordered[-1]]


def bin_numbers(before: np.ndarray, after: np.ndarray, bins: int = BINS) -> BinnedFeature:
    """Count two columns of numbers (NaN is missing) in the quantile bins of the first; both are copied once, to be ordered."""
    first, second = (np.sort(values[np.isfinite(values)]) for values in (before, after))
    missing = len(before) - len(first), len(after) - len(second)
    support = Support(int(np.count_nonzero(first)), len(first), int(np.count_nonzero(second)), len(second))
    if len(first) and first[0] == first[-1] and (others := int(np.count_nonzero(second != first[0]))):
        names = (f"{first[0]:.4g}", f"not {first[0]:.4g}")
        return BinnedFeature(names, np.array([len(first), 0]), np.array([len(second) - others, others]), *missing, support)
    cuts = quantile_cuts(first, bins)
    return BinnedFeature(_ranges(cuts), _counts(first, cuts), _counts(second, cuts), *missing, support)


def bin_categories(before: Mapping[str | None, int], after: Mapping[str | None, int]) -> BinnedFeature:
    """Put two counts of categories (None is missing) side by side; a category that one side lacks is an empty bin there."""
    names = sorted({name for name in (*before, *after) if name is not None})
    missing = before.get(None, 0), after.get(None, 0)
    known = sum(before.values()) - missing[0], sum(after.values()) - missing[1]
    return BinnedFeature(
        tuple(names),
        np.array([before.get(name, 0) for name in names], dtype=np.int64),
        np.array([after.get(name, 0) for name in names], dtype=np.int64),
        *missing,
        Support(known[0], known[0], known[1], known[1]),  # no category is 0
    )


def contributions(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return each bin's part of the index, (a - e) ln(a / e) over its shares, the empty ones floored; NaN without rows."""
    if not before.sum() or not after.sum():
        return np.full(len(before), np.nan)
    expected, actual = (np.maximum(counts / counts.sum(), max(FLOOR, 0.5 / counts.sum())) for counts in (before, after))
    return (actual - expected) * np.log(actual / expected)


def drift(feature: BinnedFeature) -> Drift:
    """Measure how a feature moved."""
    new_values = np.count_nonzero(feature.before) == 1 and bool(feature.after[feature.before == 0].any())
    now = np.array([shown_count(int(count)) for count in feature.after]) if new_values else feature.after
    parts = contributions(feature.before, now)
    psi = float(parts.sum()) if len(parts) else float("nan")
    before, after = _share_missing(feature.missing_before, feature.before), _share_missing(feature.missing_after, feature.after)
    if not np.isfinite(psi):
        nothing = float("nan")
        return Drift(nothing, nothing, "not_known", before, after, "", nothing, nothing, (), feature.support)
    top, chance = int(np.argmax(parts)), psi_by_chance(feature.before, feature.after)
    counts = int(feature.before[top]), int(feature.after[top])
    shares = shown_share(counts[0], int(feature.before.sum())), shown_share(counts[1], int(feature.after.sum()))
    status = _status_of_new_values(feature, psi >= chance) if new_values else status_of(psi, chance)
    return Drift(
        psi, chance, status, before, after, feature.names[top], shares[0], shares[1], counts, feature.support, new_values
    )


def _status_of_new_values(feature: BinnedFeature, is_beyond_chance: bool) -> Status:
    """Return the status of a feature that had one value and has others: shifted, whatever its index, unless chance explains them.

    The index of a floored bin is too small where few of many rows have new values. The test of the support has no floor.
    """
    others = int(feature.after[feature.before == 0].sum())
    support = Support(0, int(feature.before.sum()), others, int(feature.after.sum()))
    return "shifted" if is_beyond_chance or not (is_small(others) or support.may_be_chance) else "not_known"


def psi_by_chance(before: np.ndarray, after: np.ndarray) -> float:
    """Return the index that two samples of one population stay below in CHANCE of draws: chi-square over (1/n + 1/m) (Yurdakul 2018)."""
    freedom = int(np.count_nonzero(before + after)) - 1
    return float(chi2.ppf(CHANCE, freedom) * (1 / before.sum() + 1 / after.sum())) if freedom > 0 else 0.0


def status_of(psi: float, by_chance: float = 0.0) -> Status:
    """Read an index: stable, watch or shifted; not known if a large one may be chance."""
    if not np.isfinite(psi):
        return "not_known"
    if psi < WATCH:
        return "stable"
    if psi < by_chance:
        return "not_known"
    return "watch" if psi < SHIFTED else "shifted"


def _share_missing(missing: int, counts: np.ndarray) -> float:
    return shown_share(missing, missing + int(counts.sum()))


def _counts(ordered: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    ends = np.searchsorted(ordered, cuts, side="right")
    return np.diff(np.concatenate([[0], ends, [len(ordered)]]))


def _ranges(cuts: np.ndarray) -> tuple[str, ...]:
    texts = [f"{cut:.4g}" for cut in cuts]
    if not texts:
        return ("any value",)
    inner = [f"over {low} up to {high}" for low, high in pairwise(texts)]
    return (f"up to {texts[0]}", *inner, f"over {texts[-1]}")

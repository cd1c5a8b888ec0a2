"""Whether a group is sicker than others at the same score: the sign of a label that measures use of services, not need.

Recorded need (long-term conditions, frailty) shows need that is recorded but not served (Obermeyer 2019). Deaths, and outcomes of people
without any earlier diagnosis, show need that is not recorded. Without both nothing can be shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.intervals import NOT_KNOWN, Estimate, count_limits, on_log_scale
from models.scored_rows import ScoredRows

RECORDED_NEEDS = ("long_term_conditions", "hospital_frailty_score_730d")
DEATH, UNDIAGNOSED = "death", "outcome_without_diagnosis"
# Shares of the rows from the lowest score up: twentieths, and hundredths of the top twentieth, where the list is drawn.
PERCENTILE_EDGES = (*np.arange(0, 0.951, 0.05).round(2), 0.96, 0.97, 0.98, 0.99, 1.0)
FEW_EVENTS = 10


@dataclass(frozen=True)
class Strata:
    """Rows in order of risk by band of score, and of age if bands of age are given; rows at -1 are excluded."""

    codes: np.ndarray
    size: int


def need_columns(frame: pd.DataFrame, labels: np.ndarray, died: np.ndarray | None) -> pd.DataFrame:
    """Return the needs in the rows, NaN if not known: recorded conditions and frailty, deaths, outcomes without diagnosis.

    A person without a recorded condition has no diagnosis. `died` is excluded if it is the outcome itself.
    """
    needs = frame[[name for name in RECORDED_NEEDS if name in frame]].astype("float64")
    if died is not None and died.any() and not np.array_equal(died.astype(bool), labels.astype(bool)):
        needs[DEATH] = died.astype(np.float64)
    if RECORDED_NEEDS[0] in frame:
        needs[UNDIAGNOSED] = ((labels > 0) & ~(frame[RECORDED_NEEDS[0]] > 0).to_numpy()).astype(np.float64)
    return needs


def score_strata(rows: ScoredRows, age_codes: np.ndarray | None = None) -> Strata:
    """Put rows into bands of score (shares of all rows, see PERCENTILE_EDGES), within bands of age if given (-1: not known)."""
    edges = np.floor(np.asarray(PERCENTILE_EDGES) * rows.rows + 0.5).astype(np.intp)
    band = np.repeat(np.arange(len(edges) - 1), np.diff(edges))[::-1]  # rows are in order of falling risk
    if age_codes is None:
        return Strata(band, len(edges) - 1)
    ages = int(age_codes.max(initial=-1)) + 1
    return Strata(np.where(age_codes < 0, -1, band * ages + age_codes), (len(edges) - 1) * ages)


def need_ratios(need: np.ndarray, strata: Strata, codes: np.ndarray, groups: int, is_event: bool) -> list[Estimate]:
    """Return each group's need over that of everyone else at the same score: above 1 the group is sicker than its scores indicate.

    `need` and `codes` (groups, -1 for none) are in order of risk. The expected need is that of everyone else in the stratum. Strata without anyone
    else are excluded. Limits account for the error of both sides; with fewer than 10 events they are the count's. `error` is that of the
    logarithm.
    """
    used = np.flatnonzero((strata.codes >= 0) & ~np.isnan(need))
    cell = (codes[used] + 1) * strata.size + strata.codes[used]
    shape = (groups + 1, strata.size)
    count, total, square = (
        np.bincount(cell, weights=weights, minlength=shape[0] * shape[1]).reshape(shape)
        for weights in (None, need[used], need[used] ** 2)
    )
    everyone = _Moments(count.sum(axis=0), total.sum(axis=0), square.sum(axis=0))
    return [_ratio(_Moments(count[place], total[place], square[place]), everyone, is_event) for place in range(1, groups + 1)]


@dataclass(frozen=True)
class _Moments:
    """Number of rows, sum and sum of squares of a need in each stratum."""

    count: np.ndarray
    total: np.ndarray
    square: np.ndarray


def _ratio(group: _Moments, everyone: _Moments, is_event: bool) -> Estimate:
    others = everyone.count - group.count
    shared = (group.count > 0) & (others > 0)
    n, y, y2, m = group.count[shared], group.total[shared], group.square[shared], others[shared]
    mean = (everyone.total[shared] - y) / m
    observed, expected = float(y.sum()), float(n @ mean)
    if expected <= 0:
        return NOT_KNOWN
    ratio = observed / expected
    own = float((y2 - 2 * mean * y + n * mean**2).sum())
    spread = np.maximum((everyone.square[shared] - y2) / m - mean**2, 0.0)
    theirs = float((n**2 * spread / m).sum())
    if is_event and observed < FEW_EVENTS:
        lower, upper = count_limits(observed)
        return Estimate(ratio, lower / expected, upper / expected, float(1 / np.sqrt(max(observed, 1.0))))
    if observed <= 0:
        return NOT_KNOWN
    log_error = float(np.sqrt(own / observed**2 + theirs / expected**2))
    limits = on_log_scale(ratio, log_error)
    return Estimate(ratio, limits.lower, limits.upper, log_error)

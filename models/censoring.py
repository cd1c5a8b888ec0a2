"""People who leave the registered list before the horizon ends: those who stay are weighted to represent them."""

from __future__ import annotations

import numpy as np


def censoring_weights(follow_up_days: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return inverse-probability-of-censoring weights: 0 for those who left, for others 1 over the share still followed.

    `follow_up_days` counts the days until the outcome, death, leaving or the horizon; the share still followed just
    before that day is a Kaplan-Meier estimate in which leaving is the event.
    """
    days = np.asarray(follow_up_days, dtype=np.int64)
    gone = np.asarray(left, dtype=bool)
    if not gone.any():
        return np.ones(len(days))
    span = int(days.max()) + 1
    leaving = np.bincount(days[gone], minlength=span)
    ended = np.bincount(days, minlength=span)
    at_risk = len(days) - np.concatenate([[0], np.cumsum(ended)[:-1]])
    staying = np.cumprod(1.0 - leaving / np.maximum(at_risk, 1))
    before = np.concatenate([[1.0], staying[:-1]])
    return np.where(gone, 0.0, 1.0 / np.maximum(before[days], 1e-6))

"""Weights for people who leave the list."""

from __future__ import annotations

import numpy as np

from models.censoring import censoring_weights


def test_where_no_one_leaves_all_count_once() -> None:
    assert censoring_weights(np.array([365, 10, 365]), np.array([False, False, False])).tolist() == [1.0, 1.0, 1.0]


def test_those_still_followed_stand_for_who_left() -> None:
    follow_up = np.array([100, 365, 365, 50])
    left = np.array([True, False, False, False])
    weights = censoring_weights(follow_up, left)
    # The fourth had the outcome before anyone left; of the three followed on day 100 two stayed.
    assert np.allclose(weights, [0.0, 1.5, 1.5, 1.0])
    assert np.isclose(weights.sum(), 4.0)

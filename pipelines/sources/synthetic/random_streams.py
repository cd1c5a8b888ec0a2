"""Open random streams: one for each block of people and purpose, so that blocks do not depend on each other."""

from __future__ import annotations

import numpy as np

BLOCK_PEOPLE = 10_000  # people drawn together; fixed, so that settings of files or memory do not change the draws

(
    PLACES, PEOPLE, ILLNESS, LIVES, SPELLS, ATTENDANCES, OUTPATIENTS, GP_RECORD, MEDICINES, OPT_OUTS, DEFECTS, ACTIONS, INJUSTICE,
    ROUTINE_CARE,
) = range(14)  # fmt: skip


def stream(seed: int, purpose: int, block: int = 0, delivery: int = 0) -> np.random.Generator:
    """Return the random generator of a purpose, block and delivery."""
    return np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence(seed, spawn_key=(purpose, block, delivery))))


def sorted_events(rng: np.random.Generator, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw a Poisson process from a grid of expected counts (people x months), and return the sorted rows and columns.

    It uses one cumulative sum and one search, so the cost grows with the events, not the cells.
    """
    total = np.cumsum(rate, dtype=np.float64)
    if not total.size or total[-1] <= 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    draws = np.sort(rng.random(rng.poisson(total[-1]))) * total[-1]
    cell = np.searchsorted(total, draws, side="right").clip(max=total.size - 1)
    return cell // rate.shape[1], cell % rate.shape[1]


def weighted_choice(rng: np.random.Generator, weights: np.ndarray, size: int) -> np.ndarray:
    """Draw positions with probability proportional to the weights."""
    total = np.cumsum(weights, dtype=np.float64)
    return np.searchsorted(total, rng.random(size) * total[-1], side="right").clip(max=len(total) - 1)


def choice_by_row(rng: np.random.Generator, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Draw a column for each entry of `rows`, with probability proportional to that row of `weights`."""
    total = np.cumsum(weights, axis=1, dtype=np.float64)
    total /= total[:, -1:]
    return (rng.random(len(rows))[:, None] >= total[rows][:, :-1]).sum(axis=1)

"""Features that alone predict the outcome almost perfectly: leaks until shown otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from models.blas import one_blas_thread
from models.discrimination import delong
from models.intervals import Estimate
from models.predictors import Predictor, level_codes, numbers
from models.scored_rows import ScoredRows
from models.splitting import person_folds, sampled_people
from models.training_data import TrainingData

MOST_CODES = 20  # code-level columns whose AUROC is computed
MOST_ROWS = 100_000  # people are sampled above it: far fewer rows show a near perfect feature


@one_blas_thread()
def single_feature_discrimination(data: TrainingData, seed: int) -> dict[str, Estimate]:
    """Return each predictor's AUROC alone, in the direction in which it discriminates, or the AUROC of its missingness if larger."""
    rows = sampled_people(data.person, np.flatnonzero(data.has_weight), MOST_ROWS, seed + 8)
    labels, fold = data.labels[rows].astype(np.float64), person_folds(data.person[rows], 2, seed + 9)
    if not 0 < labels.sum() < len(labels):
        return {}
    frame = data.frame.iloc[rows]
    aurocs = {}
    for predictor in data.curated:
        aurocs[predictor.name] = _best(_values(predictor, frame[predictor.name], labels, fold), labels)
    for name, values in _leading_codes(data, rows, labels):
        aurocs[name] = _best([values], labels)
    return aurocs


def _leading_codes(data: TrainingData, rows: np.ndarray, labels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the code-level columns whose presence discriminates best: presence is quick to check for all of them."""
    if not data.code_columns:
        return
    codes = data.code_matrix(rows)
    events, everyone = labels.sum(), np.bincount(codes.indices, minlength=codes.shape[1])
    hits = np.bincount(codes.indices, np.repeat(labels, np.diff(codes.indptr)), codes.shape[1])
    distance = np.abs(hits / events - (everyone - hits) / (len(labels) - events))  # twice the distance of the AUROC from a half
    by_column = codes.tocsc()
    for place in np.argsort(-distance, kind="stable")[:MOST_CODES].tolist():
        yield data.code_columns[place], by_column[:, [place]].toarray().ravel().astype(np.float64)


def _values(predictor: Predictor, column: pd.Series, labels: np.ndarray, fold: np.ndarray) -> list[np.ndarray]:
    if predictor.kind == "number":
        values = numbers(column).astype(np.float64)
        missing = np.isnan(values)
        lowest = np.nanmin(values) - 1 if not missing.all() else 0.0
        return [np.where(missing, lowest, values)] + ([missing.astype(np.float64)] if missing.any() else [])
    return [_rates_of_levels(column, labels, fold)]


def _rates_of_levels(column: pd.Series, labels: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return for each row the outcome's rate in its level among the other half of the people."""
    levels = [str(level) for level in pd.unique(column.dropna())]
    codes = level_codes(column, levels) + 1
    rates = np.empty(len(labels))
    for half in (0, 1):
        others = fold != half
        counts = np.bincount(codes[others], minlength=len(levels) + 1)
        events = np.bincount(codes[others], weights=labels[others], minlength=len(levels) + 1)
        mean = events.sum() / max(counts.sum(), 1)
        rates[fold == half] = ((events + mean) / (counts + 1))[codes[fold == half]]
    return rates


def _best(candidates: list[np.ndarray], labels: np.ndarray) -> Estimate:
    return max((_either_way(values, labels) for values in candidates), key=lambda estimate: estimate.value)


def _either_way(values: np.ndarray, labels: np.ndarray) -> Estimate:
    order = np.argsort(-values, kind="stable")
    estimate = delong(ScoredRows(labels[order], values[order], None, order))
    if estimate.value >= 0.5:
        return estimate
    return Estimate(1 - estimate.value, 1 - estimate.upper, 1 - estimate.lower, estimate.error)

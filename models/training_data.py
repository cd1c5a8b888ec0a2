"""The rows a model learns from, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from models.code_block import code_matrix
from models.predictors import Predictor, check_schema


@dataclass(frozen=True)
class TrainingData:
    """Feature rows with their labels, one row per person and index event, ordered by key.

    `labels` holds 0 and 1, `person` any key that is equal for rows of one person, `weights` (rows at risk counted
    more or less, such as inverse probabilities of censoring) is None for equal weights, `gp_covered` says for whom the
    GP feeds may be used. A row of no weight teaches nothing; it is there to be scored out of fold.
    """

    frame: pd.DataFrame
    predictors: tuple[Predictor, ...]
    labels: np.ndarray
    person: np.ndarray
    weights: np.ndarray | None
    gp_covered: np.ndarray

    @property
    def rows(self) -> int:
        """Number of rows, those of no weight too."""
        return len(self.labels)

    @cached_property
    def teaching(self) -> np.ndarray:
        """Say which rows have a weight."""
        return np.ones(self.rows, dtype=bool) if self.weights is None else self.weights > 0

    @property
    def events(self) -> int:
        """Number of rows with the outcome."""
        return int(self.labels[self.teaching].sum())

    @property
    def people(self) -> int:
        """Number of people with a row that teaches."""
        return int(pd.unique(pd.Series(self.person[self.teaching])).size)

    @cached_property
    def code_columns(self) -> tuple[str, ...]:
        """Names of the code-level columns among the predictors."""
        return tuple(predictor.name for predictor in self.predictors if predictor.kind == "code")

    @cached_property
    def curated(self) -> tuple[Predictor, ...]:
        """The predictors that are columns of their own."""
        return tuple(predictor for predictor in self.predictors if predictor.kind != "code")

    def codes(self, rows: np.ndarray) -> sparse.csr_matrix:
        """Give the code-level columns of some rows (rows x code_columns)."""
        return code_matrix(self.frame.iloc[rows], self.code_columns)

    def with_predictors(self, predictors: Sequence[Predictor]) -> TrainingData:
        """Give the same rows with other predictors."""
        return replace(self, predictors=tuple(predictors))

    def row_weights(self, rows: np.ndarray) -> np.ndarray:
        """Give the weights of some rows as float64."""
        return np.ones(len(rows)) if self.weights is None else self.weights[rows]


def training_data(
    frame: pd.DataFrame,
    predictors: Sequence[Predictor],
    labels: np.ndarray,
    person: np.ndarray,
    weights: np.ndarray | None = None,
    gp_covered: np.ndarray | None = None,
) -> TrainingData:
    """Check that rows fit together and give them as TrainingData; raises ValueError or SchemaMismatchError.

    `gp_covered` is read from the frame's column of that name where it is not given, and is true for all without one.
    """
    check_schema(frame, predictors, "these rows cannot train a model")
    outcome = np.asarray(labels)
    if pd.isna(outcome).any() or not np.isin(outcome, (0, 1)).all():
        raise ValueError("labels must be 0 or 1: leave out rows whose outcome cannot be told")
    for name, values in (("labels", outcome), ("person", person), ("weights", weights)):
        if values is not None and len(values) != len(frame):
            raise ValueError(f"{name} has {len(values)} values for {len(frame)} rows")
    if weights is not None and not (np.isfinite(weights).all() and (np.asarray(weights) >= 0).all()):
        raise ValueError("weights must be finite and not negative")
    return TrainingData(
        frame,
        tuple(predictors),
        outcome.astype(np.int8),
        np.asarray(person),
        None if weights is None else np.asarray(weights, dtype=np.float64),
        coverage_of(frame) if gp_covered is None else np.asarray(gp_covered, dtype=bool),
    )


def coverage_of(frame: pd.DataFrame) -> np.ndarray:
    """Say for each row whether GP feeds cover the person; true for all where the frame does not say."""
    if "gp_covered" not in frame.columns:
        return np.ones(len(frame), dtype=bool)
    return frame["gp_covered"].to_numpy(dtype=bool, na_value=False)

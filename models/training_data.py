"""The rows a model learns from, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from models.feature_rows import CodeCounts, FeatureRows, Positions
from models.predictors import Predictor, check_schema


@dataclass(frozen=True)
class TrainingData:
    """Feature rows with their labels, one row per person and index event, ordered by key.

    - `labels` holds 0 and 1.
    - `person` is any key that is equal for the rows of one person.
    - `weights` counts some rows more than others, such as inverse probabilities of censoring. None means equal weights. A row of weight 0
      trains nothing and is only scored out of fold.
    - `gp_covered` is true for the people for whom the GP feeds may be used.
    - `codes` holds the counts of code-level columns, if any predictor is one.
    """

    frame: pd.DataFrame
    predictors: tuple[Predictor, ...]
    labels: np.ndarray
    person: np.ndarray
    weights: np.ndarray | None
    gp_covered: np.ndarray
    codes: CodeCounts | None = None

    @property
    def rows(self) -> int:
        """Number of rows, including those of weight 0."""
        return len(self.labels)

    @cached_property
    def has_weight(self) -> np.ndarray:
        """Mask of the training rows: those whose weight is not 0."""
        return np.ones(self.rows, dtype=bool) if self.weights is None else self.weights > 0

    @property
    def events(self) -> int:
        """Number of rows with the outcome."""
        return int(self.labels[self.has_weight].sum())

    @property
    def people(self) -> int:
        """Number of people with a training row."""
        return int(pd.unique(pd.Series(self.person[self.has_weight])).size)

    @cached_property
    def code_columns(self) -> tuple[str, ...]:
        """Names of the code-level columns among the predictors."""
        return tuple(predictor.name for predictor in self.predictors if predictor.kind == "code")

    @cached_property
    def curated(self) -> tuple[Predictor, ...]:
        """The predictors that are columns of the frame."""
        return tuple(predictor for predictor in self.predictors if predictor.kind != "code")

    def features(self, rows: Positions) -> FeatureRows:
        """Return the features of some rows, with their codes."""
        return FeatureRows(self.frame, self.codes).take(rows)

    def code_matrix(self, rows: np.ndarray) -> sparse.csr_matrix:
        """Return the code-level columns of some rows (rows x code_columns)."""
        if self.codes is None:
            return self.features(rows).code_matrix(self.code_columns)
        return self.codes.take(rows).select(self.code_columns)

    def with_predictors(self, predictors: Sequence[Predictor]) -> TrainingData:
        """Return the same rows with other predictors."""
        return replace(self, predictors=tuple(predictors))

    def subset(self, rows: np.ndarray) -> TrainingData:
        """Return some of the rows (mask)."""
        return replace(
            self,
            frame=self.frame[rows].reset_index(drop=True),
            labels=self.labels[rows],
            person=self.person[rows],
            weights=None if self.weights is None else self.weights[rows],
            gp_covered=self.gp_covered[rows],
            codes=None if self.codes is None else self.codes.take(rows),
        )

    def row_weights(self, rows: np.ndarray) -> np.ndarray:
        """Return the weights of some rows as float64."""
        return np.ones(len(rows)) if self.weights is None else self.weights[rows]


def training_data(
    frame: pd.DataFrame,
    predictors: Sequence[Predictor],
    labels: np.ndarray,
    person: np.ndarray,
    weights: np.ndarray | None = None,
    codes: CodeCounts | None = None,
) -> TrainingData:
    """Check that rows fit together and return them as TrainingData; raise ValueError or SchemaMismatchError if they do not.

    The frame's column `gp_covered` says whom the GP feeds cover; without it they cover everyone.
    """
    check_schema(FeatureRows(frame, codes), predictors, "these rows cannot train a model")
    outcome = np.asarray(labels)
    _check_values(frame, outcome, person, weights)
    return TrainingData(
        frame,
        tuple(predictors),
        outcome.astype(np.int8),
        np.asarray(person),
        None if weights is None else np.asarray(weights, dtype=np.float64),
        coverage_of(frame),
        codes,
    )


def _check_values(frame: pd.DataFrame, labels: np.ndarray, person: np.ndarray, weights: np.ndarray | None) -> None:
    if pd.isna(labels).any() or not np.isin(labels, (0, 1)).all():
        raise ValueError("labels must be 0 or 1: exclude rows whose outcome is not known")
    for name, values in (("labels", labels), ("person", person), ("weights", weights)):
        if values is not None and len(values) != len(frame):
            raise ValueError(f"{name} has {len(values)} values for {len(frame)} rows")
    if weights is not None and not (np.isfinite(weights).all() and (np.asarray(weights) >= 0).all()):
        raise ValueError("weights must be finite and not negative")


def coverage_of(frame: pd.DataFrame) -> np.ndarray:
    """Return for each row whether GP feeds cover the person; true for all if the frame has no column `gp_covered`."""
    if "gp_covered" not in frame.columns:
        return np.ones(len(frame), dtype=bool)
    return frame["gp_covered"].to_numpy(dtype=bool, na_value=False)

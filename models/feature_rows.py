"""Feature rows as models read them: curated features as a frame, and next to it the counts of code-level columns.

Functions that other packages call take the frame and, where a model learns from codes, its counts. Inside `models` both travel as one
object, so that they are always sliced together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

Positions = np.ndarray | slice  # positions of rows, or a mask


@dataclass(frozen=True)
class CodeCounts:
    """Code-level columns as a sparse matrix (rows x columns, float32) with the names of its columns. No value is missing."""

    matrix: sparse.csr_matrix
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.matrix.shape[1] != len(self.columns):
            raise ValueError(f"a matrix of {self.matrix.shape[1]} columns cannot have {len(self.columns)} names")

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def take(self, rows: Positions) -> CodeCounts:
        """Return some of the rows."""
        return CodeCounts(self.matrix[rows], self.columns)

    def select(self, names: Sequence[str]) -> sparse.csr_matrix:
        """Return the matrix of some columns, in the order of their names; raise KeyError if one is missing."""
        if tuple(names) == self.columns:
            return self.matrix
        position = {name: place for place, name in enumerate(self.columns)}
        new_position = np.full(len(self.columns), -1, dtype=np.int32)
        new_position[[position[name] for name in names]] = np.arange(len(names))
        return _moved(self.matrix, new_position, len(names))


@dataclass(frozen=True)
class FeatureRows:
    """Rows of features, and the counts of their code-level columns where there are any."""

    frame: pd.DataFrame
    codes: CodeCounts | None = None

    def __post_init__(self) -> None:
        if self.codes is not None and len(self.codes) != len(self.frame):
            raise ValueError(
                f"{len(self.frame)} rows of features have {len(self.codes)} rows of codes: count the codes of these rows"
            )

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def columns(self) -> frozenset[str]:
        """Names of all columns, curated and code-level."""
        return frozenset(map(str, self.frame.columns)).union(() if self.codes is None else self.codes.columns)

    def take(self, rows: Positions) -> FeatureRows:
        """Return some of the rows."""
        return FeatureRows(self.frame.iloc[rows], None if self.codes is None else self.codes.take(rows))

    def code_matrix(self, names: Sequence[str]) -> sparse.csr_matrix:
        """Return some code-level columns (rows x names, float32), from the counts or from columns of the frame."""
        if self.codes is None:
            return sparse.csr_matrix(self.frame[list(names)].to_numpy(dtype=np.float32, na_value=0.0))
        return self.codes.select(names)

    def with_plain_codes(self, names: Sequence[str]) -> pd.DataFrame:
        """Return the frame with some code-level columns as ordinary ones: for a few rows, or a few columns."""
        if self.codes is None:
            return self.frame
        dense = pd.DataFrame(self.codes.select(names).toarray(), index=self.frame.index, columns=list(names))
        return pd.concat([self.frame, dense], axis=1)


def moved_columns(matrix: sparse.csr_matrix, places: np.ndarray, width: int) -> sparse.csr_matrix:
    """Return a wider matrix with each column at its new place; places ascend."""
    return sparse.csr_matrix((matrix.data, places[matrix.indices], matrix.indptr), shape=(matrix.shape[0], width))


def _moved(matrix: sparse.csr_matrix, new_position: np.ndarray, width: int) -> sparse.csr_matrix:
    """Return a matrix with each column at its new position; columns at -1 are dropped."""
    indices = new_position[matrix.indices]
    kept = indices >= 0
    indptr = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    selected = sparse.csr_matrix((matrix.data[kept], indices[kept], indptr), shape=(matrix.shape[0], width))
    selected.sort_indices()
    return selected

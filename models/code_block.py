"""Thousands of code-level columns as one column of a frame: each row holds a row of a sparse matrix.

So a frame is sliced, ordered and joined with its codes as with any other column, and models read the matrix back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype
from scipy import sparse

BLOCK = "codes"  # the name of the column


class CodeDtype(ExtensionDtype):
    """The type of a block: the names of its columns, in order."""

    type = sparse.csr_matrix
    name = "codes"
    na_value = None
    _metadata = ("columns",)

    def __init__(self, columns: Sequence[str] = ()) -> None:
        self.columns = tuple(columns)

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each column stands."""
        return {name: position for position, name in enumerate(self.columns)}

    @classmethod
    def construct_array_type(cls) -> Any:
        return CodeArray

    @classmethod
    def construct_from_string(cls, string: str) -> Self:
        raise TypeError(f"a block of codes is made from a matrix, not from '{string}'")


class CodeArray(ExtensionArray):
    """Rows of a sparse matrix with named columns; nothing in it is ever missing."""

    def __init__(self, matrix: sparse.csr_matrix, dtype: CodeDtype) -> None:
        if matrix.shape[1] != len(dtype.columns):
            raise ValueError(f"a matrix of {matrix.shape[1]} columns cannot have {len(dtype.columns)} names")
        self.matrix = matrix
        self._dtype = dtype

    @classmethod
    def _from_sequence(cls, scalars: Any, *, dtype: Any = None, copy: bool = False) -> CodeArray:
        if not isinstance(dtype, CodeDtype):
            raise TypeError("a block of codes needs the names of its columns")
        rows = list(scalars)
        return cls(sparse.vstack(rows, "csr") if rows else sparse.csr_matrix((0, len(dtype.columns)), dtype=np.float32), dtype)

    @classmethod
    def _concat_same_type(cls, to_concat: Sequence[CodeArray]) -> CodeArray:
        return cls(sparse.vstack([part.matrix for part in to_concat], "csr"), to_concat[0].dtype)

    @property
    def dtype(self) -> CodeDtype:
        return self._dtype

    @property
    def nbytes(self) -> int:
        return int(self.matrix.data.nbytes + self.matrix.indices.nbytes + self.matrix.indptr.nbytes)

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, (int, np.integer)):
            return self.matrix[int(item)]
        rows = pd.api.indexers.check_array_indexer(self, item)
        return CodeArray(self.matrix[rows], self.dtype)

    def __eq__(self, other: object) -> Any:
        if not isinstance(other, CodeArray) or self.matrix.shape != other.matrix.shape:
            return NotImplemented
        return np.asarray((self.matrix != other.matrix).sum(axis=1)).ravel() == 0

    def isna(self) -> np.ndarray:
        """Say that nothing is missing."""
        return np.zeros(len(self), dtype=bool)

    def take(self, indices: Any, *, allow_fill: bool = False, fill_value: Any = None) -> CodeArray:
        """Give some rows; there is no row that could stand for a missing one."""
        rows = np.asarray(indices, dtype=np.intp)
        if allow_fill and (rows < 0).any():
            raise ValueError("a block of codes has no row for a key that it does not hold")
        return CodeArray(self.matrix[rows], self.dtype)

    def copy(self) -> CodeArray:
        """Give the block again; its matrix is never changed in place."""
        return CodeArray(self.matrix, self.dtype)


def with_codes(frame: pd.DataFrame, matrix: sparse.csr_matrix, names: Sequence[str]) -> pd.DataFrame:
    """Give a frame with its code-level columns (one row of the matrix per row)."""
    return frame.assign(**{BLOCK: pd.Series(CodeArray(matrix, CodeDtype(names)), index=frame.index)})


def code_names(frame: pd.DataFrame) -> frozenset[str]:
    """Name the code-level columns of a frame's block."""
    block = _block(frame)
    return frozenset() if block is None else frozenset(block.dtype.place)


def code_matrix(frame: pd.DataFrame, names: Sequence[str]) -> sparse.csr_matrix:
    """Give some code-level columns (rows x names, float32), from the block or from plain columns of those names."""
    block = _block(frame)
    if block is None:
        return sparse.csr_matrix(frame[list(names)].to_numpy(dtype=np.float32, na_value=0.0))
    if tuple(names) == block.dtype.columns:
        return block.matrix
    column = np.full(len(block.dtype.columns), -1, dtype=np.int32)
    column[[block.dtype.place[name] for name in names]] = np.arange(len(names))
    return _columns(block.matrix, column, len(names))


def plain_columns(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Give a frame with some code-level columns as plain ones in place of the block: for a few rows, or a few columns."""
    if _block(frame) is None:
        return frame
    dense = pd.DataFrame(code_matrix(frame, names).toarray(), index=frame.index, columns=list(names))
    return pd.concat([frame.drop(columns=BLOCK), dense], axis=1)


def moved_columns(matrix: sparse.csr_matrix, places: np.ndarray, width: int) -> sparse.csr_matrix:
    """Put each column of a matrix at its place in a wider one; places ascend."""
    return sparse.csr_matrix((matrix.data, places[matrix.indices], matrix.indptr), shape=(matrix.shape[0], width))


def _columns(matrix: sparse.csr_matrix, column: np.ndarray, width: int) -> sparse.csr_matrix:
    indices = column[matrix.indices]
    kept = indices >= 0
    indptr = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    chosen = sparse.csr_matrix((matrix.data[kept], indices[kept], indptr), shape=(matrix.shape[0], width))
    chosen.sort_indices()
    return chosen


def _block(frame: pd.DataFrame) -> CodeArray | None:
    if BLOCK not in frame.columns:
        return None
    array = frame[BLOCK].array
    return array if isinstance(array, CodeArray) else None

"""Compare solvers of the ridge logistic regression on the same columns: `python -m benchmarks.solvers --rows 200000` prints one JSON line for each.

Each solver runs in a separate process on one BLAS thread, so that its CPU seconds and peak memory are its own. `furthest` is the largest
difference of a coefficient from Strata's. `--solvers scikit-learn glum` adds glum, which must be installed: Strata does not depend on it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from benchmarks.measurement import measure
from benchmarks.models import SEED, rows_with_labels
from models.blas import one_blas_thread
from models.logistic import fit_transforms, make_design
from models.predictors import Predictor
from models.ridge_solver import Design, minimise
from models.settings import LogisticSettings
from models.training_data import TrainingData, training_data

try:
    import tabmat
    from glum import GeneralizedLinearRegressor
except ImportError:  # it is optional here
    tabmat = None

NUMBERS, LEVELS = 60, (12, 30)  # 48 numbers with splines and flags, and two categories: about 300 columns
PRIOR_VARIANCE = 0.01


def board(rows: int) -> TrainingData:
    data = rows_with_labels(rows, NUMBERS)
    rng = np.random.default_rng(SEED)
    names = [f"category_{levels}" for levels in LEVELS]
    frame = data.frame.assign(
        **{name: pd.Categorical(rng.integers(0, levels, rows).astype(str)) for name, levels in zip(names, LEVELS, strict=True)}
    )
    predictors = (*data.predictors, *(Predictor(name, "category") for name in names))
    return training_data(frame, predictors, data.labels, data.person)


def with_strata(design: Design, labels: np.ndarray) -> np.ndarray:
    return minimise(design, labels, np.ones(len(labels)), PRIOR_VARIANCE)


def with_scikit_learn(design: Design, labels: np.ndarray) -> np.ndarray:
    matrix = np.hstack([design.numbers, design.levels.toarray()])
    solver = LogisticRegression(C=PRIOR_VARIANCE, solver="newton-cholesky", tol=1e-9, max_iter=200).fit(matrix, labels)
    return np.concatenate([solver.intercept_, solver.coef_[0]])


def with_glum(design: Design, labels: np.ndarray) -> np.ndarray:
    matrix = tabmat.SplitMatrix([tabmat.DenseMatrix(design.numbers), tabmat.SparseMatrix(sparse.csc_matrix(design.levels))])
    alpha = 1 / (PRIOR_VARIANCE * len(labels))
    solver = GeneralizedLinearRegressor(family="binomial", alpha=alpha, l1_ratio=0, gradient_tol=1e-10, max_iter=200)
    solver.fit(matrix, labels)
    return np.concatenate([[solver.intercept_], solver.coef_])


SOLVERS: dict[str, Callable[[Design, np.ndarray], np.ndarray]] = {
    "strata": with_strata, "scikit-learn": with_scikit_learn, "glum": with_glum,
}  # fmt: skip


def solve(name: str, rows: int, kept: Path) -> None:
    """Print what one solver took, and how far its coefficients are from those that Strata's solver wrote to `kept`."""
    data = board(rows)
    design = make_design(fit_transforms(data.predictors, data.frame, LogisticSettings()), data.frame)
    labels = data.labels.astype(np.float64)
    del data
    found: list[np.ndarray] = []

    def work() -> int:
        with one_blas_thread():
            found.append(SOLVERS[name](design, labels))
        return rows

    line = {**measure(name, work), "columns": design.width}
    if name == "strata":
        np.save(kept, found[0])
    else:
        line["furthest"] = float(np.abs(found[0] - np.load(kept)).max())
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--solvers", nargs="+", choices=list(SOLVERS), default=["scikit-learn"])
    parser.add_argument("--alone", type=Path, help="run in this process; the file holds the coefficients of Strata's solver")
    given = parser.parse_args()
    if given.alone:
        for name in given.solvers:
            solve(name, given.rows, given.alone)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in ("strata", *given.solvers):
            kept = str(Path(folder) / "coefficients.npy")
            options = ["--rows", str(given.rows), "--solvers", name, "--alone", kept]
            subprocess.run([sys.executable, "-m", "benchmarks.solvers", *options], check=True)


if __name__ == "__main__":
    main()

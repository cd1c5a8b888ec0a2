"""The input example that is stored with a model: rows of no real person."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from models.predictors import Predictor

QUARTILES = (0.25, 0.5, 0.75)
MOST_ROWS = 20_000  # of the test rows; more would only cost time


def example_rows(frame: pd.DataFrame, predictors: Sequence[Predictor]) -> pd.DataFrame:
    """Return three rows that show a model's input: every number at its quartiles, every category at its commonest level, codes as 0.

    Each column is summarised separately over many people, so no row describes a person.
    """
    seen = frame.head(MOST_ROWS)
    columns = {predictor.name: _example_values(seen, predictor) for predictor in predictors}
    covered = {"gp_covered": [True] * len(QUARTILES)} if "gp_covered" in frame else {}
    return pd.DataFrame({**columns, **covered})


def _example_values(rows: pd.DataFrame, predictor: Predictor) -> list[object]:
    if predictor.kind == "code":
        return [0.0] * len(QUARTILES)
    if predictor.kind == "category":
        commonest = rows[predictor.name].astype("object").dropna().astype(str).mode()
        return [commonest.iloc[0] if len(commonest) else ""] * len(QUARTILES)
    values = rows[predictor.name].astype("float64")
    return [float(value) for value in values.quantile(list(QUARTILES), interpolation="nearest")]

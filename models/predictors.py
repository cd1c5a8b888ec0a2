"""What a model is told about its predictors, and the check that a frame holds them as they were declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from expectations.code_column import CodeColumn
from models.code_block import code_names

MOST_NAMED = 50  # columns named in one message
PredictorKind = Literal["number", "category", "code"]


class SchemaMismatchError(ValueError):
    """Raised when a frame does not hold a model's predictors as declared; names the columns and what to do."""


@dataclass(frozen=True)
class Predictor:
    """One column a model may use, and what people are told about it; `column` says what a code-level one counts."""

    name: str
    kind: PredictorKind = "number"
    label: str = ""
    concept: str = ""
    feed: str = ""
    window_days: int | None = None
    unit: str = ""
    uses_deprivation: bool = False
    column: CodeColumn | None = None
    statistic: str = ""

    @property
    def plain_name(self) -> str:
        """What people are told the predictor is."""
        return self.label or self.name.replace("_", " ")

    def to_dict(self) -> dict[str, Any]:
        """Give the predictor as plain data."""
        return {key: value for key, value in asdict(self).items() if value or key not in ("column", "statistic")}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Predictor:
        """Rebuild a predictor from plain data."""
        column = content.get("column")
        return cls(**{**content, "column": CodeColumn(**column) if column else None})


def code_predictor(column: CodeColumn, label: str, feed: str) -> Predictor:
    """Give the predictor of a code-level column."""
    unit = "events" if column.statistic == "count" else "flag"
    return Predictor(column.name, "code", label, column.concept, feed, column.window_days, unit, column=column)


def predictors_from_catalogue(catalogue: pd.DataFrame) -> tuple[Predictor, ...]:
    """Read the computed predictors of a feature catalogue (columns of `features__catalogue`), in its order."""
    rows = catalogue[(catalogue["role"] == "predictor") & (catalogue["status"] == "computed")]
    return tuple(_predictor(row) for row in rows.to_dict("records"))


def _predictor(row: dict[Any, Any]) -> Predictor:
    window = row.get("window_days")
    return Predictor(
        name=str(row["name"]),
        kind="category" if row["kind"] == "category" else "number",
        label=_text(row.get("label")),
        concept=_text(row.get("concept")),
        feed=_text(row.get("feed")),
        window_days=None if window is None or pd.isna(window) else int(window),
        unit=_text(row.get("unit")),
        uses_deprivation=bool(row.get("uses_deprivation", False)),
        statistic=_text(row.get("statistic")),
    )


def _text(value: object) -> str:
    return "" if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA else str(value)


def schema_problems(frame: pd.DataFrame, predictors: Sequence[Predictor]) -> list[str]:
    """List in words what stops a frame from being used with these predictors; empty when nothing does."""
    held = set(frame.columns) | code_names(frame)
    missing = [predictor.name for predictor in predictors if predictor.name not in held]
    absent = set(missing)
    problems = (
        [f"columns that are missing: {', '.join(missing[:MOST_NAMED])}{' ...' * (len(missing) > MOST_NAMED)}"] if missing else []
    )
    twice = sorted(
        {str(name) for name in frame.columns[frame.columns.duplicated()]} & {predictor.name for predictor in predictors}
    )
    problems += [f"columns that stand twice: {', '.join(twice)}"] if twice else []
    for predictor in predictors:
        if predictor.name in absent or predictor.name in twice or predictor.name not in frame.columns:
            continue
        dtype = frame[predictor.name].dtype
        if predictor.kind != "category" and not _is_number(dtype):
            problems.append(f"column '{predictor.name}' must hold numbers, not {dtype}")
        if predictor.kind == "category" and not _is_category(frame[predictor.name]):
            problems.append(f"column '{predictor.name}' must hold categories as text, not {dtype}")
    return problems


def check_schema(frame: pd.DataFrame, predictors: Sequence[Predictor], purpose: str) -> None:
    """Raise SchemaMismatchError unless a frame holds every predictor with its kind."""
    problems = schema_problems(frame, predictors)
    if problems:
        raise SchemaMismatchError(f"{purpose}: {'; '.join(problems)}. Give the columns that the feature catalogue declares.")


def _is_number(dtype: Any) -> bool:
    return bool(pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype))


def _is_category(column: pd.Series) -> bool:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    return bool(pd.api.types.is_string_dtype(column.dtype) or pd.api.types.is_object_dtype(column.dtype))


def numbers(column: pd.Series) -> np.ndarray:
    """Give a number column as float32 with NaN for what is missing; infinite values count as missing."""
    values = column.to_numpy(dtype=np.float32, na_value=np.nan)
    if np.isinf(values).any():
        values = np.where(np.isinf(values), np.float32(np.nan), values)
    return values


def level_codes(column: pd.Series, levels: Sequence[str]) -> np.ndarray:
    """Give each row's position in `levels` as int32; -1 where missing or not among them."""
    categorical = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    place = {level: position for position, level in enumerate(levels)}
    places = np.asarray([*(place.get(str(name), -1) for name in categorical.cat.categories), -1], dtype=np.int32)
    return np.asarray(places[categorical.cat.codes.to_numpy()])  # code -1, missing, reads the last place

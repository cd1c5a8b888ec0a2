"""The predictors of a model, and the check that rows hold them as they were declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from expectations.code_column import CodeColumn
from models.feature_rows import FeatureRows

MOST_NAMED = 50  # columns named in one message
PredictorKind = Literal["number", "category", "code"]


class SchemaMismatchError(ValueError):
    """Raised when rows do not hold a model's predictors as declared; names the columns and what to do."""


@dataclass(frozen=True)
class Predictor:
    """One column a model may use, with its label and origin; `column` is what a code-level predictor counts."""

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
        """The label, or the name as text if there is none."""
        return self.label or self.name.replace("_", " ")

    def to_dict(self) -> dict[str, Any]:
        """Return the predictor as plain data."""
        return {key: value for key, value in asdict(self).items() if value or key not in ("column", "statistic")}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Predictor:
        """Rebuild a predictor from plain data."""
        column = content.get("column")
        return cls(**{**content, "column": CodeColumn(**column) if column else None})


def code_predictor(column: CodeColumn, label: str, feed: str) -> Predictor:
    """Return the predictor of a code-level column."""
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


def schema_problems(rows: FeatureRows, predictors: Sequence[Predictor]) -> list[str]:
    """Return as text what prevents rows from being used with these predictors; empty if nothing does."""
    columns, frame = rows.columns, rows.frame
    missing = [predictor.name for predictor in predictors if predictor.name not in columns]
    repeated = _repeated(frame, predictors)
    problems = [
        f"columns that are missing: {_listed(missing)}" if missing else "",
        f"columns that appear more than once: {_listed(repeated)}" if repeated else "",
        *_wrong_kinds(frame, [predictor for predictor in predictors if predictor.name not in repeated]),
    ]
    return [problem for problem in problems if problem]


def check_schema(rows: FeatureRows, predictors: Sequence[Predictor], purpose: str) -> None:
    """Raise SchemaMismatchError unless rows hold every predictor with its kind."""
    problems = schema_problems(rows, predictors)
    if problems:
        raise SchemaMismatchError(f"{purpose}: {'; '.join(problems)}. Provide the columns that the feature catalogue declares.")


def _repeated(frame: pd.DataFrame, predictors: Sequence[Predictor]) -> list[str]:
    """Return the predictors that are more than one column of a frame."""
    names = {str(name) for name in frame.columns[frame.columns.duplicated()]}
    return sorted(names & {predictor.name for predictor in predictors})


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:MOST_NAMED])}{' ...' if len(names) > MOST_NAMED else ''}"


def _wrong_kinds(frame: pd.DataFrame, predictors: Sequence[Predictor]) -> Iterator[str]:
    """Yield for each predictor in the frame what is wrong with its kind; '' if nothing is."""
    kinds = dict(zip(frame.columns, frame.dtypes, strict=True))
    for predictor in predictors:
        if predictor.name in kinds:
            yield _wrong_kind(kinds[predictor.name], predictor)


def _wrong_kind(dtype: Any, predictor: Predictor) -> str:
    """Return what is wrong with the kind of a column; '' if nothing is."""
    if predictor.kind == "category":
        return "" if _is_category(dtype) else f"column '{predictor.name}' must hold categories as text, not {dtype}"
    return "" if _is_number(dtype) else f"column '{predictor.name}' must hold numbers, not {dtype}"


def _is_number(dtype: Any) -> bool:
    return bool(pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype))


def _is_category(dtype: Any) -> bool:
    if isinstance(dtype, pd.CategoricalDtype):
        return True
    return bool(pd.api.types.is_string_dtype(dtype) or pd.api.types.is_object_dtype(dtype))


def numbers(column: pd.Series) -> np.ndarray:
    """Return a number column as float32 with NaN for what is missing; infinite values count as missing."""
    values = column.to_numpy(dtype=np.float32, na_value=np.nan)
    if np.isinf(values).any():
        values = np.where(np.isinf(values), np.float32(np.nan), values)
    return values


def read_once(frame: pd.DataFrame, predictors: Sequence[Predictor]) -> pd.DataFrame:
    """Return a frame with its predictors as models read them, for rows that are predicted many times."""
    kinds = {predictor.name: predictor.kind for predictor in predictors if predictor.name in frame.columns}
    read = {name: numbers(frame[name]) if kind != "category" else frame[name].astype("category") for name, kind in kinds.items()}
    return frame.assign(**read)


def level_codes(column: pd.Series, levels: Sequence[str]) -> np.ndarray:
    """Return each row's position in `levels` as int32; -1 if it is missing or not among them."""
    categorical = column if isinstance(column.dtype, pd.CategoricalDtype) else column.astype("category")
    place = {level: position for position, level in enumerate(levels)}
    places = np.asarray([*(place.get(str(name), -1) for name in categorical.cat.categories), -1], dtype=np.int32)
    return np.asarray(places[categorical.cat.codes.to_numpy()])  # code -1, missing, reads the last place

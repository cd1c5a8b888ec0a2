"""How a predictor enters a linear model: log, restricted cubic spline, flags for zero and missing, one column per level.

Fitted on training rows once, stored as plain numbers, applied row by row: a row's columns never depend on other rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from models.predictors import Predictor, level_codes, numbers

MOST_LEVELS = 1_000  # of one category; the rest joins 'other'
SKEWED = 1.5  # skewness from which a non-negative number is put on a log scale
FLAG_SHARE = 0.01  # zeros (or values above zero) rarer than this get no flag of their own


@dataclass(frozen=True)
class NumberTransform:
    """A number as standardised columns; if it is missing they are 0 and `missing_flag` adds a column."""

    name: str
    log: bool
    lower: float
    upper: float
    knots: tuple[float, ...]
    zero_flag: bool
    missing_flag: bool
    centres: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.centres) + int(self.missing_flag)

    def raw_columns(self, values: np.ndarray) -> list[np.ndarray]:
        """Return the columns before standardising; NaN stays NaN. A column with one known value has none but its flag."""
        if self.lower == self.upper:
            return []
        position = np.clip(np.log1p(np.maximum(values, 0)) if self.log else values, self.lower, self.upper).astype(np.float64)
        columns = [position, *_spline_terms(position, self.knots)]
        if self.zero_flag:
            columns.append(np.where(np.isnan(values), np.nan, (values > 0).astype(np.float64)))
        return columns

    def columns(self, frame: pd.DataFrame) -> Iterator[np.ndarray]:
        """Return the standardised columns of a frame's rows as float64."""
        values = numbers(frame[self.name])
        for column, centre, scale in zip(self.raw_columns(values), self.centres, self.scales, strict=True):
            yield np.nan_to_num((column - centre) / scale, nan=0.0)
        if self.missing_flag:
            yield np.isnan(values).astype(np.float64)


@dataclass(frozen=True)
class CategoryTransform:
    """A category: one effect per level against the commonest; unseen levels count as missing."""

    name: str
    reference: str
    levels: tuple[str, ...]  # with a column each, after them 'other' and 'missing' where flagged
    others: tuple[str, ...]  # levels that share the column 'other'
    missing_flag: bool

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.levels) + int(bool(self.others)) + int(self.missing_flag)

    def positions(self, frame: pd.DataFrame) -> np.ndarray:
        """Return each row's column as int32, -1 for the reference level."""
        known = (self.reference, *self.levels, *self.others)
        column = np.arange(-1, len(known) - 1, dtype=np.int32)
        column[1 + len(self.levels) :] = len(self.levels)
        missing = len(self.levels) + int(bool(self.others)) if self.missing_flag else -1
        codes = level_codes(frame[self.name], known)
        return np.where(codes >= 0, column[codes], np.int32(missing)).astype(np.int32)


Transform = NumberTransform | CategoryTransform


def transform_to_dict(transform: Transform) -> dict[str, Any]:
    """Return a transform as plain data."""
    return {"kind": "number" if isinstance(transform, NumberTransform) else "category", **asdict(transform)}


def transform_from_dict(content: dict[str, Any]) -> Transform:
    """Rebuild a transform from plain data."""
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in content.items() if key != "kind"
    }
    return NumberTransform(**fields) if content["kind"] == "number" else CategoryTransform(**fields)


def fit_transform(predictor: Predictor, frame: pd.DataFrame, knots: int, minimum_level_rows: int) -> Transform | None:
    """Fit one predictor's transform on training rows; None where it is constant there."""
    if predictor.kind == "category":
        return _fit_category(predictor.name, frame[predictor.name], minimum_level_rows)
    return _fit_number(predictor.name, numbers(frame[predictor.name]), knots)


def _fit_number(name: str, values: np.ndarray, knots: int) -> NumberTransform | None:
    missing = np.isnan(values)
    known = values[~missing].astype(np.float64)
    if not len(known):
        return None
    if known.min() == known.max():
        return NumberTransform(name, False, 0.0, 0.0, (), False, True) if missing.any() else None
    log, zero_flag = _form(known)
    position = np.log1p(known) if log else known
    draft = NumberTransform(
        name,
        log,
        float(position.min()),
        float(position.max()),
        _knots(position, knots, zero_flag),
        zero_flag,
        bool(missing.any()),
    )
    columns = [column[~missing] for column in draft.raw_columns(values)]
    centres = tuple(float(column.mean()) for column in columns)
    return replace(draft, centres=centres, scales=tuple(float(column.std()) or 1.0 for column in columns))


def _form(known: np.ndarray) -> tuple[bool, bool]:
    """Return whether a number is put on a log scale, and whether zero gets a flag: neither for negative or binary numbers."""
    if known.min() < 0 or _is_binary(known):
        return False, False
    return _skewness(known) > SKEWED, FLAG_SHARE < float((known == 0).mean()) < 1 - FLAG_SHARE


def _is_binary(values: np.ndarray) -> bool:
    """Return whether there are two distinct values; the first rows decide quickly that there are more."""
    return len(np.unique(values[:1000])) <= 2 and len(np.unique(values)) == 2


def _knots(position: np.ndarray, knots: int, zero_flag: bool) -> tuple[float, ...]:
    if not knots:
        return ()
    body = position[position > 0] if zero_flag else position
    places = np.unique(np.quantile(body, np.linspace(0.05, 0.95, knots)).round(6))
    return tuple(float(place) for place in places) if len(places) >= 3 else ()


def _spline_terms(position: np.ndarray, knots: tuple[float, ...]) -> list[np.ndarray]:
    """Return the non-linear terms of a restricted cubic spline (Harrell), linear beyond the outer knots."""
    if not knots:
        return []
    first, before_last, last = knots[0], knots[-2], knots[-1]
    norm = (last - first) ** 2

    def cubed(knot: float) -> np.ndarray:
        return np.maximum(position - knot, 0) ** 3

    at_before_last, at_last = cubed(before_last), cubed(last)
    return [
        (
            cubed(knot)
            - at_before_last * (last - knot) / (last - before_last)
            + at_last * (before_last - knot) / (last - before_last)
        )
        / norm
        for knot in knots[:-2]
    ]


def _skewness(values: np.ndarray) -> float:
    centred = values - values.mean()
    spread = float(centred.std())
    return float((centred**3).mean() / spread**3) if spread > 0 else 0.0


def _fit_category(name: str, column: pd.Series, minimum_level_rows: int) -> CategoryTransform | None:
    text = column.astype("object")
    counts = text.dropna().astype(str).value_counts()
    counts = counts.iloc[np.lexsort((counts.index.to_numpy().astype(str), -counts.to_numpy()))]
    missing = bool(text.isna().any())
    if not len(counts) or (len(counts) == 1 and not missing):
        return None
    reference, rest = str(counts.index[0]), counts.iloc[1:]
    levels = tuple(str(level) for level in rest.index[rest >= minimum_level_rows][:MOST_LEVELS])
    others = tuple(str(level) for level in rest.index if str(level) not in set(levels))
    return CategoryTransform(name, reference, levels, others, missing)

"""Gradient boosting with LightGBM: categories as stored codes, rounds by early stopping on held-out people.

Code-level columns come after the others and make the matrix sparse. Of thousands, only those most associated with the outcome in the
training rows are offered. With three times the columns trees take three times as long and discriminate no better.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy import sparse

from models.feature_rows import FeatureRows, moved_columns
from models.fitting import Fitting
from models.predictors import Predictor, level_codes, numbers
from models.settings import LightGBMSettings
from models.splitting import balanced_folds, person_folds, sampled_people
from models.training_data import TrainingData
from models.tuned import Tuned

ROWS_AT_ONCE = 100_000
CODED_ROWS_AT_ONCE = 10_000  # contributions of thousands of columns are dense

STOPPING_FOLDS = 5  # one of them is held out to stop
SMALL, FEW_EVENTS = 10_000, 1_300  # rows and events up to which several folds choose, and LightGBM's defaults may do better
CHOOSING_FOLDS = 3
PLAIN = {
    "num_leaves": 31, "learning_rate": 0.1, "feature_fraction": 1.0, "min_data_in_leaf": 20, "lambda_l2": 0.0,
    "cat_l2": 10.0, "cat_smooth": 10.0,
}  # fmt: skip


@dataclass(frozen=True)
class Encoding:
    """A predictor as LightGBM reads it: a number as it is, a category as the position of its level."""

    name: str
    levels: tuple[str, ...] | None = None  # None for a number

    def column(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the column as float32; missing and unseen are NaN."""
        if self.levels is None:
            return numbers(frame[self.name])
        codes = level_codes(frame[self.name], self.levels).astype(np.float32)
        return np.where(codes < 0, np.float32(np.nan), codes)


@dataclass(frozen=True)
class BoostedEstimator:
    """A LightGBM model as LightGBM's text, with the encodings of its columns and the code-level columns its trees split on."""

    encodings: tuple[Encoding, ...]
    text: str
    codes: tuple[str, ...] = ()
    code_places: tuple[int, ...] = ()  # the position of each in the trees' columns

    @cached_property
    def booster(self) -> lgb.Booster:
        """The trees, read from their text."""
        return lgb.Booster(model_str=self.text)

    def margin(self, rows: FeatureRows) -> np.ndarray:
        """Return the log odds of each row."""
        out = np.empty(len(rows))
        for chunk in _chunks(len(rows)):
            out[chunk] = self._predict(rows.take(chunk), raw_score=True)
        return out

    def contributions(self, rows: FeatureRows) -> tuple[np.ndarray, float]:
        """Return each used predictor's Shapley value on the margin (rows x used), and the base they are counted from."""
        out = np.empty((len(rows), len(self.used)))
        base = 0.0
        places = [*range(len(self.encodings)), *self.code_places, -1]
        for chunk in _chunks(len(rows), CODED_ROWS_AT_ONCE if self.codes else ROWS_AT_ONCE):
            values = self._predict(rows.take(chunk), pred_contrib=True)
            if self.codes:
                values = values[:, places].toarray()
            out[chunk] = values[:, :-1]
            base = float(values[0, -1])
        return out, base

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the predictors the trees may split on."""
        return (*(encoding.name for encoding in self.encodings), *self.codes)

    def _predict(self, part: FeatureRows, **kind: bool) -> Any:
        matrix = _matrix(self.encodings, part.frame)
        if self.codes:
            codes, start = part.code_matrix(self.codes), len(self.encodings)
            matrix = _joined(
                matrix, moved_columns(codes, np.asarray(self.code_places) - start, self.booster.num_feature() - start)
            )
        return self.booster.predict(matrix, **kind)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the trees' text as plain data."""
        codes = [{"name": name, "place": place} for name, place in zip(self.codes, self.code_places, strict=True)]
        return {
            "method": "lightgbm",
            **({"codes": codes} if codes else {}),
            "encodings": [
                {"name": encoding.name, "levels": None if encoding.levels is None else list(encoding.levels)}
                for encoding in self.encodings
            ],
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any], text: str) -> BoostedEstimator:
        """Rebuild the estimator from plain data and the trees' text."""
        encodings = tuple(
            Encoding(entry["name"], None if entry["levels"] is None else tuple(entry["levels"])) for entry in content["encodings"]
        )
        codes = content.get("codes", [])
        return cls(encodings, text, tuple(code["name"] for code in codes), tuple(code["place"] for code in codes))


def fit_boosted(
    data: TrainingData, rows: np.ndarray, tuned: Tuned, settings: LightGBMSettings, fitting: Fitting
) -> BoostedEstimator:
    """Grow the tuned number of trees on the given rows (positions); plain trees have LightGBM's default size and pace."""
    rows = sampled_people(data.person, rows, settings.maximum_rows, fitting.seed)
    columns = _Columns.of(data, rows, settings)
    parameters = lightgbm_parameters(data, rows, settings, fitting) | (PLAIN if tuned.plain else {})
    booster = lgb.train(parameters, _dataset(data, rows, columns, parameters), num_boost_round=int(tuned.number))
    return columns.estimator(booster)


def choose_rounds(data: TrainingData, rows: np.ndarray, settings: LightGBMSettings, fitting: Fitting) -> Tuned:
    """Choose the number of trees by early stopping on held-out people of the given rows, and with few events their form."""
    rows = sampled_people(data.person, rows, settings.maximum_rows, fitting.seed)
    events = int(min(data.labels[rows].sum(), len(rows) - data.labels[rows].sum()))
    if len(rows) <= SMALL and events <= FEW_EVENTS and not data.code_columns:
        return _cross_validated(data, rows, settings, fitting)
    held_out = person_folds(data.person[rows], STOPPING_FOLDS, fitting.seed + 3) == 0
    stopped = fit_with_stopping(data, rows[~held_out], rows[held_out], settings, fitting)
    return Tuned(max(10, stopped.booster.num_trees()))


def _cross_validated(data: TrainingData, rows: np.ndarray, settings: LightGBMSettings, fitting: Fitting) -> Tuned:
    """Choose trees and form by the mean log loss over folds of people: one fifth of a few hundred rows decides little."""
    columns = _Columns.of(data, rows, settings)
    fold = balanced_folds(data.person[rows], data.labels[rows], CHOOSING_FOLDS, fitting.seed + 3)
    folds = [(np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)) for held_out in range(CHOOSING_FOLDS)]
    best, best_loss = Tuned(10), np.inf
    for plain in (False, True):
        parameters = lightgbm_parameters(data, rows, settings, fitting) | (PLAIN if plain else {})
        dataset = _dataset(data, rows, columns, parameters)
        results = lgb.cv(parameters, dataset, settings.rounds, folds=iter(folds), callbacks=[_early_stopping(settings)])
        losses = np.asarray(results["valid binary_logloss-mean"])
        if losses.min() < best_loss:
            best, best_loss = Tuned(max(10, int(losses.argmin()) + 1), plain), float(losses.min())
    return best


def fit_with_stopping(
    data: TrainingData, train: np.ndarray, stop: np.ndarray, settings: LightGBMSettings, fitting: Fitting
) -> BoostedEstimator:
    """Grow trees on some rows until others (both positions) stop improving; keep the best number of trees."""
    columns = _Columns.of(data, train, settings)
    parameters = lightgbm_parameters(data, train, settings, fitting)
    dataset = _dataset(data, train, columns, parameters)
    matrix = columns.matrix(data, stop)
    held_out = dataset.create_valid(matrix, data.labels[stop], weight=None if data.weights is None else data.weights[stop])
    booster = lgb.train(
        parameters,
        dataset,
        num_boost_round=settings.rounds,
        valid_sets=[held_out],
        callbacks=[_early_stopping(settings)],
    )
    return columns.estimator(booster)


def _early_stopping(settings: LightGBMSettings) -> Any:
    return lgb.early_stopping(settings.patience, first_metric_only=True, verbose=False)


@dataclass(frozen=True)
class _Columns:
    """The columns that the trees are offered: encodings of the curated predictors, then code-level columns."""

    encodings: tuple[Encoding, ...]
    codes: tuple[str, ...]

    @classmethod
    def of(cls, data: TrainingData, rows: np.ndarray, settings: LightGBMSettings) -> _Columns:
        encodings = _fit_encodings(data.curated, data.frame.iloc[rows], settings)
        return cls(encodings, _associated(data, rows, settings.code_columns) if data.code_columns else ())

    def matrix(self, data: TrainingData, rows: np.ndarray) -> Any:
        part = data.features(rows)
        dense = _matrix(self.encodings, part.frame)
        return _joined(dense, part.code_matrix(self.codes)) if self.codes else dense

    def estimator(self, booster: lgb.Booster) -> BoostedEstimator:
        split = booster.feature_importance("split")[len(self.encodings) :]
        used = np.flatnonzero(split).tolist()
        places = tuple(place + len(self.encodings) for place in used)
        return BoostedEstimator(self.encodings, _text(booster), tuple(self.codes[place] for place in used), places)


def _associated(data: TrainingData, rows: np.ndarray, most: int) -> tuple[str, ...]:
    """Return the code-level columns most associated with the outcome in some rows, by their score statistic."""
    codes, weights = data.code_matrix(rows), data.row_weights(rows)
    labels = data.labels[rows].astype(np.float64)
    residual = weights * (labels - np.average(labels, weights=weights))
    mean = np.asarray(codes.mean(axis=0)).ravel()
    squares = np.bincount(codes.indices, codes.data.astype(np.float64) ** 2, codes.shape[1]) / codes.shape[0]
    spread = np.sqrt(np.maximum(squares - mean**2, 0))
    score = np.abs(codes.T @ residual - mean * residual.sum())
    strength = np.divide(score, spread, out=np.zeros_like(score), where=spread > 1e-9)
    best = np.argsort(-strength, kind="stable")[:most]
    return tuple(data.code_columns[place] for place in np.sort(best[strength[best] > 0]))


def _text(booster: lgb.Booster) -> str:
    """Return the best trees as text, without the number of threads that grew them: it changes no tree."""
    return re.sub(
        r"\[num_threads: \d+\]", "[num_threads: 0]", booster.model_to_string(num_iteration=max(booster.best_iteration, 0) or -1)
    )


def _dataset(data: TrainingData, rows: np.ndarray, columns: _Columns, parameters: dict[str, Any]) -> lgb.Dataset:
    matrix = columns.matrix(data, rows)
    return lgb.Dataset(
        matrix,
        data.labels[rows],
        weight=None if data.weights is None else data.weights[rows],
        feature_name=[f"f{position}" for position in range(matrix.shape[1])],  # LightGBM refuses some characters in names
        categorical_feature=[position for position, encoding in enumerate(columns.encodings) if encoding.levels is not None],
        params=parameters,
        free_raw_data=True,
    )


def lightgbm_parameters(data: TrainingData, rows: np.ndarray, settings: LightGBMSettings, fitting: Fitting) -> dict[str, Any]:
    """Return LightGBM's parameters; few events get fewer and smaller leaves."""
    events = int(min(data.labels[rows].sum(), len(rows) - data.labels[rows].sum()))
    coded = bool(data.code_columns)
    most_leaves = settings.code_leaves if coded else settings.leaves
    leaf_rows = settings.code_leaf_rows if coded else settings.minimum_leaf_rows
    leaves = int(np.clip(events // 40, min(4, most_leaves), most_leaves))
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": leaves,
        "learning_rate": settings.code_learning_rate if coded else settings.learning_rate,
        "feature_fraction": settings.feature_share if len(data.predictors) > 10 else 1.0,
        "min_data_in_leaf": int(np.clip(len(rows) // 400, 10, leaf_rows)),
        "lambda_l2": settings.code_l2 if coded else settings.l2,
        "cat_l2": settings.category_l2,
        "cat_smooth": settings.category_smoothing,
        "max_bin": settings.bins,
        "min_data_per_group": settings.minimum_leaf_rows,
        "seed": fitting.seed % 2**31,
        "num_threads": fitting.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def _fit_encodings(predictors: tuple[Predictor, ...], frame: pd.DataFrame, settings: LightGBMSettings) -> tuple[Encoding, ...]:
    fitted = (_fit_encoding(predictor, frame[predictor.name], settings.minimum_level_rows) for predictor in predictors)
    return tuple(encoding for encoding in fitted if encoding is not None)


def _fit_encoding(predictor: Predictor, column: pd.Series, minimum_level_rows: int) -> Encoding | None:
    """Return the encoding of a predictor; None if it is constant in the training rows."""
    if predictor.kind == "number":
        values = numbers(column)
        return None if _is_constant(values) else Encoding(predictor.name)
    counts = column.astype("object").dropna().astype(str).value_counts()
    levels = tuple(sorted(str(level) for level in counts.index[counts >= minimum_level_rows]))
    distinct_values = len(counts) + int(bool(column.isna().any()))
    return Encoding(predictor.name, levels) if distinct_values > 1 and levels else None


def _is_constant(values: np.ndarray) -> bool:
    if not len(values):
        return True
    first = values[0]
    return bool(np.isnan(values).all() if np.isnan(first) else (values == first).all())


def _matrix(encodings: tuple[Encoding, ...], frame: pd.DataFrame) -> np.ndarray:
    matrix = np.empty((len(frame), len(encodings)), dtype=np.float32, order="F")
    for position, encoding in enumerate(encodings):
        matrix[:, position] = encoding.column(frame)
    return matrix


def _joined(dense: np.ndarray, codes: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return dense columns followed by code-level ones."""
    return sparse.hstack([sparse.csr_matrix(dense), codes], "csr")


def _chunks(rows: int, at_once: int = ROWS_AT_ONCE) -> Iterator[slice]:
    for start in range(0, rows, at_once):
        yield slice(start, min(start + at_once, rows))

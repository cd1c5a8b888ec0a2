"""Ridge-penalised logistic regression on transformed predictors, stored as plain coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from models.blas import one_blas_thread
from models.feature_rows import FeatureRows
from models.fitting import Fitting
from models.predictors import Predictor
from models.ridge_solver import Design, minimise
from models.settings import LogisticSettings
from models.splitting import balanced_folds, sampled_people
from models.training_data import TrainingData
from models.transforms import CategoryTransform, NumberTransform, Transform, fit_transform, transform_from_dict, transform_to_dict
from models.tuned import Tuned

ROWS_AT_ONCE = 100_000
TUNING_ROWS = 30_000
SMALL = 10_000  # rows up to which every fold chooses the penalty; with more rows one fold does
FEW_EVENTS = 2_000  # events up to which straight lines may do better than splines
FOLDS, FOLDS_OF_FEW = 3, 5


@dataclass(frozen=True)
class LogisticEstimator:
    """A logistic regression as transforms with their coefficients; scoring fits nothing."""

    transforms: tuple[Transform, ...]
    coefficients: tuple[tuple[float, ...], ...]  # one tuple per transform, as wide as it is
    mean_effects: tuple[float, ...]  # mean of each transform's effect over the training rows
    intercept: float
    codes: tuple[str, ...] = ()  # code-level columns with an effect
    code_coefficients: tuple[float, ...] = ()
    code_means: tuple[float, ...] = ()  # over the training rows

    def margin(self, rows: FeatureRows) -> np.ndarray:
        """Return the log odds of each row; it does not depend on the other rows."""
        out = np.empty(len(rows))
        for chunk in _chunks(len(rows)):
            part = rows.take(chunk)
            out[chunk] = self.intercept
            for effect in self._effects(part.frame):
                out[chunk] += effect
            if self.codes:
                out[chunk] += part.code_matrix(self.codes) @ np.asarray(self.code_coefficients)
        return out

    def contributions(self, rows: FeatureRows) -> tuple[np.ndarray, float]:
        """Return what each used predictor adds to the margin compared with its mean in training (rows x used), and the base."""
        out = np.empty((len(rows), len(self.used)))
        coefficients, means = np.asarray(self.code_coefficients), np.asarray(self.code_means)
        for chunk in _chunks(len(rows)):
            part = rows.take(chunk)
            for position, effect in enumerate(self._effects(part.frame)):
                out[chunk, position] = effect - self.mean_effects[position]
            if self.codes:
                out[chunk, len(self.transforms) :] = (part.code_matrix(self.codes).toarray() - means) * coefficients
        return out, self.intercept + float(sum(self.mean_effects)) + float(means @ coefficients)

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the predictors with an effect."""
        return (*(transform.name for transform in self.transforms), *self.codes)

    def _effects(self, part: pd.DataFrame) -> Iterator[np.ndarray]:
        for transform, coefficients in zip(self.transforms, self.coefficients, strict=True):
            if isinstance(transform, NumberTransform):
                effect = np.zeros(len(part))
                for column, coefficient in zip(transform.columns(part), coefficients, strict=True):
                    effect += column * coefficient
                yield effect
            else:
                yield np.asarray((*coefficients, 0.0))[transform.positions(part)]

    def to_dict(self) -> dict[str, Any]:
        """Return the estimator as plain data; floats are written so that they read back the same."""
        codes = [
            {"name": name, "coefficient": coefficient, "mean": mean}
            for name, coefficient, mean in zip(self.codes, self.code_coefficients, self.code_means, strict=True)
        ]
        return {
            "method": "logistic",
            "intercept": self.intercept,
            **({"codes": codes} if codes else {}),
            "terms": [
                {"transform": transform_to_dict(transform), "coefficients": list(coefficients), "mean_effect": mean_effect}
                for transform, coefficients, mean_effect in zip(
                    self.transforms, self.coefficients, self.mean_effects, strict=True
                )
            ],
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> LogisticEstimator:
        """Rebuild the estimator from plain data."""
        terms, codes = content["terms"], content.get("codes", [])
        return cls(
            tuple(transform_from_dict(term["transform"]) for term in terms),
            tuple(tuple(term["coefficients"]) for term in terms),
            tuple(term["mean_effect"] for term in terms),
            content["intercept"],
            tuple(code["name"] for code in codes),
            tuple(code["coefficient"] for code in codes),
            tuple(code["mean"] for code in codes),
        )


@one_blas_thread()
def fit_logistic(
    data: TrainingData, rows: np.ndarray, tuned: Tuned, settings: LogisticSettings, fitting: Fitting
) -> LogisticEstimator:
    """Fit transforms and coefficients on the given rows (positions); people are sampled above the settings' maximum.

    The tuned number is the prior variance. The plain form takes numbers as straight lines (skewed ones by their logarithm) without splines.
    """
    rows = sampled_people(data.person, rows, settings.maximum_rows, fitting.seed)
    frame = data.frame.iloc[rows]
    transforms = fit_transforms(data.predictors, frame, settings, tuned.plain)
    design = make_design(transforms, frame)
    solution = minimise(design, data.labels[rows].astype(np.float64), data.row_weights(rows), tuned.number)
    return _estimator(transforms, design, solution)


def choose_penalty(data: TrainingData, rows: np.ndarray, settings: LogisticSettings, fitting: Fitting) -> Tuned:
    """Choose the penalty by log loss on held-out people of the given rows, and with few events between straight lines and splines."""
    rows = sampled_people(data.person, rows, TUNING_ROWS, fitting.seed + 1)
    variances = sorted(settings.prior_variances)
    forms = _forms(data, rows, settings)
    if len(variances) == len(forms) == 1:
        return Tuned(variances[0], forms[0])
    folds = FOLDS_OF_FEW if len(forms) > 1 or forms[0] else FOLDS
    fold = balanced_folds(data.person[rows], data.labels[rows], folds, fitting.seed + 2)
    losses = np.zeros((len(forms), len(variances)))
    for held_out in range(folds if len(rows) <= SMALL else 1):
        for place, plain in enumerate(forms):
            losses[place] += _path_losses(data, rows[fold != held_out], rows[fold == held_out], settings, plain)
    form, variance = np.unravel_index(int(np.argmin(losses)), losses.shape)
    return Tuned(variances[variance], forms[form])


def _forms(data: TrainingData, rows: np.ndarray, settings: LogisticSettings) -> tuple[bool, ...]:
    """Return the forms to try, plain or not: only splines with many events, only lines if splines have more columns than events."""
    events = int(data.labels[rows].sum())
    events = min(events, len(rows) - events)
    if events > FEW_EVENTS:
        return (False,)
    spline_columns = sum(predictor.kind == "number" for predictor in data.predictors) * (settings.spline_knots - 2)
    return (True, False) if spline_columns <= 2 * events else (True,)


@one_blas_thread()
def _path_losses(data: TrainingData, train: np.ndarray, test: np.ndarray, settings: LogisticSettings, plain: bool) -> np.ndarray:
    """Return the log loss on some rows for each penalty; each fit starts from the one with the next stronger penalty."""
    transforms = fit_transforms(data.predictors, data.frame.iloc[train], settings, plain)
    design, held_out = make_design(transforms, data.frame.iloc[train]), make_design(transforms, data.frame.iloc[test])
    labels, outcome = data.labels[train].astype(np.float64), data.labels[test].astype(np.float64)
    losses, solution = [], None
    for prior_variance in sorted(settings.prior_variances):
        solution = minimise(design, labels, data.row_weights(train), prior_variance, solution)
        margin = held_out.times(solution[1:]) + solution[0]
        losses.append(float(np.sum(data.row_weights(test) * (np.logaddexp(0, margin) - outcome * margin))))
    return np.asarray(losses)


def fit_transforms(
    predictors: tuple[Predictor, ...], frame: pd.DataFrame, settings: LogisticSettings, plain: bool = False
) -> tuple[Transform, ...]:
    """Fit the transforms of curated predictors on training rows, `plain` without splines; constant predictors have none."""
    knots = 0 if plain else settings.spline_knots
    fitted = (fit_transform(predictor, frame, knots, settings.minimum_level_rows) for predictor in predictors)
    return tuple(transform for transform in fitted if transform is not None and transform.width)


def make_design(transforms: tuple[Transform, ...], frame: pd.DataFrame) -> Design:
    """Return the columns of a frame's rows."""
    number_width = sum(transform.width for transform in transforms if isinstance(transform, NumberTransform))
    dense = np.empty((len(frame), number_width), order="F")
    places, columns, at, level_at = [], [], 0, 0
    for transform in transforms:
        if isinstance(transform, NumberTransform):
            places.append(np.arange(at, at + transform.width))
            for column in transform.columns(frame):
                dense[:, at] = column
                at += 1
        else:
            places.append(np.arange(number_width + level_at, number_width + level_at + transform.width))
            columns.append((transform, level_at))
            level_at += transform.width
    return Design(dense, _level_matrix(columns, frame, level_at), tuple(places))


def _level_matrix(columns: list[tuple[CategoryTransform, int]], frame: pd.DataFrame, width: int) -> sparse.csr_matrix:
    at_row, at_column = [], []
    for transform, start in columns:
        positions = transform.positions(frame)
        present = np.flatnonzero(positions >= 0)
        at_row.append(present)
        at_column.append(positions[present] + start)
    rows = np.concatenate(at_row) if at_row else np.empty(0, dtype=np.int64)
    cells = np.concatenate(at_column) if at_column else np.empty(0, dtype=np.int64)
    return sparse.csr_matrix((np.ones(len(rows)), (rows, cells)), shape=(len(frame), width))


def _estimator(transforms: tuple[Transform, ...], design: Design, solution: np.ndarray) -> LogisticEstimator:
    effects = design.means * solution[1:]
    coefficients = tuple(tuple(float(value) for value in solution[1:][places]) for places in design.places)
    mean_effects = tuple(float(effects[places].sum()) for places in design.places)
    return LogisticEstimator(transforms, coefficients, mean_effects, float(solution[0]))


def _chunks(rows: int) -> Iterator[slice]:
    for start in range(0, rows, ROWS_AT_ONCE):
        yield slice(start, min(start + ROWS_AT_ONCE, rows))

"""The settings of the boosting that may be tuned, and their loss on people held out of the training rows, never on the test rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from models.boosting import fit_with_stopping
from models.fitting import Fitting
from models.settings import LightGBMSettings
from models.splitting import person_folds, sampled_people
from models.training_data import TrainingData


@dataclass(frozen=True)
class Choice:
    """A setting that may be tuned: its range, whether it is an integer, and whether steps are ratios."""

    name: str
    lowest: float
    highest: float
    integer: bool = False
    by_ratio: bool = True


CURATED = (
    Choice("leaves", 4, 63, integer=True),
    Choice("learning_rate", 0.02, 0.2),
    Choice("feature_share", 0.2, 1.0, by_ratio=False),
    Choice("minimum_leaf_rows", 10, 500, integer=True),
    Choice("l2", 0.1, 100.0),
)
WITH_CODES = (
    Choice("code_leaves", 4, 31, integer=True),
    Choice("code_learning_rate", 0.03, 0.3),
    Choice("feature_share", 0.2, 1.0, by_ratio=False),
    Choice("code_leaf_rows", 10, 200, integer=True),
    Choice("code_l2", 1.0, 200.0),
)


def choices(data: TrainingData) -> tuple[Choice, ...]:
    """Return the settings that may be tuned on these predictors."""
    return WITH_CODES if data.code_columns else CURATED


def start(settings: LightGBMSettings, offered: tuple[Choice, ...]) -> dict[str, float]:
    """Return the current settings, moved into their ranges: they are the first trial, so that tuning starts from them."""
    return {choice.name: min(max(getattr(settings, choice.name), choice.lowest), choice.highest) for choice in offered}


def with_choices(settings: LightGBMSettings, chosen: Mapping[str, float]) -> LightGBMSettings:
    """Return the settings with some of them replaced."""
    return settings.model_copy(update=dict(chosen))


def fold_losses(data: TrainingData, settings: LightGBMSettings, fitting: Fitting) -> Iterator[float]:
    """Yield the log loss of each fold of people in turn, by trees of the other folds that stop when this fold stops improving."""
    rows = sampled_people(data.person, np.flatnonzero(data.has_weight), settings.tuning.maximum_rows, fitting.seed + 11)
    folds = person_folds(data.person[rows], settings.tuning.folds, fitting.seed + 12)
    for fold in range(settings.tuning.folds):
        held_out = rows[folds == fold]
        estimator = fit_with_stopping(data, rows[folds != fold], held_out, settings, fitting)
        margin = estimator.margin(data.features(held_out))
        loss = np.logaddexp(0, margin) - data.labels[held_out] * margin
        yield float(np.average(loss, weights=data.row_weights(held_out)))

"""What may be tuned of the boosting and how a setting is judged: on people left out of the training rows, never on the test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from models.boosting import fit_with_stopping
from models.settings import LightGBMSettings
from models.splitting import person_folds, sampled_people
from models.training_data import TrainingData


@dataclass(frozen=True)
class Choice:
    """A setting that may be tuned: its range, whether it is whole, and whether steps are ratios."""

    name: str
    lowest: float
    highest: float
    whole: bool = False
    by_ratio: bool = True


CURATED = (
    Choice("leaves", 4, 63, whole=True),
    Choice("learning_rate", 0.02, 0.2),
    Choice("feature_share", 0.2, 1.0, by_ratio=False),
    Choice("minimum_leaf_rows", 10, 500, whole=True),
    Choice("l2", 0.1, 100.0),
)
WITH_CODES = (
    Choice("code_leaves", 4, 31, whole=True),
    Choice("code_learning_rate", 0.03, 0.3),
    Choice("feature_share", 0.2, 1.0, by_ratio=False),
    Choice("code_leaf_rows", 10, 200, whole=True),
    Choice("code_l2", 1.0, 200.0),
)


def choices(data: TrainingData) -> tuple[Choice, ...]:
    """Give the settings that may be tuned on these predictors."""
    return WITH_CODES if data.code_columns else CURATED


def start(settings: LightGBMSettings, offered: tuple[Choice, ...]) -> dict[str, float]:
    """Give the settings as they are, drawn into the ranges: the first trial, so that tuning starts from them."""
    return {choice.name: min(max(getattr(settings, choice.name), choice.lowest), choice.highest) for choice in offered}


def with_choices(settings: LightGBMSettings, chosen: Mapping[str, float]) -> LightGBMSettings:
    """Give the settings with some of them chosen."""
    return settings.model_copy(update=dict(chosen))


def fold_losses(data: TrainingData, settings: LightGBMSettings, seed: int, threads: int) -> Iterator[float]:
    """Give the log loss of each fold of people in turn, by trees of the other folds that stop where this fold stops gaining."""
    rows = sampled_people(data.person, np.flatnonzero(data.has_weight), settings.tuning.maximum_rows, seed + 11)
    folds = person_folds(data.person[rows], settings.tuning.folds, seed + 12)
    for fold in range(settings.tuning.folds):
        held_out = rows[folds == fold]
        estimator = fit_with_stopping(data, rows[folds != fold], held_out, settings, seed, threads)
        margin = estimator.margin(data.features(held_out))
        loss = np.logaddexp(0, margin) - data.labels[held_out] * margin
        yield float(np.average(loss, weights=data.row_weights(held_out)))

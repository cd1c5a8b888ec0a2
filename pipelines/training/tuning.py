"""Tune the boosting with Optuna inside the training rows: within a budget, resumable, trials that fall behind cut short."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import optuna
import pandas as pd
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.trial import Trial, TrialState

from models.settings import LightGBMSettings
from models.training_data import TrainingData
from models.tuning import Choice, choices, fold_losses, start, with_choices

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
STARTING_TRIALS = 5  # drawn at random, and none of them is cut short


@dataclass(frozen=True)
class Tuned:
    """The settings that did best, and every trial."""

    settings: LightGBMSettings
    trials: pd.DataFrame
    note: str


def tune_boosting(
    name: str, data: TrainingData, settings: LightGBMSettings, seed: int, threads: int, storage: str | None = None
) -> Tuned:
    """Try settings on folds of people until the trials or the minutes are used up; the first trial is the settings as given.

    `storage` is the URL of a database in which trials are kept: what was interrupted goes on where it stopped, as long as the rows, the
    predictors and the settings are the same. Where the minutes end it first, another run may end elsewhere; the note says so.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    offered, budget = choices(data), settings.tuning
    study = optuna.create_study(
        study_name=f"{name}-{_digest(data, settings, seed)}",
        storage=storage,
        load_if_exists=True,
        direction="minimize",
        pruner=MedianPruner(n_startup_trials=STARTING_TRIALS),
    )
    if not study.get_trials(deepcopy=False, states=(*ENDED, TrialState.WAITING)):
        study.enqueue_trial(start(settings, offered))
    ended = study.get_trials(deepcopy=False, states=ENDED)
    spent = sum(trial.duration.total_seconds() for trial in ended if trial.duration)
    study.sampler = TPESampler(n_startup_trials=STARTING_TRIALS, seed=(seed + len(ended)) % 2**31)
    left, seconds = budget.trials - len(ended), budget.minutes * 60 - spent
    if left > 0 and (seconds > 0 or not ended):
        study.optimize(
            lambda trial: _loss(trial, data, settings, offered, seed, threads), n_trials=left, timeout=max(seconds, 0.001)
        )
    best = study.best_trial
    return Tuned(with_choices(settings, best.params), _table(study), _in_words(study, budget.trials, best.number))


def _loss(
    trial: Trial, data: TrainingData, settings: LightGBMSettings, offered: tuple[Choice, ...], seed: int, threads: int
) -> float:
    tried = with_choices(settings, {choice.name: _suggested(trial, choice) for choice in offered})
    losses: list[float] = []
    for fold, loss in enumerate(fold_losses(data, tried, seed, threads)):
        losses.append(loss)
        trial.report(float(np.mean(losses)), fold)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(losses))


def _suggested(trial: Trial, choice: Choice) -> float:
    if choice.whole:
        return trial.suggest_int(choice.name, int(choice.lowest), int(choice.highest), log=choice.by_ratio)
    return trial.suggest_float(choice.name, choice.lowest, choice.highest, log=choice.by_ratio)


def _digest(data: TrainingData, settings: LightGBMSettings, seed: int) -> str:
    """Give a digest of what the trials rest on: rows, outcomes, predictors and settings, but for the budget."""
    fixed = settings.model_copy(update={"tuning": settings.tuning.model_copy(update={"trials": 0, "minutes": 1})})
    told = [fixed.model_dump_json(), str(seed), *(predictor.name for predictor in data.predictors)]
    content = hashlib.sha256("\n".join(told).encode())
    content.update(data.labels.tobytes())
    content.update(pd.util.hash_pandas_object(data.frame[[p.name for p in data.curated]], index=False).to_numpy().tobytes())
    return content.hexdigest()[:16]


def _table(study: optuna.Study) -> pd.DataFrame:
    rows = [
        {
            "trial": trial.number,
            "state": trial.state.name.lower(),
            "log_loss": trial.value if trial.state == TrialState.COMPLETE else None,
            "folds": len(trial.intermediate_values),
            "seconds": round(trial.duration.total_seconds(), 2) if trial.duration else None,
            **trial.params,
        }
        for trial in study.get_trials(deepcopy=False)
    ]
    return pd.DataFrame(rows)


def _in_words(study: optuna.Study, wanted: int, best: int) -> str:
    ended = study.get_trials(deepcopy=False, states=ENDED)
    short = sum(trial.state == TrialState.PRUNED for trial in ended)
    words = f"tuned in {len(ended)} trials on folds of people of the training rows ({short} cut short); trial {best} did best"
    return (
        words
        if len(ended) >= wanted
        else f"{words}; the minutes ended before {wanted} trials, so another run may choose otherwise"
    )

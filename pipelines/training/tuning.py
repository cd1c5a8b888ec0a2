"""Tune the boosting with Optuna on the training rows: within a budget, and resumable. Trials that fall behind end early."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import optuna
import pandas as pd
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.trial import Trial, TrialState

from models.fitting import Fitting
from models.settings import LightGBMSettings
from models.training_data import TrainingData
from models.tuning import Choice, choices, fold_losses, start, with_choices

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
STARTING_TRIALS = 5  # drawn at random; none of them ends early


@dataclass(frozen=True)
class TunedBoosting:
    """The settings of the best trial, every trial, and a note on how many there were."""

    settings: LightGBMSettings
    trials: pd.DataFrame
    note: str


def tune_boosting(
    name: str, data: TrainingData, settings: LightGBMSettings, fitting: Fitting, storage: str | None = None
) -> TunedBoosting:
    """Try settings on folds of people until the trials or the minutes are used up; the first trial has the settings as they are.

    `storage` is the URL of a database that keeps the trials. An interrupted tuning continues if the rows, the predictors and the settings are the
    same. If the minutes end it, another run may choose other settings; the note says so.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    offered, budget = choices(data), settings.tuning
    study = optuna.create_study(
        study_name=f"{name}-{_digest(data, settings, fitting.seed)}",
        storage=storage,
        load_if_exists=True,
        direction="minimize",
        pruner=MedianPruner(n_startup_trials=STARTING_TRIALS),
    )
    if not study.get_trials(deepcopy=False, states=(*ENDED, TrialState.WAITING)):
        study.enqueue_trial(start(settings, offered))
    ended = study.get_trials(deepcopy=False, states=ENDED)
    spent = sum(trial.duration.total_seconds() for trial in ended if trial.duration)
    study.sampler = TPESampler(n_startup_trials=STARTING_TRIALS, seed=(fitting.seed + len(ended)) % 2**31)
    trials, seconds = budget.trials - len(ended), budget.minutes * 60 - spent
    if trials > 0 and (seconds > 0 or not ended):
        study.optimize(lambda trial: _loss(trial, data, settings, offered, fitting), n_trials=trials, timeout=max(seconds, 0.001))
    best = study.best_trial
    return TunedBoosting(with_choices(settings, best.params), _table(study), _note(study, budget.trials, best.number))


def _loss(trial: Trial, data: TrainingData, settings: LightGBMSettings, offered: tuple[Choice, ...], fitting: Fitting) -> float:
    tried = with_choices(settings, {choice.name: _suggested(trial, choice) for choice in offered})
    losses: list[float] = []
    for fold, loss in enumerate(fold_losses(data, tried, fitting)):
        losses.append(loss)
        trial.report(float(np.mean(losses)), fold)
        if trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(losses))


def _suggested(trial: Trial, choice: Choice) -> float:
    if choice.integer:
        return trial.suggest_int(choice.name, int(choice.lowest), int(choice.highest), log=choice.by_ratio)
    return trial.suggest_float(choice.name, choice.lowest, choice.highest, log=choice.by_ratio)


def _digest(data: TrainingData, settings: LightGBMSettings, seed: int) -> str:
    """Return a digest of what the trials depend on: rows, outcomes, predictors and settings, without the budget."""
    fixed = settings.model_copy(update={"tuning": settings.tuning.model_copy(update={"trials": 0, "minutes": 1})})
    texts = [fixed.model_dump_json(), str(seed), *(predictor.name for predictor in data.predictors)]
    content = hashlib.sha256("\n".join(texts).encode())
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


def _note(study: optuna.Study, requested: int, best: int) -> str:
    ended = study.get_trials(deepcopy=False, states=ENDED)
    pruned = sum(trial.state == TrialState.PRUNED for trial in ended)
    note = (
        f"tuned in {len(ended)} trials on folds of people of the training rows ({pruned} ended early); trial {best} was the best"
    )
    if len(ended) >= requested:
        return note
    return f"{note}; the minutes ended before {requested} trials, so another run may choose other settings"

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.fitting import Fitting
from models.predictors import Predictor
from models.scored_rows import scored_rows
from models.settings import CandidateSettings, LightGBMSettings, TuningSettings, ValidationPlan
from models.training_data import TrainingData, training_data
from models.tuning import choices, fold_losses, start
from pipelines.building.engine_settings import EngineSettings
from pipelines.lake.storage import Lake
from pipelines.study.settings import StudySettings
from pipelines.training.tracked_runs import candidate_run
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest
from pipelines.training.tuning import tune_boosting

SETTINGS = LightGBMSettings(rounds=15, learning_rate=0.01, tuning=TuningSettings(trials=8, folds=2))


@pytest.fixture(scope="module")
def data() -> TrainingData:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({name: rng.normal(size=1500).astype("float32") for name in ("one", "two", "three")})
    labels = (rng.random(1500) < 1 / (1 + np.exp(1.5 - frame["one"] - 0.5 * frame["two"]))).astype(np.int8).to_numpy()
    return training_data(frame, tuple(Predictor(name) for name in frame), labels, np.arange(1500))


def test_the_first_trial_is_the_settings_as_given_and_the_best_is_no_worse(data: TrainingData) -> None:
    tuned = tune_boosting("lightgbm", data, SETTINGS, Fitting(1))
    trials = tuned.trials
    assert len(trials) == 8
    as_given = start(SETTINGS, choices(data))
    assert as_given["learning_rate"] == 0.02  # drawn into the range
    assert trials.loc[0, list(as_given)].to_dict() == as_given
    assert trials.loc[0, "log_loss"] == pytest.approx(
        np.mean(list(fold_losses(data, SETTINGS.model_copy(update=as_given), Fitting(1))))
    )
    best = trials.loc[trials["log_loss"].idxmin()]
    assert best["log_loss"] < trials.loc[0, "log_loss"]
    assert tuned.settings.leaves == best["leaves"]
    assert (trials.loc[trials["state"] == "pruned", "folds"] < 2).all()
    again = tune_boosting("lightgbm", data, SETTINGS, Fitting(1))
    assert again.settings == tuned.settings


def test_what_was_interrupted_continues_and_other_rows_start_again(data: TrainingData, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'tuning.db'}"
    short = SETTINGS.model_copy(update={"tuning": TuningSettings(trials=2, folds=2)})
    first = tune_boosting("lightgbm", data, short, Fitting(1), storage)
    more = tune_boosting(
        "lightgbm", data, short.model_copy(update={"tuning": TuningSettings(trials=3, folds=2)}), Fitting(1), storage
    )
    pd.testing.assert_frame_equal(more.trials.head(2), first.trials)
    assert len(more.trials) == 3
    assert "tuned in 3 trials" in more.note
    rows = np.arange(1400)
    fewer = training_data(data.frame.iloc[rows], data.predictors, data.labels[rows], data.person[rows])
    assert len(tune_boosting("lightgbm", fewer, short, Fitting(1), storage).trials) == 2


def test_when_the_minutes_end_it_says_so(data: TrainingData) -> None:
    hurried = SETTINGS.model_copy(update={"tuning": TuningSettings(trials=50, minutes=0.0001, folds=2)})
    tuned = tune_boosting("lightgbm", data, hurried, Fitting(1))
    assert len(tuned.trials) == 1
    assert "the minutes ended before 50 trials" in tuned.note


def test_the_losses_of_folds_are_those_of_people_left_out(data: TrainingData) -> None:
    losses = list(fold_losses(data, SETTINGS, Fitting(1)))
    share = data.labels.mean()
    knows_nothing = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert len(losses) == 2
    assert 0.3 < min(losses) < max(losses) < knows_nothing


def test_a_study_tunes_inside_the_training_rows_and_keeps_the_trials(tmp_path: Path, small_lake: Callable[[Path], Lake]) -> None:
    lake, short = small_lake(tmp_path), TuningSettings(trials=2, folds=2)
    study = StudySettings(
        candidates=CandidateSettings(
            names=("age_sex", "lightgbm"),
            minimum_events=20,
            lightgbm=LightGBMSettings(rounds=15, learning_rate=0.05, tuning=short),
        ),
        validation=ValidationPlan(folds=2),
    )
    dates = {"train": (date(2023, 7, 1),), "test": (date(2024, 10, 1),), "score": (date(2026, 1, 1),)}
    storage = f"sqlite:///{tmp_path / 'tuning.db'}"
    baseline, tuned = run_study(
        TrainingRequest(lake, study, EngineSettings(threads=1), dates, date(2026, 1, 1), trials=storage)
    ).candidates
    assert baseline.tuning is None
    assert tuned.tuning is not None
    assert tuned.tuning["trial"].tolist() == [0, 1]
    best = tuned.tuning.loc[tuned.tuning["log_loss"].idxmin()]
    assert tuned.model.record["settings"]["lightgbm"]["learning_rate"] == best["learning_rate"]
    assert any(note.startswith("tuned in 2 trials") for note in tuned.notes)
    record = candidate_run(study, tuned, scored_rows(tuned.risk, np.arange(900) % 2, np.arange(900), None), {}, "candidate")
    assert record.tables["tuning"] is tuned.tuning

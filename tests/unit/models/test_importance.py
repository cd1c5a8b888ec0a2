"""Importance finds what the outcome follows, and a curve follows it too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.fitting import Fitting
from models.importance import partial_dependence, permutation_importance
from models.risk_model import RiskModel
from models.settings import BandSettings, CandidateSettings
from models.splitting import person_folds
from models.training import TrainingPlan, train_candidate
from models.training_data import TrainingData


@pytest.fixture(scope="module")
def model(small_board: TrainingData) -> RiskModel:
    from models.estimators import candidate_specs

    settings = CandidateSettings(names=("logistic",), baseline_predictors=("age_years", "sex_male"))
    specs, _ = candidate_specs(settings, small_board.predictors)
    plan = TrainingPlan("outcome", 365, settings, BandSettings(), Fitting(1))
    return train_candidate(specs[0], small_board, person_folds(small_board.person, 5, 1), plan).model


def test_what_the_outcome_follows_leads_and_noise_loses_nothing(model: RiskModel, small_board: TrainingData) -> None:
    frame, labels = small_board.frame, small_board.labels
    result = permutation_importance(model, frame, labels, seed=1).set_index("concept")["auroc_lost"]
    assert list(result.index[:2]) == ["Age on the index date", "Emergency admissions"]
    assert result["Age on the index date"] > 0.03
    assert abs(result.get("Deprivation rank", 0.0)) < 0.01


def test_windows_of_one_concept_are_shuffled_together(model: RiskModel, small_board: TrainingData) -> None:
    result = permutation_importance(model, small_board.frame, small_board.labels, seed=1)
    assert result["concept"].is_unique
    assert (result["lower"] <= result["auroc_lost"]).all()
    assert set(result["predictor"]) <= {predictor.name for predictor in model.predictors}


def test_the_same_seed_gives_the_same_table(model: RiskModel, small_board: TrainingData) -> None:
    first, second = (permutation_importance(model, small_board.frame, small_board.labels, seed=3) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_a_curve_rises_with_what_raises_risk(model: RiskModel, small_board: TrainingData) -> None:
    curve = partial_dependence(model, small_board.frame, ["age_years", "diagnosis"], seed=1)
    assert set(curve["predictor"]) == {"age_years"}  # a category has no curve
    assert np.all(np.diff(curve["mean_risk"]) > 0)
    assert np.all(np.diff(curve["value"]) > 0)

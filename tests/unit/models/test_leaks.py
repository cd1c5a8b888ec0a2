import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from models.leaks import single_feature_discrimination
from models.predictors import Predictor
from models.training_data import training_data


def test_each_feature_has_its_own_auroc_in_either_direction(small_board):
    result = single_feature_discrimination(small_board, seed=1)
    theirs = roc_auc_score(small_board.labels, small_board.frame["age_years"])
    assert result["age_years"].value == pytest.approx(theirs, abs=1e-9)
    assert result["always_one"].value == pytest.approx(0.5)
    assert max(estimate.value for estimate in result.values()) < 0.8


def test_copies_of_the_outcome_show_in_numbers_missing_values_and_categories():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 2000)
    frame = pd.DataFrame(
        {
            "reverse": 1.0 - labels,
            "seen_only_after": np.where(labels == 1, rng.normal(size=2000), np.nan),
            "coded": np.where(labels == 1, "yes", "no"),
            "many_levels": rng.permutation(2000).astype(str),
        }
    )
    kinds = {"reverse": "number", "seen_only_after": "number", "coded": "category", "many_levels": "category"}
    data = training_data(frame, [Predictor(name, kind) for name, kind in kinds.items()], labels, np.arange(2000))
    result = single_feature_discrimination(data, seed=1)
    assert [result[name].value for name in ("reverse", "seen_only_after", "coded")] == [1.0, 1.0, 1.0]
    assert result["many_levels"].value < 0.6  # a separate level for everyone says nothing about the others

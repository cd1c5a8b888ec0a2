import json

import numpy as np
import pandas as pd
import pytest

from models.estimators import candidate_specs
from models.fitting import Fitting
from models.predictors import SchemaMismatchError
from models.risk_model import CoverageNotServedError, RiskModel
from models.settings import BandSettings, CandidateSettings, LightGBMSettings
from models.splitting import person_folds
from models.training import TrainingPlan, train_candidate


def _model(data, name, **settings):
    chosen = CandidateSettings(names=(name,), lightgbm=LightGBMSettings(rounds=40), **settings)
    plan = TrainingPlan("admission", 365, chosen, BandSettings(), Fitting(1))
    return train_candidate(candidate_specs(chosen, data.predictors)[0][0], data, person_folds(data.person, 3, 1), plan).model


@pytest.fixture(scope="module", params=["age_sex", "logistic", "lightgbm"])
def model(request, small_board):
    return _model(small_board, request.param)


def test_a_round_trip_is_bit_identical(model, small_board):
    again = RiskModel.from_files(model.to_files())
    assert again.digest == model.digest
    assert again.predict(small_board.frame).tobytes() == model.predict(small_board.frame).tobytes()
    assert again.to_files() == model.to_files()


def test_a_risk_does_not_depend_on_the_rows_beside_it(model, small_board):
    everyone = model.predict(small_board.frame)
    assert model.predict(small_board.frame.iloc[7:8]).tobytes() == everyone[7:8].tobytes()
    backwards = model.predict(small_board.frame.iloc[::-1])
    assert backwards[::-1].tobytes() == everyone.tobytes()


def test_risks_are_probabilities(model, small_board):
    risk = model.predict(small_board.frame)
    assert ((risk > 0) & (risk < 1)).all() and risk.dtype == np.float64


def test_the_column_order_and_other_columns_do_not_matter(model, small_board):
    shuffled = small_board.frame[small_board.frame.columns[::-1]].assign(note="x")
    assert (model.predict(shuffled) == model.predict(small_board.frame)).all()


def test_text_categories_and_wider_numbers_give_the_same_risk(model, small_board):
    wide = small_board.frame.astype({"age_years": "float64", "diagnosis": "object"})
    assert (model.predict(wide) == model.predict(small_board.frame)).all()


def test_missing_and_mistyped_columns_are_refused(model, small_board):
    with pytest.raises(
        SchemaMismatchError, match=f"model '{model.candidate}' cannot score these rows: columns that are missing: age_years"
    ):
        model.predict(small_board.frame.drop(columns="age_years"))
    with pytest.raises(SchemaMismatchError, match="column 'age_years' must hold numbers"):
        model.predict(small_board.frame.assign(age_years="old"))


def test_nothing_to_score_gives_nothing(model, small_board):
    assert len(model.predict(small_board.frame.head(0))) == 0


def test_files_are_text_and_name_no_pickle(model):
    files = model.to_files()
    description = json.loads(files["risk_model.json"])
    assert description["candidate"] == model.candidate and description["horizon_days"] == 365
    for content in files.values():
        content.decode("utf-8")


def test_unseen_levels_are_counted(small_board):
    model = _model(small_board, "logistic")
    frame = small_board.frame.head(4).copy()
    frame["diagnosis"] = ["heart", "new", None, "newer"]
    assert model.unseen_levels(frame) == {"diagnosis": 2}


def test_the_share_of_missing_features_follows_the_estimator(small_board):
    model = _model(small_board, "lightgbm")
    frame = small_board.frame.head(2).copy()
    frame["gp_covered"] = [True, False]
    frame["diagnosis"] = pd.Series([None, "heart"], dtype="object", index=frame.index)
    frame["systolic"] = np.float32("nan")
    used = len(model.main.estimator.used)
    assert model.missing_share(frame).tolist() == [2 / used, 0.0]


def test_without_an_estimator_for_them_uncovered_people_are_refused(small_board):
    model = _model(small_board, "logistic", estimator_without_gp=False)
    with pytest.raises(CoverageNotServedError, match=r"rows have no GP coverage.*estimator_without_gp"):
        model.predict(small_board.frame)
    assert np.isfinite(model.predict(small_board.frame[small_board.gp_covered])).all()


def test_another_format_is_refused(model):
    files = model.to_files()
    files["risk_model.json"] = files["risk_model.json"].replace(b'"format": 1', b'"format": 2')
    with pytest.raises(ValueError, match="has format 2; this version of Strata reads format 1"):
        RiskModel.from_files(files)

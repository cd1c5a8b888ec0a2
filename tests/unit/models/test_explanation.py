import json

import numpy as np
import pytest

from models.estimators import candidate_specs
from models.explanation import COLUMNS, concepts, contributions, drivers, plain_name
from models.predictors import Predictor
from models.settings import BandSettings, CandidateSettings, LightGBMSettings
from models.splitting import person_folds
from models.training import TrainingPlan, train_candidate


@pytest.fixture(scope="module", params=["logistic", "lightgbm"])
def model(request, small_board):
    settings = CandidateSettings(names=(request.param,), lightgbm=LightGBMSettings(rounds=40))
    plan = TrainingPlan("admission", 365, settings, BandSettings(), seed=1, threads=1)
    spec = candidate_specs(settings, small_board.predictors)[0][0]
    return train_candidate(spec, small_board, person_folds(small_board.person, 3, 1), plan).model


@pytest.fixture(scope="module")
def frame(small_board):
    return small_board.frame.head(200).assign(person_id=small_board.person[:200], index_event_id="2025-01-01")


def test_contributions_and_base_sum_to_the_margin_of_either_estimator(model, frame):
    found = contributions(model, frame)
    assert not frame["gp_covered"].all()
    assert found.base + found.values.sum(axis=1) == pytest.approx(model.margin(frame), abs=1e-9)


def test_drivers_have_the_stored_columns_and_fall_in_size(model, frame):
    table = drivers(model, frame, 3)
    assert tuple(table.columns) == COLUMNS
    for _, person in table.groupby("person_id", sort=False):
        assert person["driver_rank"].tolist() == list(range(1, len(person) + 1))
        assert (person["contribution"].abs().diff().dropna() <= 0).all()
    assert (table["direction"] == np.where(table["contribution"] > 0, "raises", "lowers")).all()


def test_all_drivers_together_sum_to_the_margin(model, frame):
    table = drivers(model, frame, len(model.predictors))
    sums = table.groupby("person_id", sort=False)["contribution"].sum().reindex(frame["person_id"], fill_value=0.0)
    assert sums.to_numpy() + contributions(model, frame).base == pytest.approx(model.margin(frame), abs=1e-9)


def test_the_windows_of_a_concept_are_one_driver_with_the_persons_values(model, frame):
    table = drivers(model, frame, 8)
    admissions = table[table["driver"] == "Emergency admissions"]
    assert len(admissions) == admissions["person_id"].nunique() > 0
    first = admissions.iloc[0]
    values = frame.set_index("person_id").loc[first["person_id"]]
    shown = json.loads(first["features"])
    assert set(shown) == {"admissions_90d", "admissions_365d"}
    assert shown["admissions_365d"] == int(values["admissions_365d"])


def test_what_may_not_be_shown_is_left_out(model, frame):
    shown = set(drivers(model, frame, 8, not_shown=("gp_observations", "diagnosis"))["driver"])
    assert shown and not shown & {"Systolic blood pressure", "Main diagnosis"}
    without = drivers(model, frame, 8, not_shown=("admissions_90d",))  # one feature of a driver hides all of it
    assert not without["features"].str.contains("admissions_").any()


def test_nobody_has_no_drivers(model, frame):
    assert drivers(model, frame.head(0), 5).empty


def test_derived_features_belong_to_the_concept_of_their_first_input():
    predictors = [
        Predictor("visits_90d", label="Visits, last 90 days", concept="visits"),
        Predictor("visits_trend", label="Trend of visits", concept="visits_90d, visits_365d"),
        Predictor("age_years", label="Age"),
    ]
    assert concepts(predictors) == {"visits": [0, 1], "age_years": [2]}
    assert plain_name(predictors) == "Visits"

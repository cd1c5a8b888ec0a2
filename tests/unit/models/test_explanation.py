import json

import numpy as np
import pandas as pd
import pytest

from models.estimators import candidate_specs
from models.explanation import COLUMNS, concepts, contributions, drivers, plain_name
from models.fitting import Fitting
from models.predictors import Predictor
from models.settings import BandSettings, CandidateSettings, LightGBMSettings
from models.splitting import person_folds
from models.training import TrainingPlan, train_candidate
from models.training_data import training_data


@pytest.fixture(scope="module", params=["logistic", "lightgbm"])
def model(request, small_board):
    settings = CandidateSettings(names=(request.param,), lightgbm=LightGBMSettings(rounds=40))
    plan = TrainingPlan("admission", 365, settings, BandSettings(), Fitting(1))
    spec = candidate_specs(settings, small_board.predictors)[0][0]
    return train_candidate(spec, small_board, person_folds(small_board.person, 3, 1), plan).model


@pytest.fixture(scope="module")
def frame(small_board):
    return small_board.frame.head(200).assign(person_id=small_board.person[:200], index_event_id="2025-01-01")


def test_contributions_and_base_sum_to_the_margin_of_either_estimator(model, frame):
    result = contributions(model, frame)
    assert not frame["gp_covered"].all()
    assert result.base + result.values.sum(axis=1) == pytest.approx(model.margin(frame), abs=1e-9)


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


def test_no_rows_have_no_drivers(model, frame):
    assert drivers(model, frame.head(0), 5).empty


def test_a_feature_of_several_inputs_is_a_topic_with_its_own_label():
    predictors = [
        Predictor("visits_90d", label="Visits, last 90 days", concept="visits"),
        Predictor("missed_90d", label="Missed visits, last 90 days", concept="missed"),
        Predictor("missed_share_90d", label="Share of visits missed in the last 3 months", concept="missed_90d, visits_90d"),
        Predictor("missed_share_365d", label="Share of visits missed in the last 12 months", concept="missed_365d, visits_365d"),
        Predictor("many_visits", label="5 or more visits", concept="visits_90d"),
        Predictor("area_visits", label="Visits in the area in the last 3 months", concept="visits", statistic="attribute"),
        Predictor("age_years", label="Age"),
    ]
    result = concepts(predictors)
    assert result == {"visits": [0, 4], "missed": [1], "Share of visits missed": [2, 3], "area_visits": [5], "age_years": [6]}
    names = [plain_name([predictors[place] for place in places]) for places in result.values()]
    assert names == ["Visits", "Missed visits", "Share of visits missed", "Visits in the area", "Age"]


GROUPS = (
    Predictor("homeless_ever", label="Homelessness, ever recorded", concept="homeless", feed="gp", unit="yes/no"),
    Predictor("alcohol_ever", label="Alcohol problems, ever recorded", concept="alcohol", feed="gp", unit="yes/no"),
    Predictor("groups", label="Inclusion health groups the record shows", concept="homeless_ever, alcohol_ever", feed="gp"),
    Predictor("in_any", label="An inclusion health group", concept="groups", feed="gp", unit="yes/no"),
    Predictor("falls_30d", label="Falls in the last 30 days", concept="falls", feed="gp", window_days=30),
    Predictor("falls_365d", label="Falls in the last 12 months", concept="falls", feed="gp", window_days=365),
    Predictor("core20", label="Lives in a Core20 area", unit="yes/no", feed="addresses"),
    Predictor("pressure", label="Blood pressure in the last 12 months", concept="pressure", feed="gp", window_days=365),
    *(Predictor(f"condition_{n}", label=f"Condition {n}", concept=f"condition_{n}", feed="gp", unit="yes/no") for n in range(10)),
    Predictor(
        "conditions", label="Number of conditions", concept=", ".join(f"condition_{n}" for n in range(10)), feed="gp", unit="conditions"
    ),
)  # fmt: skip


@pytest.fixture(scope="module", params=["logistic", "lightgbm"])
def groups(request):
    """Train on people of whom some lack each flag; the outcome follows the number of groups and the lack of falls."""
    rng, rows = np.random.default_rng(3), 3000
    flags = {name: (rng.random(rows) < 0.3).astype("float32") for name in ("homeless_ever", "alcohol_ever", "core20")}
    flags |= {f"condition_{n}": (rng.random(rows) < 0.2).astype("float32") for n in range(10)}
    year = rng.poisson(0.7, rows)
    number = flags["homeless_ever"] + flags["alcohol_ever"]
    frame = pd.DataFrame(
        {
            **flags,
            "groups": number,
            "in_any": (number > 0).astype("float32"),
            "falls_30d": rng.binomial(year, 0.2).astype("float32"),
            "falls_365d": year.astype("float32"),
            "pressure": np.where(rng.random(rows) < 0.6, rng.normal(130, 15, rows), np.nan).astype("float32"),
            "conditions": sum(flags[f"condition_{n}"] for n in range(10)),
            "gp_covered": True,
        }
    )
    margin = (
        -2 + 0.9 * number + 0.8 * (year == 0) + 0.6 * frame["pressure"].isna() + 0.2 * frame["conditions"] - 0.4 * frame["core20"]
    )
    labels = (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(int)
    person = np.asarray([f"p{number:04d}" for number in range(rows)])
    settings = CandidateSettings(names=(request.param,), lightgbm=LightGBMSettings(rounds=40))
    data = training_data(frame, GROUPS, labels.to_numpy(), person)
    plan = TrainingPlan("admission", 365, settings, BandSettings(), Fitting(1))
    trained = train_candidate(candidate_specs(settings, GROUPS)[0][0], data, person_folds(person, 3, 1), plan).model
    return trained, frame.head(300).assign(person_id=person[:300], index_event_id="2025-01-01")


def test_no_driver_has_the_name_of_what_the_person_lacks(groups):
    model, frame = groups
    table = drivers(model, frame, len(GROUPS)).merge(frame, on="person_id")
    named = {"Homelessness": "homeless_ever", "Alcohol problems": "alcohol_ever", "Lives in a Core20 area": "core20"}
    for label, flag in named.items():
        under_label = table[table["driver"].isin((label, f"{label}, ever recorded"))]
        assert len(under_label) and (under_label[flag] == 1).all()
        lacking = table[table["driver"].isin((f"{label}: not recorded", f"{label}: no"))]
        assert len(lacking) and (lacking[flag] == 0).all()
    assert (table.loc[table["driver"] == "Falls: none in the last 12 months", "falls_365d"] == 0).all()
    assert (table.loc[table["driver"] == "Falls", "falls_365d"] > 0).all()
    unknown = table[table["driver"] == "Blood pressure: no value recorded"]
    assert len(unknown) and unknown["pressure"].isna().all()
    raised = set(table.loc[table["direction"] == "raises", "driver"])
    assert raised >= {"Falls: none in the last 12 months", "Blood pressure: no value recorded"}


def test_names_of_what_is_lacking_leave_the_sum_as_it_is(groups):
    model, frame = groups
    table = drivers(model, frame, len(GROUPS))
    sums = table.groupby("person_id", sort=False)["contribution"].sum().reindex(frame["person_id"], fill_value=0.0)
    assert sums.to_numpy() + contributions(model, frame).base == pytest.approx(model.margin(frame), abs=1e-9)


@pytest.mark.parametrize("component", ["homeless", "alcohol", "alcohol_ever"])
def test_a_driver_made_of_a_hidden_component_is_not_shown(groups, component):
    model, frame = groups
    shown = drivers(model, frame, len(GROUPS), not_shown=(component,))
    hidden = {"homeless": "homeless_ever", "alcohol": "alcohol_ever"}.get(component, component)
    assert not shown["features"].str.contains(f'"{hidden}"|"groups"|"in_any"').any()
    assert shown["driver"].str.startswith("Falls").any()


def test_a_count_of_many_is_hidden_by_its_name_or_first_input_and_by_no_other(groups):
    model, frame = groups
    for names, expected in ((("condition_4",), True), (("condition_0",), False), (("conditions",), False)):
        shown = drivers(model, frame, len(GROUPS), not_shown=names)
        assert shown["driver"].str.startswith("Number of conditions").any() == expected, names

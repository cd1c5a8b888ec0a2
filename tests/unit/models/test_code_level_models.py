"""Models that learn from code-level columns beside curated ones."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from expectations.code_column import CodeColumn
from models.estimators import CandidateSpec, NoPredictorsError, candidate_specs
from models.explanation import contributions, drivers
from models.feature_rows import CodeCounts
from models.fitting import Fitting
from models.leaks import single_feature_discrimination
from models.predictors import Predictor, SchemaMismatchError, code_predictor
from models.risk_model import RiskModel
from models.settings import BandSettings, CandidateSettings, LightGBMSettings, LogisticSettings
from models.splitting import person_folds
from models.training import TrainedCandidate, TrainingPlan, train_candidate
from models.training_data import TrainingData, training_data

CODES = 120
SETTINGS = CandidateSettings(
    logistic=LogisticSettings(code_prior_variances=(0.01, 0.1), spline_knots=3),
    lightgbm=LightGBMSettings(rounds=60, patience=5, code_columns=30),
)
COLUMNS = tuple(CodeColumn("omop_condition", "omop", str(code), 365) for code in range(CODES))
CURATED = (Predictor("age_years", label="Age"), Predictor("blood_pressure", label="Blood pressure", uses_deprivation=True))


@pytest.fixture(scope="module")
def coded() -> TrainingData:
    """Return 3,000 people whose outcome follows age and the first four of 120 codes."""
    rng = np.random.default_rng(5)
    people = 3000
    codes = (rng.random((people, CODES)) < 0.08).astype(np.float32)
    age = rng.uniform(20, 90, people)
    margin = -2.2 + 0.03 * (age - 55) + codes[:, :4] @ np.array([2.0, 1.5, -2.0, 1.5])
    pressure = np.where(rng.random(people) < 0.8, rng.normal(130, 15, people), np.nan)
    frame = pd.DataFrame({"age_years": age.astype("float32"), "blood_pressure": pressure.astype("float32")})
    predictors = tuple(code_predictor(column, column.label(f"Code {column.code}"), "omop_conditions") for column in COLUMNS)
    counts = CodeCounts(sparse.csr_matrix(codes), tuple(column.name for column in COLUMNS))
    labels = rng.random(people) < 1 / (1 + np.exp(-margin))
    return training_data(frame, (*CURATED, *predictors), labels.astype(int), np.arange(people), codes=counts)


def trained(data: TrainingData, name: str) -> TrainedCandidate:
    spec = next(spec for spec in _specs(data, (name,)))
    plan = TrainingPlan("outcome", 365, SETTINGS, BandSettings(), Fitting(3))
    return train_candidate(spec, data, person_folds(data.person, 2, 3), plan)


def _specs(data: TrainingData, names: tuple[str, ...]) -> tuple[CandidateSpec, ...]:
    return candidate_specs(SETTINGS.model_copy(update={"names": names}), data.predictors)[0]


def auroc(risk: np.ndarray, labels: np.ndarray) -> float:
    order = np.argsort(np.argsort(risk)) + 1
    events = labels.sum()
    return float((order[labels == 1].sum() - events * (events + 1) / 2) / (events * (len(labels) - events)))


def test_a_candidate_says_what_it_learns_from(coded: TrainingData) -> None:
    names = ("logistic", "logistic_code_level", "logistic_both", "lightgbm_both_no_deprivation")
    assert [len(spec.predictors) for spec in _specs(coded, names)] == [2, 1 + CODES, 2 + CODES, 1 + CODES]
    with pytest.raises(NoPredictorsError, match=r"no code of study\.code_level"):
        candidate_specs(SETTINGS.model_copy(update={"names": ("logistic_both",)}), CURATED)


@pytest.mark.parametrize("name", ["logistic_both", "lightgbm_code_level"])
def test_a_model_finds_the_predictive_codes_and_is_saved_completely(coded: TrainingData, name: str) -> None:
    result = trained(coded, name)
    again = RiskModel.from_files(result.model.to_files())
    columns = again.code_columns
    assert auroc(result.out_of_fold_risk, coded.labels) > 0.71
    assert set(COLUMNS[:4]) <= set(columns)
    assert len(columns) < CODES  # those without an effect need not be counted to score
    rows = coded.features(slice(200))
    np.testing.assert_array_equal(again.predict(rows.frame, rows.codes), result.model.predict(rows.frame, rows.codes))
    assert again.digest == result.model.digest


@pytest.mark.parametrize("name", ["logistic_both", "lightgbm_code_level"])
def test_rows_are_scored_from_counts_of_its_own_columns_or_from_plain_columns(coded: TrainingData, name: str) -> None:
    model, rows = trained(coded, name).model, coded.features(slice(200))
    names = tuple(column.name for column in model.code_columns)
    risk = model.predict(rows.frame, rows.codes)
    np.testing.assert_array_equal(model.predict(rows.frame, CodeCounts(rows.code_matrix(names), names)), risk)
    np.testing.assert_array_equal(model.predict(rows.with_plain_codes(names)), risk)
    assert (model.missing_share(rows.frame, rows.codes) <= 0.5).all()
    with pytest.raises(SchemaMismatchError, match=names[0]):
        model.predict(rows.frame)


@pytest.mark.parametrize("name", ["logistic_both", "lightgbm_code_level"])
def test_contributions_sum_to_the_margin_and_drivers_name_the_code(coded: TrainingData, name: str) -> None:
    model, rows = trained(coded, name).model, coded.features(slice(50))
    result = contributions(model, rows.frame, rows.codes)
    np.testing.assert_allclose(result.values.sum(axis=1) + result.base, model.margin(rows.frame, rows.codes), atol=1e-6)
    has_first = np.flatnonzero(rows.code_matrix([COLUMNS[0].name]).toarray().ravel())
    table = drivers(model, rows.frame.assign(person_id=range(50), index_event_id="x"), 3, codes=rows.codes)
    mine = table[(table["person_id"] == has_first[0]) & (table["driver"] == "Code 0: condition")]
    assert mine["direction"].tolist() == ["raises"]
    assert '"omop_condition_0_365d": 1' in mine["features"].iloc[0]


def test_a_code_that_equals_the_outcome_is_found_among_thousands(coded: TrainingData) -> None:
    codes = coded.code_matrix(np.arange(coded.rows)).tolil()
    codes[:, 7] = coded.labels[:, None]
    counts = CodeCounts(codes.tocsr(), coded.code_columns)
    result = single_feature_discrimination(
        training_data(coded.frame, coded.predictors, coded.labels, coded.person, codes=counts), 1
    )
    assert result["omop_condition_7_365d"].value == 1
    assert len(result) < CODES


def test_rows_of_no_weight_train_nothing(coded: TrainingData) -> None:
    half = np.arange(coded.rows) < 1500
    labels = np.where(half, coded.labels, 1 - coded.labels)
    weighted = training_data(coded.frame, coded.predictors, labels, coded.person, half.astype(float), coded.codes)
    one, other = trained(weighted, "logistic_code_level").model, trained(coded.subset(half), "logistic_code_level").model
    np.testing.assert_allclose(one.margin(coded.frame, coded.codes), other.margin(coded.frame, coded.codes), atol=1e-6)

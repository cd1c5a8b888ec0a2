import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from expectations.tables import risk as tables
from expectations.tables.core import PERSON
from expectations.tables.features import PERSON_FEATURES
from models.estimators import CandidateSpec, candidate_specs
from models.fitting import Fitting
from models.predictors import Predictor
from models.risk_model import RiskModel
from models.settings import BandSettings, CandidateSettings
from models.splitting import person_folds
from models.training import TrainingPlan, train_candidate
from models.training_data import training_data
from pipelines.caseloads.rising import Rising
from pipelines.caseloads.run_lists import CaseloadRequest, caseload, exclusions
from pipelines.lake.rows import arrow_schema
from pipelines.lake.run_record import RunInputs, published_runs
from pipelines.lake.storage import Lake
from pipelines.scoring.published_lists import RunLists
from pipelines.scoring.score import (
    Champion,
    Scoring,
    driver_table,
    previous_run_id,
    publish,
    score_rows,
    score_table,
    scores_digest,
)
from pipelines.study.caseload_settings import CaseloadSettings
from pipelines.study.purpose import PurposeSettings
from pipelines.study.settings import StudySettings

DAY = date(2026, 1, 1)
BANDS = BandSettings(names=("low", "high"), cuts=(0.3,))
STUDY = StudySettings(bands=BANDS, driver_bands=1, drivers_per_person=2)
PURPOSE = PurposeSettings(use="planning", approval="DSA 12", approval_expires=date(2099, 1, 1))
PREDICTORS = (
    Predictor("age_years", label="Age", concept="age", feed="patients"),
    Predictor("admissions_365d", label="Emergency admissions in the last 12 months", concept="admissions", feed="admissions"),
)


@pytest.fixture(scope="module")
def model() -> RiskModel:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"age_years": rng.uniform(0, 95, 2000), "admissions_365d": rng.poisson(0.3, 2000)}).astype("float32")
    margin = -3.0 + 0.04 * (frame["age_years"] - 50) + frame["admissions_365d"]
    labels = (rng.random(2000) < 1 / (1 + np.exp(-margin))).astype(np.int8).to_numpy()
    chosen = CandidateSettings(names=("logistic",))
    data = training_data(frame, PREDICTORS, labels, np.arange(2000))
    plan = TrainingPlan("emergency_admission_overnight", 365, chosen, BANDS, Fitting(1))
    return train_candidate(candidate_specs(chosen, PREDICTORS)[0][0], data, person_folds(data.person, 3, 1), plan).model


@pytest.fixture
def people() -> pd.DataFrame:
    """Return five people, not in order of their pseudonyms; the fourth has no practice."""
    return pd.DataFrame(
        {
            "person_key": [0, 1, 2, 3, 4],
            "person_id": ["e", "d", "c", "b", "a"],
            "index_event_id": DAY.isoformat(),
            "index_date": DAY,
            "practice_code": ["Y00001", "Y00001", "Y00002", None, "Y00001"],
            "imd_decile": pd.array([1, 2, None, 4, 5], dtype="Int32"),
            "age_years": np.array([90, 20, 85, 50, 90], dtype="float32"),
            "admissions_365d": np.array([3, 0, np.nan, 0, 3], dtype="float32"),
            "coverage": ["full", "full", "admissions", "full", "full"],
        }
    )


def scoring(model: RiskModel, people: pd.DataFrame, reasons: list[str] | None = None) -> Scoring:
    return Scoring(people, model.predict(people), np.array(reasons or [""] * len(people), dtype=object))


def champion(model: RiskModel) -> Champion:
    return Champion(model, "a_study", "3", "run")


def inputs(model: RiskModel, day: date = DAY, previous: str = "") -> RunInputs:
    return RunInputs(STUDY.outcome.name, day, day, {}, "settings", "code", model.digest, "catalogue", previous)


def table_of(lake: Lake, model: RiskModel, scored: Scoring, previous: str = "") -> pd.DataFrame:
    return score_table(lake, STUDY, PURPOSE, champion(model), scored, inputs(model, previous=previous))


def test_scores_are_in_order_of_person_and_ranked_within_practices(
    model: RiskModel, people: pd.DataFrame, tmp_path: Path
) -> None:
    rows = table_of(Lake(tmp_path), model, scoring(model, people))
    assert rows["person_id"].tolist() == ["a", "b", "c", "d", "e"]
    # a and e have the same values: the pseudonym decides their ranks, and their percentile is the same
    assert rows["risk_rank_in_practice"].tolist() == [1, pd.NA, 1, 3, 2]
    assert rows.loc[0, "risk_percentile"] == rows.loc[4, "risk_percentile"] == 100
    assert rows["risk_percentile"].min() == 20
    # by age group: a, c and e are 65 and over; b, who has no practice, and d are 18-64
    assert rows["age_group"].tolist() == ["65+", "18-64", "65+", "18-64", "65+"]
    assert rows["risk_rank_in_practice_age_group"].tolist() == [1, pd.NA, 1, 1, 2]
    assert rows.loc[rows["age_group"] == "65+", "risk_percentile_in_age_group"].round(2).tolist() == [100, 33.33, 100]
    assert set(rows.loc[rows["risk"] >= 0.3, "risk_band"]) == {"high"}
    assert rows["missing_share"].tolist() == [0, 0, 0.5, 0, 0]
    assert rows["previous_risk"].isna().all()
    assert rows["rising_risk"].isna().all()


def test_the_digest_does_not_depend_on_the_order_of_rows(model: RiskModel, people: pd.DataFrame) -> None:
    reversed_rows = people.iloc[::-1].reset_index(drop=True)
    assert scores_digest(scoring(model, people)) == scores_digest(scoring(model, reversed_rows))
    older = people.assign(age_years=people["age_years"] + np.float32(1))
    assert scores_digest(scoring(model, people)) != scores_digest(scoring(model, older))


def test_a_suppressed_person_keeps_a_score_without_drivers(model: RiskModel, people: pd.DataFrame, tmp_path: Path) -> None:
    scored = scoring(model, people, ["died since", "", "", "", ""])
    rows = table_of(Lake(tmp_path), model, scored).set_index("person_id")
    assert not rows.loc["e", "eligible"]
    assert rows.loc["e", "suppression_reason"] == "died since"
    assert rows.loc["a", "eligible"]
    assert rows.loc["a", "suppression_reason"] is None
    explained = driver_table(STUDY, champion(model), scored)
    assert "e" not in set(explained["person_id"])
    assert explained[explained["person_id"] == "a"]["driver_rank"].tolist() == [1, 2]


def test_a_feature_that_may_not_be_shown_is_no_driver(model: RiskModel, people: pd.DataFrame) -> None:
    hidden = STUDY.model_copy(update={"drivers_not_shown": ("admissions",)})
    assert set(driver_table(hidden, champion(model), scoring(model, people))["driver"]) == {"Age"}


def test_a_category_not_seen_in_training_is_named_with_every_score(people: pd.DataFrame, tmp_path: Path) -> None:
    frame = pd.DataFrame({"ward": pd.Categorical(["a", "b"] * 500), "age_years": np.linspace(0, 95, 1000).astype("float32")})
    labels = (np.arange(1000) % 3 == 0).astype(np.int8)
    chosen, predictors = CandidateSettings(names=("logistic",)), (Predictor("ward", kind="category"), PREDICTORS[0])
    data = training_data(frame, predictors, labels, np.arange(1000))
    plan = TrainingPlan("emergency_admission_overnight", 365, chosen, BANDS, Fitting(1))
    spec = CandidateSpec("logistic", predictors)
    model = train_candidate(spec, data, person_folds(data.person, 3, 1), plan).model
    scored = scoring(model, people.assign(ward=pd.Categorical(["a", "b", "c", None, "a"])))
    assert set(table_of(Lake(tmp_path), model, scored)["data_quality_status"]) == {"category not seen in training (ward)"}
    summary = publish(Lake(tmp_path), STUDY, PURPOSE, champion(model), scored, inputs(model))
    assert summary["unseen_categories"] == "ward in 1 rows"


def test_publishing_twice_leaves_one_run(model: RiskModel, people: pd.DataFrame, tmp_path: Path) -> None:
    lake, scored = Lake(tmp_path), scoring(model, people)
    first = publish(lake, STUDY, PURPOSE, champion(model), scored, inputs(model))
    files = lake.files("risk__scores")
    again = publish(lake, STUDY, PURPOSE, champion(model), scored, inputs(model))
    assert (first["status"], again["status"]) == ("published", "published before, unchanged")
    assert lake.files("risk__scores") == files
    assert [run["rows"] for run in published_runs(lake, STUDY.outcome.name)] == [5]


def test_scores_without_their_row_in_the_runs_are_replaced(model: RiskModel, people: pd.DataFrame, tmp_path: Path) -> None:
    lake, scored, run = Lake(tmp_path), scoring(model, people), inputs(model)
    publish(lake, STUDY, PURPOSE, champion(model), scored, run)
    lake.write(tables.RUNS, [])  # as if the process had died just before
    assert published_runs(lake, STUDY.outcome.name) == []
    publish(lake, STUDY, PURPOSE, champion(model), scored, run)
    assert lake.rows("risk__scores", {"run_id": run.run_id}) == 5
    assert len(published_runs(lake, STUDY.outcome.name)) == 1


def test_a_rise_since_the_run_before_is_flagged(model: RiskModel, people: pd.DataFrame, tmp_path: Path) -> None:
    lake, before = Lake(tmp_path), date(2025, 12, 1)
    publish(lake, STUDY, PURPOSE, champion(model), scoring(model, people.iloc[:4]), inputs(model, before))
    run = previous_run_id(lake, STUDY.outcome.name, DAY)
    assert run
    assert previous_run_id(lake, STUDY.outcome.name, before) == ""
    now = people.assign(admissions_365d=np.array([3, 5, 0, 0, 3], dtype="float32"))
    rows = table_of(lake, model, scoring(model, now), run).set_index("person_id")
    assert rows["rising_risk"].astype(object).where(rows["rising_risk"].notna(), None).to_dict() == {
        "a": None,
        "b": False,
        "c": False,
        "d": True,
        "e": False,
    }
    np.testing.assert_allclose(rows["risk_change"].dropna(), (rows["risk"] - rows["previous_risk"]).dropna())


@pytest.mark.parametrize("placed", [True, False])
def test_the_lists_of_a_run_are_written_before_its_row_and_listed_people_have_drivers(
    model: RiskModel, people: pd.DataFrame, tmp_path: Path, placed: bool
) -> None:
    lake, run = Lake(tmp_path), inputs(model)
    scored = scoring(model, people if placed else people.assign(practice_code=None))
    request = CaseloadRequest(
        CaseloadSettings(people_per_thousand={"65+": 1000, "18-64": 1000}), STUDY.outcome.name, DAY, "planning"
    )

    def make(scores: pd.DataFrame) -> RunLists:
        listed = caseload(lake, scores, request)
        return RunLists(listed, Rising().rows, exclusions(STUDY.outcome.name, scores, 0, listed, {}))

    publish(lake, STUDY, PURPOSE, champion(model), scored, run, make)
    listed = lake.read(
        "risk__caseload", "place_code, person_id, list_rank", "listed", "place_code, age_group, list_rank"
    ).to_pylist()
    shown = [(row["place_code"], row["person_id"], row["list_rank"]) for row in listed]
    assert shown == ([("Y00001", "d", 1), ("Y00001", "a", 1), ("Y00001", "e", 2), ("Y00002", "c", 1)] if placed else [])
    explained = set(lake.read("risk__drivers", "DISTINCT person_id")["person_id"].to_pylist())
    assert explained >= {person for _, person, _ in shown}
    assert ("d" in explained) == placed  # d has drivers only because of the list
    assert lake.rows("risk__rising", {"run_id": run.run_id}) == 0
    assert lake.rows("monitoring__exclusions", {"run_id": run.run_id}) == 4


def test_a_person_who_opted_out_after_the_features_were_built_has_no_score(
    model: RiskModel, people: pd.DataFrame, tmp_path: Path
) -> None:
    lake, part = Lake(tmp_path), {"index_date": DAY.isoformat()}
    rows = pa.Table.from_pandas(people.drop(columns="index_date"), preserve_index=False)
    file = lake.write_arrow(PERSON_FEATURES.name, rows, part)
    all_columns = rows.schema.append(pa.field("index_date", pa.date32()))
    lake.commit(PERSON_FEATURES.name, [file], all_columns, partition_by=("index_date",), replace=part)
    schema = arrow_schema(PERSON)
    persons = [{"person_key": key, "person_id": name, "type_1_opt_out": name == "d"} for key, name in enumerate("edcba")]
    lake.write(PERSON, pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in persons], schema))

    scored = score_rows(lake, STUDY, champion(model), DAY, data_cut=DAY)
    publish(lake, STUDY, PURPOSE, champion(model), scored, inputs(model))

    assert lake.read("risk__scores", "person_id", order="person_id")["person_id"].to_pylist() == ["a", "b", "c", "e"]
    assert json.loads(published_runs(lake, STUDY.outcome.name)[0]["suppressed"]) == {"opted out since the features were built": 1}

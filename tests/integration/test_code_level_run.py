"""A small OMOP cohort from CDM files to published scores, with models that use its codes."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.feature_rows import FeatureRows
from models.risk_model import RiskModel
from pipelines.building.code_level_features import approved_codes, choose_codes, count_codes
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import building, conforming, landing, modelling, organisations, preparation, run_plan
from pipelines.training.modelling_rows import read_features

PEOPLE, INDEX = 500, date(2021, 1, 1)
CONFIG = """
deployment: small_cohort
home: {home}
purpose: {{use: planning, approval: Made-up people, approval_expires: 2099-12-31}}
source:
  kind: omop
  omop: {{folder: cdm, extract_date: 2023-01-01, target_cohort_id: 1, outcome_cohort_id: 2}}
study:
  name: small_cohort
  cohort: {{kind: given}}
  outcome: {{name: any_emergency_admission, horizon_days: 365, maturity_days: 0}}
  validation: {{kind: person_folds, folds: 2}}
  code_level: {{event_types: [omop_condition], windows_days: [30, 365], minimum_people: 30, groups: omop_ancestors}}
  candidates:
    names: [age_sex, logistic_code_level]
    minimum_events: 20
    logistic: {{code_prior_variances: [0.1], prior_variances: [0.01], spline_knots: 3}}
  gates: {{minimum_events: 5000, minimum_slope_events: 5000}}
  approval: {{role: Test approver, reason: Made-up people, day: 2026-01-01}}
"""
TELLING, HIDDEN, COMMON = 443, 444, (101, 102, 103, 104, 105)  # condition concepts


def write_cdm(folder: Path) -> None:
    """Write a CDM in which condition 443 in the year before, and not after, the index date leads to the outcome."""
    folder.mkdir()
    rng = np.random.default_rng(4)
    ids = np.arange(1, PEOPLE + 1)
    sick = rng.random(PEOPLE) < 0.3
    ill = rng.random(PEOPLE) < np.where(sick, 0.6, 0.08)
    day = pd.Timestamp(INDEX)
    events = [(person, TELLING, day - pd.Timedelta(days=int(rng.integers(1, 360)))) for person in ids[sick]]
    events += [
        (person, HIDDEN, day + pd.Timedelta(days=int(rng.integers(0, 200)))) for person in ids[ill]
    ]  # predictive, but too late
    events += [
        (person, int(rng.choice(COMMON)), day - pd.Timedelta(days=int(rng.integers(1, 700)))) for person in ids for _ in range(6)
    ]
    conditions = pd.DataFrame(events, columns=["person_id", "condition_concept_id", "condition_start_date"])
    conditions.insert(0, "condition_occurrence_id", range(len(conditions)))
    tables = {
        "person": pd.DataFrame({"person_id": ids, "gender_concept_id": rng.choice([8507, 8532], PEOPLE),
                                "year_of_birth": rng.integers(1930, 2000, PEOPLE), "month_of_birth": 1}),
        "observation_period": pd.DataFrame({"observation_period_id": ids, "person_id": ids, "observation_period_start_date": "2018-01-01",
                                            "observation_period_end_date": "2022-12-31"}),
        "visit_occurrence": pd.DataFrame({"visit_occurrence_id": ids, "person_id": ids, "visit_concept_id": 9202,
                                          "visit_start_date": "2019-05-01", "visit_end_date": "2019-05-01"}),
        "condition_occurrence": conditions,
        "cohort": pd.concat([
            pd.DataFrame({"cohort_definition_id": 1, "subject_id": ids, "cohort_start_date": "2021-01-01", "cohort_end_date": "2021-01-01"}),
            pd.DataFrame({"cohort_definition_id": 2, "subject_id": ids[ill], "cohort_start_date": "2021-06-01", "cohort_end_date": "2021-06-01"}),
        ]),
        "concept": pd.DataFrame({"concept_id": [TELLING, 900], "concept_name": ["Heart trouble", "Common things"], "vocabulary_id": "SNOMED"}),
        "concept_ancestor": pd.DataFrame({"ancestor_concept_id": [900] * 3 + list(COMMON), "descendant_concept_id": [*COMMON[:3], *COMMON],
                                          "min_levels_of_separation": [1] * 3 + [0] * 5}),
    }  # fmt: skip
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Return a deployment whose cohort was read, trained on and scored."""
    folder = tmp_path_factory.mktemp("cohort")
    write_cdm(folder / "cdm")
    (folder / "config.yaml").write_text(CONFIG.format(home=folder / "home"))
    deployment = open_deployment(folder / "config.yaml")
    preparation.prepare(deployment)
    for table in run_plan.raw_tables(deployment):
        landing.ingest(deployment, table)
        landing.validate(deployment, table)
    for step in (organisations.conform_organisations, conforming.conform_areas, conforming.conform_objections, conforming.conform_people, conforming.conform_registrations,
                 conforming.conform_spells, conforming.conform_events, conforming.write_vocabulary, conforming.conform_coverage):  # fmt: skip
        step(deployment)
    cut = run_plan.data_cut(deployment)
    building.build_catalogue(deployment)
    building.build_features(deployment, cut)
    building.build_labels(deployment, cut)
    modelling.train(deployment)
    modelling.score(deployment, cut)
    return deployment


def champion(deployment: Deployment) -> RiskModel:
    return RiskModel.from_files(
        deployment.tracker.files_of("small_cohort", str(deployment.tracker.champion_version("small_cohort")))
    )


def test_the_champion_names_the_codes_it_uses_and_none_of_the_future(cohort: Deployment) -> None:
    model = champion(cohort)
    labels = {predictor.name: predictor.label for predictor in model.predictors}
    assert labels["omop_condition_443_365d"] == "Heart trouble: condition in the last 12 months"
    assert not any(name.startswith(f"omop_condition_{HIDDEN}") for name in labels)
    best = cohort.lake.read("risk__models", "candidate, auroc").to_pylist()
    assert {row["candidate"]: row["auroc"] > 0.7 for row in best} == {"age_sex": False, "logistic_code_level": True}


def test_scores_are_computed_from_the_saved_columns_and_drivers_are_readable(cohort: Deployment) -> None:
    scored = cohort.lake.read("risk__scores", "person_id, risk", order="person_id")
    drivers = cohort.lake.read("risk__drivers", "driver, direction").to_pylist()
    assert scored.num_rows == PEOPLE
    assert {"driver": "Heart trouble: condition", "direction": "raises"} in drivers


def test_plain_mlflow_scores_a_table_that_has_the_models_columns(cohort: Deployment) -> None:
    import mlflow

    model = champion(cohort)
    frame = read_features(cohort.lake, None, model.predictors)
    rows = FeatureRows(frame, count_codes(cohort.lake, frame, model.code_columns, 1))
    table = rows.with_plain_codes([column.name for column in model.code_columns])
    asked = table[[predictor.name for predictor in model.predictors] + ["gp_covered"]].head(20)
    asked = asked.astype({predictor.name: "float64" for predictor in model.predictors})
    cohort.tracker.champion_version("small_cohort")
    served = mlflow.pyfunc.load_model("models:/small_cohort@champion")
    np.testing.assert_array_equal(served.predict(asked), model.predict(frame.head(20), rows.take(slice(20)).codes))


def test_codes_are_chosen_only_on_training_rows_and_groups_are_offered_too(cohort: Deployment) -> None:
    settings = cohort.settings.study.code_level
    frame = read_features(cohort.lake, None, ())
    chosen = {predictor.name for predictor in choose_codes(cohort.lake, frame, settings, 1).predictors}
    too_few = np.arange(PEOPLE) < 10
    assert {"omop_condition_443_365d", "omop_condition_900_group_365d"} <= chosen
    assert choose_codes(cohort.lake, frame, settings, 1, training=too_few).predictors == ()
    assert choose_codes(cohort.lake, frame, approved_codes(settings, ("omop_drugs",)), 1).predictors == ()
    one_range, both = choose_codes(cohort.lake, frame.tail(100), settings, 1), choose_codes(cohort.lake, frame, settings, 2)
    same = sorted(one_range.counts.columns)
    last = both.counts.take(slice(-100, None))
    np.testing.assert_array_equal(one_range.counts.select(same).toarray(), last.select(same).toarray())

"""A small table with a column that decides the training rows and the test set, from its file to published scores."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from models.risk_model import RiskModel
from models.settings import ValidationPlan
from pipelines.building.load_feature_table import ON_NEITHER_SIDE
from pipelines.errors import RefusalError
from pipelines.run.deployment import Deployment, open_deployment
from pipelines.stages import building, landing, modelling, run_plan
from pipelines.stages.decisions_in_settings import import_decisions
from pipelines.training.judging import StudyResult
from pipelines.training.modelling_rows import read_features
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest

pytestmark = pytest.mark.slow
CONFIG = """
deployment: split_table
home: {home}
purpose: {{use: planning, approval: Made-up people, approval_expires: 2099-12-31}}
source:
  kind: feature_table
  feature_table:
    file: visits.csv
    delivered: 2024-12-31
    person: person
    index_event: visit
    label: {{column: came_back, positive: ["yes"], negative: ["no"]}}
study:
  name: split_table
  outcome: {{name: unplanned_readmission, horizon_days: 30, maturity_days: 0}}
  validation: {{kind: column, split_column: year, train_values: [2021, 2022], test_values: [2023]}}
  candidates: {{names: [age_sex, logistic], minimum_events: 50, logistic: {{prior_variances: [0.1], spline_knots: 3}}}}
  gates: {{minimum_events: 5000, minimum_slope_events: 5000}}
  approval: {{role: Test approver, reason: Made-up people, day: 2026-01-01}}
"""


def visits() -> pd.DataFrame:
    """Return 700 visits of 600 people.

    400 are training rows, 250 are the test set (100 of them of people in the training rows), 30 are of 2024 and 20 have no year."""
    rng = np.random.default_rng(11)
    year = ["2021", "2022"] * 200 + ["2023"] * 250 + ["2024"] * 30 + [""] * 20
    person = [*range(400), *range(100), *range(400, 600)]
    nights, noise = rng.normal(size=700), rng.normal(size=700)
    came_back = np.where(rng.random(700) < 1 / (1 + np.exp(-1.5 * nights)), "yes", "no")
    came_back[[0, 400]] = ""  # the outcome is not known yet, so these rows neither train nor test
    return pd.DataFrame(
        {"person": [f"p{one:03}" for one in person], "visit": [f"v{one:03}" for one in range(700)], "year": year,
         "nights": nights.round(4), "noise": noise.round(4), "came_back": came_back}
    )  # fmt: skip


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    folder = tmp_path_factory.mktemp("split")
    visits().to_csv(folder / "visits.csv", index=False)
    (folder / "config.yaml").write_text(CONFIG.format(home=folder / "home"))
    opened = open_deployment(folder / "config.yaml")
    (table,) = run_plan.raw_tables(opened)
    landing.ingest(opened, table)
    landing.validate(opened, table)
    building.load_ready_table(opened, run_plan.data_cut(opened))
    return opened


@pytest.fixture(scope="module")
def train(deployment: Deployment) -> Callable[..., StudyResult]:
    def run(**plan: object) -> StudyResult:
        study = deployment.settings.study
        changed = ValidationPlan.model_validate({**study.validation.model_dump(), **plan})
        study = study.model_copy(update={"validation": changed})
        dates = run_plan.index_date_plan(deployment)
        return run_study(
            TrainingRequest(deployment.lake, study, deployment.settings.engine, dates, run_plan.data_cut(deployment))
        )

    return run


def test_the_column_decides_which_rows_train_test_or_do_neither(
    deployment: Deployment, train: Callable[..., StudyResult]
) -> None:
    result = train()

    (logistic,) = result.candidates  # the table has no age and no sex
    assert (result.train_rows, logistic.model.record["rows"], len(result.test.labels)) == (399, 399, 249)
    assert set(result.test.rows.frame["index_event_id"]) == {f"v{one:03}" for one in range(401, 650)}
    assert {predictor.name for predictor in logistic.model.predictors} == {"nights", "noise"}
    assert logistic.new_people is not None and logistic.new_people.people == 150
    sides, neither, shared, without_age = result.notes
    assert sides == "column 'year' splits the rows: 399 train, 249 test"
    assert neither == "50 rows neither train nor test, and are scored: the column holds '2024' (30), no value (20)"
    assert shared.startswith("99 of the 249 people in the test rows have training rows too")
    assert without_age.startswith("age_sex is skipped: no predictor is called age_years")
    flow = deployment.lake.read("risk__cohort_flow", "reason, people", order="step").to_pylist()
    assert [(row["reason"], row["people"]) for row in flow] == [
        ("outcome not known yet", 2), (ON_NEITHER_SIDE, 50), ("in cohort", 648),
    ]  # fmt: skip


def test_an_empty_part_is_refused_with_the_values_of_the_column(train: Callable[..., StudyResult]) -> None:
    with pytest.raises(RefusalError, match=r"column 'year' leaves 399 rows that train .* and 0 that test") as refused:
        train(test_values=[2025])
    assert "it holds '2023' (249), '2022' (200), '2021' (199), '2024' (30), no value (20)" in str(refused.value)


def test_the_model_is_published_and_training_rows_are_scored_by_other_models(deployment: Deployment) -> None:
    training = modelling.train(deployment)
    import_decisions(deployment)
    modelling.score(deployment, run_plan.data_cut(deployment))

    scores = deployment.lake.read("risk__scores", "index_event_id, risk").to_pandas().set_index("index_event_id")["risk"]
    rows = visits().set_index("visit")
    assert set(scores.index) == set(rows.index)
    model = RiskModel.from_files(
        deployment.tracker.files_of("split_table", str(deployment.tracker.champion_version("split_table")))
    )
    frame = read_features(deployment.lake, None, model.predictors)
    plain = pd.Series(model.predict(frame), frame["index_event_id"])
    trained = scores.index.isin(rows.index[rows["year"].isin(["2021", "2022"]) & (rows["came_back"] != "")])
    apart = (scores != plain.reindex(scores.index)).to_numpy()
    assert (
        not apart[~trained].any() and apart[trained].all()
    )  # people in the training rows are scored by models that were not trained on them
    tested = rows[(rows["year"] == "2023") & (rows["came_back"] != "")]
    report = next((deployment.home / "mlartifacts").rglob("model_report.html")).read_text(encoding="utf-8")
    assert "whose column “year” is 2021, 2022. The test set has 2023." in report
    assert training.facts["auroc"] == round(roc_auc_score(tested["came_back"] == "yes", scores[tested.index]), 4)

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from models.gate_settings import GateSettings
from models.settings import CandidateSettings, LogisticSettings, ValidationPlan
from pipelines.building.engine_settings import EngineSettings
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake
from pipelines.reports.model.content import rows_elsewhere
from pipelines.study.settings import IndexDates, StudySettings
from pipelines.training.judging import StudyResult
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest

CUT, TEST = date(2026, 1, 1), date(2024, 10, 1)
TRAIN = (date(2021, 1, 1), date(2022, 4, 1), date(2023, 7, 1))
FEW = CandidateSettings(names=("age_sex", "logistic"), minimum_events=20, logistic=LogisticSettings(prior_variances=(0.1,)))
GATES = GateSettings(minimum_events=5000, minimum_slope_events=5000, auroc_alarm=1.0)


def trained(lake: Lake, train: tuple[date, ...] = TRAIN, **plan: object) -> StudyResult:
    dates = IndexDates(
        training_dates=4
    )  # more than the training dates, so that a test that cannot be made is accepted and reported
    study = StudySettings(candidates=FEW, gates=GATES, index_dates=dates, validation=ValidationPlan(folds=2, **plan))  # type: ignore[arg-type]
    return run_study(
        TrainingRequest(lake, study, EngineSettings(threads=1), {"train": train, "test": (TEST,), "score": (CUT,)}, CUT)
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, small_lake: Callable[[Path], Lake]) -> Lake:
    return small_lake(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def result(lake: Lake) -> StudyResult:
    return trained(lake, places="pcn_code", most_places=2, rolling_origins=3)


def test_each_place_is_tested_by_a_model_without_it_and_each_earlier_date_by_those_before(result: StudyResult) -> None:
    output = result.elsewhere[result.elsewhere["metric"] == "auroc"].set_index("split")
    assert list(output.index) == ["place:U1", "place:U2", "origin:2022-04-01", "origin:2023-07-01"]
    assert set(result.elsewhere["candidate"]) == {"logistic"}
    assert (output["value"] > 0.6).all()
    assert (output["lower"] < output["value"]).all()
    assert (
        output.loc["place:U1", "people"] is None or output["people"].isna()["place:U1"]
    )  # reported by group, under the rules of the audit
    assert output.loc["origin:2022-04-01", "people"] == 900


def test_the_report_has_a_row_for_each_test(result: StudyResult) -> None:
    rows = rows_elsewhere(result.elsewhere)
    assert [row["test"] for row in rows][1:3] == ["U2, trained without it", "2022-04-01, trained on the dates before it"]
    assert all(row["auroc"].startswith("0.") and " to " in row["auroc"] for row in rows)
    assert rows_elsewhere(result.elsewhere.iloc[:0]) == []


def test_what_could_not_be_tested_is_reported(result: StudyResult) -> None:
    assert "by place: the 2 largest of 3 (pcn_code; validation.most_places)" in result.notes
    assert any(note.startswith("by time: 2 earlier dates could be tested of 3") for note in result.notes)


def test_the_rest_of_the_training_is_the_same(lake: Lake, result: StudyResult) -> None:
    plain = trained(lake)
    assert plain.elsewhere.empty
    assert [candidate.risk.tolist() for candidate in plain.candidates] == [
        candidate.risk.tolist() for candidate in result.candidates
    ]


def test_a_place_that_is_no_column_and_dates_that_have_not_matured_are_refused(lake: Lake) -> None:
    with pytest.raises(RefusalError, match=r"validation\.places names 'region'"):
        trained(lake, places="region")
    with pytest.raises(RefusalError, match="'residence_status' has 1"):
        trained(lake, places="residence_status")
    with pytest.raises(RefusalError, match="overlap the test"):
        trained(lake, (*TRAIN, date(2024, 1, 1)), rolling_origins=1)
    with pytest.raises(ValueError, match="rolling_origins needs validation by time"):
        ValidationPlan(kind="person_folds", rolling_origins=1)

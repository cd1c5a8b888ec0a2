"""Training and scoring see equally fresh facts, however many deliveries a board has.

A steady synthetic board delivers every month for a year. Its training dates are before the first delivery, and its scoring date is the day
of the latest one.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recount.delivered_board import conform, features_on, opened, validated

from expectations.tables.monitoring import DRIFT
from models.predictors import Predictor
from pipelines.alerts.rules import SUPPORT_DIFFERS
from pipelines.conform import availability
from pipelines.monitoring.feature_drift import WatchedModel, write_drift
from pipelines.run.deployment import Deployment
from pipelines.sources.synthetic.landing_files import write_board
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.stages import building, conforming, stage_inputs

pytestmark = pytest.mark.slow

MONTHLY = (*tuple(date(2024, month, 1) for month in range(2, 13)), date(2025, 1, 1))
TRAINING, MIDDLE, SCORING = (date(2023, 7, 1), date(2024, 1, 1)), date(2024, 8, 1), MONTHLY[-1]
BOARD = SyntheticSettings(
    people=1_000, seed=11, start_date=date(2020, 1, 1), data_cut_date=SCORING, delivery_dates=MONTHLY, defects={"enabled": False}
)  # fmt: skip
LIST_FEEDS = ("patients", "registrations", "addresses", "opt_outs")  # complete in every delivery, and without available dates
NO_FEATURE = ("person_id", "index_date", "index_event_id")


@pytest.fixture(scope="module")
def extracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extracts")
    write_board(BOARD, folder)
    return folder


def is_of_a_delivery(file: Path, days: tuple[date, ...]) -> bool:
    """Return whether a file is of one of some deliveries; of the list, the latest is enough."""
    if "actions" in file.parts:
        return False
    kept = days[-1:] if set(LIST_FEEDS) & set(file.parts) else days
    return "reference" in file.parts or any(str(day) in file.name for day in kept)


@pytest.fixture(scope="module")
def twelve(extracts: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    home = tmp_path_factory.mktemp("twelve")
    return conform(validated(extracts, home, lambda file: is_of_a_delivery(file, MONTHLY)))


@pytest.fixture(scope="module")
def one(extracts: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    home = tmp_path_factory.mktemp("one")
    return conform(validated(extracts, home, lambda file: is_of_a_delivery(file, MONTHLY[-1:])))


@pytest.mark.parametrize("day", [TRAINING[0], MIDDLE, SCORING])
def test_one_delivery_and_twelve_give_the_same_features(one: Deployment, twelve: Deployment, day: date) -> None:
    at_once, monthly = features_on(one, day), features_on(twelve, day)
    assert len(at_once) > 500
    assert len(at_once.columns) > 300
    pd.testing.assert_frame_equal(at_once, monthly, check_exact=True)


def drift_of(deployment: Deployment) -> list[dict[str, object]]:
    """Return the rows of monitoring__drift of every number among the features, as if a model used them all."""
    frames = [features_on(deployment, day) for day in (*TRAINING, SCORING)]
    building.build_catalogue(deployment)
    feeds = dict(deployment.lake.read("features__catalogue", "name, feed").to_pandas().itertuples(index=False))
    numbers = [name for name in frames[-1].select_dtypes(np.number) if name not in NO_FEATURE]
    predictors = tuple(Predictor(name, label=name, feed=feeds.get(name, "")) for name in numbers)
    write_drift(deployment.lake, WatchedModel("every_feature", "1", predictors, TRAINING), SCORING)
    rows: list[dict[str, object]] = deployment.lake.read(DRIFT.name).to_pylist()
    return rows


def test_the_support_of_every_feature_agrees_between_training_and_scoring(twelve: Deployment) -> None:
    rows = drift_of(twelve)
    assert len(rows) > 300
    assert [finding.message for finding in SUPPORT_DIFFERS.findings(rows, SUPPORT_DIFFERS.setting.default)] == []


def fresher_since_the_first_delivery(day: str, lag_days: int, *, of_the_key: bool = False) -> str:
    """Return the SQL of an available date that has the lag in the first delivery only."""
    first, delivered = (
        ("key_in_first_delivery", "key_extract_date") if of_the_key else ("is_first_delivery", "first_extract_date")
    )
    return f"CASE WHEN {first} THEN least(({day}) + {lag_days}, {delivered}) ELSE greatest(({day}), {delivered} - 1) END"


@pytest.fixture
def fresher_scoring(twelve: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """Return the board with facts of later deliveries known at once, and with windows of any length."""
    shutil.copytree(twelve.home, tmp_path / "fresher")
    monkeypatch.setattr(availability, "known_on", fresher_since_the_first_delivery)
    monkeypatch.setattr(stage_inputs, "lag_by_event_type", lambda settings: {})
    return conform(opened(tmp_path / "fresher"), (conforming.conform_spells, conforming.conform_events))


def test_a_lag_of_the_first_delivery_alone_is_found(fresher_scoring: Deployment) -> None:
    found = {finding.subject: finding for finding in SUPPORT_DIFFERS.findings(drift_of(fresher_scoring), 1.5)}
    assert "outpatient_appointments" in found
    message = found["outpatient_appointments"].message
    assert message.startswith("outpatient appointments: 'outpatient_attended_30d' is not 0 for 0.0% of people on the training")
    assert "correct lag_days of the feed and train again" in message
    (row,) = fresher_scoring.lake.read(DRIFT.name, where="feature = 'outpatient_attended_30d'").to_pylist()
    assert (row["was_constant"], row["status"]) == (True, "shifted")

"""Drift from the lake: several training dates as one reference, most moved first, few rows not shown."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from expectations.tables.features import PERSON_FEATURES
from expectations.tables.monitoring import DRIFT
from expectations.tables.risk import MODELS
from models.predictors import Predictor
from pipelines.alerts.rules import SUPPORT_DIFFERS
from pipelines.lake.rows import arrow_schema
from pipelines.lake.storage import Lake
from pipelines.monitoring import feature_drift
from pipelines.monitoring.feature_drift import WatchedModel, training_dates, write_drift

TRAINING, SCORING = (date(2023, 1, 1), date(2023, 7, 1)), date(2026, 1, 1)
ROWS = 1000
PREDICTORS = (
    Predictor("steady", label="Steady", feed="patients"),
    Predictor("moved", label="Moved", feed="admissions"),
    Predictor("lost", label="Lost", feed="gp_observations"),
    Predictor("rare", label="Rare", feed="gp_observations"),
    Predictor("new", label="New", feed="outpatient_appointments"),
    Predictor("sex_name", "category", label="Sex", feed="patients"),
    Predictor("a_code", "code", label="A code"),
    Predictor("not_stored", label="Not stored"),
)
MODEL = WatchedModel("study", "3", PREDICTORS, TRAINING)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return two training dates and a scoring date on which `moved` is higher, `lost` gone, `rare` held by six people and `new` not only 0."""
    lake, rng = Lake(tmp_path), np.random.default_rng(1)
    for day in (*TRAINING, SCORING):
        now = day == SCORING
        lost = np.where(rng.random(ROWS) < (0.9 if now else 0.1), np.nan, rng.normal(size=ROWS))
        rare = np.full(ROWS, np.nan)
        rare[:6] = 5.0
        columns = {
            "person_key": pa.array(np.arange(ROWS), pa.int32()),
            "sex_name": pa.array(np.where(np.arange(ROWS) < (200 if now else 500), "male", "female")),
            "steady": pa.array(rng.poisson(0.3, ROWS), pa.float32()),
            "moved": pa.array(rng.normal(1.0 if now else 0.0, 1, ROWS), pa.float32()),
            "lost": pa.array(lost, pa.float32()),
            "rare": pa.array(rare, pa.float32()),
            "new": pa.array(np.where(np.arange(ROWS) < (20 if now else 0), 1.0, 0.0), pa.float32()),
        }
        table, partition = pa.table(columns), {"index_date": day.isoformat()}
        file = lake.write_arrow(PERSON_FEATURES.name, table, partition)
        schema = pa.schema([*table.schema, ("index_date", pa.date32())])
        lake.commit(PERSON_FEATURES.name, [file], schema, partition_by=("index_date",), replace=partition)
    return lake


def test_features_are_in_order_of_their_drift(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = write_drift(lake, MODEL, SCORING)
    assert summary == {"features": 6, "shifted": 3, "most_moved": "new"}
    rows = {row["feature"]: row for row in lake.read(DRIFT.name, order="drift_rank").to_pylist()}
    assert list(rows)[:3] == ["new", "moved", "sex_name"]
    assert [row["drift_rank"] for row in rows.values()] == [1, 2, 3, 4, 5, 6]
    assert {name for name, row in rows.items() if row["status"] == "shifted"} == {"new", "moved", "sex_name"}
    assert [row["was_constant"] for row in rows.values()] == [True] + [False] * 5
    assert (rows["new"]["support_training"], rows["new"]["support"], rows["new"]["support_may_be_chance"]) == (0, 0.02, False)
    assert rows["new"]["support_factor"] > SUPPORT_DIFFERS.setting.default
    assert {name for name, row in rows.items() if row["support_factor"] >= 1.5 and not row["support_may_be_chance"]} == {"new"}
    assert (rows["lost"]["support_training"], rows["lost"]["support"]) == (1, 1)  # of those for whom it is known
    assert (rows["steady"]["status"], rows["rare"]["status"]) == ("stable", "stable")
    assert rows["sex_name"]["psi"] == pytest.approx((0.2 - 0.5) * np.log(0.2 / 0.5) + (0.8 - 0.5) * np.log(0.8 / 0.5), abs=5e-4)
    assert rows["lost"]["share_missing_change"] == pytest.approx(0.8, abs=0.05)
    assert (rows["rare"]["top_bin"], rows["rare"]["top_bin_share"]) == ("", None)
    assert rows["moved"]["reference_dates"] == "2023-01-01, 2023-07-01"
    before = lake.read(DRIFT.name, order="drift_rank")
    monkeypatch.setattr(
        feature_drift, "VALUES_AT_ONCE", 1
    )  # one column at a time gives the same, and in the place of what was there
    write_drift(lake, MODEL, SCORING)
    assert lake.read(DRIFT.name, order="drift_rank").equals(before)


def test_without_a_training_date_there_is_nothing_to_compare(lake: Lake) -> None:
    none = WatchedModel("study", "3", PREDICTORS, ())
    assert write_drift(lake, none, SCORING)["features"] == 0
    gone = WatchedModel("study", "3", PREDICTORS, (date(2020, 1, 1),))
    assert write_drift(lake, gone, SCORING)["features"] == 0
    assert lake.rows(DRIFT.name) == 0


def test_the_training_dates_are_those_the_training_recorded(lake: Lake) -> None:
    blank = {field.name: "" if pa.types.is_string(field.type) else None for field in arrow_schema(MODELS)}
    inputs = json.dumps({"dates": {"train": ["2023-01-01", "2023-07-01"], "test": ["2024-10-01"]}})
    row = {**blank, "training_id": "t", "candidate": "c", "model_digest": "d", "eligible": True, "inputs": inputs}
    lake.append(MODELS, [row])
    assert training_dates(lake, "d") == TRAINING
    assert training_dates(lake, "another") == ()


def test_the_support_of_a_feature_is_null_where_no_one_has_a_known_value(tmp_path: Path) -> None:
    lake, before, names = Lake(tmp_path), date(2023, 1, 1), ("began", "ended", "never")
    for day in (before, SCORING):
        known = {"began": day == SCORING, "ended": day == before, "never": False}
        values = {name: np.where(np.arange(100) < 40, 0.0, 1.0) if known[name] else np.full(100, np.nan) for name in names}
        table = pa.table({name: pa.array(column, pa.float32()) for name, column in values.items()})
        partition = {"index_date": day.isoformat()}
        file = lake.write_arrow(PERSON_FEATURES.name, table, partition)
        schema = pa.schema([*table.schema, ("index_date", pa.date32())])
        lake.commit(PERSON_FEATURES.name, [file], schema, partition_by=("index_date",), replace=partition)
    write_drift(lake, WatchedModel("study", "3", tuple(Predictor(name, label=name) for name in names), (before,)), SCORING)
    rows = lake.read(DRIFT.name, "feature, support_training, support, support_factor", order="feature").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("began", None, 0.6, None),
        ("ended", 0.6, None, None),
        ("never", None, None, None),
    ]
    assert list(SUPPORT_DIFFERS.findings(lake.read(DRIFT.name).to_pylist(), 1.5)) == []

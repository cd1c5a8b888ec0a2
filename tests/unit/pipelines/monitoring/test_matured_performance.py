"""Past runs once they have matured: observed beside expected, labels built where there are none."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from expectations.tables.caseload import ACTIONS
from expectations.tables.features import PERSON_FEATURES
from expectations.tables.monitoring import CALIBRATION
from expectations.tables.risk import LABELS, RUNS, SCORES
from features.outcomes import OutcomeSettings
from models.settings import CapacitySettings
from pipelines.lake.rows import arrow_schema
from pipelines.lake.run_record import record_run
from pipelines.lake.storage import Lake
from pipelines.monitoring.matured_performance import MaturedRequest, write_calibration

OUTCOME = OutcomeSettings()
PAST, RECENT, CUT = date(2024, 1, 1), date(2025, 6, 1), date(2026, 1, 1)
PEOPLE = 2000


def columns(table: Any, given: dict[str, Any], *partition: str) -> pa.Table:
    schema = pa.schema([field for field in arrow_schema(table) if field.name not in partition])
    return pa.Table.from_arrays(
        [pa.array(given[field.name], field.type) if field.name in given else pa.nulls(PEOPLE, field.type) for field in schema],
        schema=schema,
    )


def label(lake: Lake, day: date) -> None:
    """Write labels that come twice as often as the risks say in quintile 1, of everyone but the last ten, who left."""
    risk = risks()
    chance = np.where(np.arange(PEOPLE) % 2 == 0, 2 * risk, risk)
    outcome = (np.random.default_rng(2).random(PEOPLE) < chance).astype(int).astype(object)
    outcome[-10:] = None
    given = {
        "person_id": people(),
        "index_event_id": [day.isoformat()] * PEOPLE,
        "label": outcome,
    }
    part = {"outcome": OUTCOME.name, "index_date": day.isoformat()}
    lake.write(LABELS, columns(LABELS, given, *part), part)


def people() -> list[str]:
    return [f"p{number:04}" for number in range(PEOPLE)]


def risks() -> np.ndarray:
    return np.random.default_rng(1).uniform(0.02, 0.4, PEOPLE)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path)
    blank = {field.name: "" if pa.types.is_string(field.type) else None for field in arrow_schema(RUNS)}
    for run_id, day in (("past", PAST), ("recent", RECENT)):
        given = {
            "person_id": people(), "index_event_id": [day.isoformat()] * PEOPLE, "risk": risks(),
            "imd_decile": np.where(np.arange(PEOPLE) % 2 == 0, 1, 10), "horizon_days": [OUTCOME.horizon_days] * PEOPLE,
        }  # fmt: skip
        lake.write(SCORES, columns(SCORES, given, "run_id"), {"run_id": run_id})
        record_run(
            lake,
            {
                **blank,
                "run_id": run_id,
                "outcome": OUTCOME.name,
                "index_date": day,
                "status": "published",
                "recorded_at": f"{day}T05:00:00+00:00",
            },
        )
        features = {"person_key": np.arange(PEOPLE), "person_id": people(), "index_event_id": [day.isoformat()] * PEOPLE}
        lake.write(PERSON_FEATURES, columns(PERSON_FEATURES, features, "index_date"), {"index_date": day.isoformat()})
    return lake


def write(lake: Lake, **given: Any) -> dict[str, object]:
    request = {"data_cut": CUT, "build_labels": lambda day: label(lake, day)} | given
    return write_calibration(lake, MaturedRequest(outcome=OUTCOME, capacity=CapacitySettings(), seed=1, **request))


def test_a_matured_run_is_measured_once_overall_and_by_quintile(lake: Lake) -> None:
    assert write(lake) == {"matured_runs": 1, "runs_measured": 1, "not_measured": 0}
    rows = lake.read(CALIBRATION.name).to_pylist()
    assert {row["run_id"] for row in rows} == {"past"}
    ratio = {f"{row['group_kind']} {row['group_name']}": row for row in rows if row["metric"] == "observed_over_expected"}
    assert ratio["imd_quintile 1"]["lower"] > 1.6
    assert ratio["imd_quintile 1"]["upper"] < 2.4
    assert ratio["imd_quintile 5"]["lower"] < 1 < ratio["imd_quintile 5"]["upper"]
    assert ratio["all all"]["people"] == PEOPLE - 10
    assert {"auroc", "calibration_slope", "base_rate"} <= {row["metric"] for row in rows if row["group_kind"] == "imd_quintile"}
    assert all(row["lower"] < row["value"] < row["upper"] for row in rows if row["metric"] == "auroc")

    def never(day: date) -> None:
        raise AssertionError(day)

    assert write(lake, build_labels=never) == {"matured_runs": 1, "runs_measured": 0, "not_measured": 0}


def test_people_who_were_listed_acted_on_and_neither_are_judged_apart(lake: Lake) -> None:
    listed_people = [(number, True, "care_plan" if number % 3 else None) for number in range(1000)]
    rows = [
        {"run_id": "past", "person_id": f"p{number:04}", "practice_code": "Y00001", "record_id": str(number), "listed": listed, "action": action,
         "action_date": PAST, "reviewed": None, "decision": None, "reason": None, "end_date": None} for number, listed, action in listed_people
    ]  # fmt: skip
    lake.write(ACTIONS, rows)
    assert write(lake)["runs_measured"] == 1
    found = lake.read(CALIBRATION.name, "group_name, people", "group_kind = 'list_status' AND metric = 'observed_over_expected'")
    assert dict(zip(*(found[name].to_pylist() for name in found.column_names), strict=True)) == {
        "acted on": 666,
        "listed": 334,
        "neither": 990,
    }


def test_labels_that_are_there_are_not_built_again(lake: Lake) -> None:
    label(lake, PAST)
    built: list[date] = []
    assert write(lake, build_labels=built.append)["runs_measured"] == 1
    assert built == []


def test_a_run_without_labels_is_counted_and_tried_the_next_time(lake: Lake) -> None:
    assert write(lake, build_labels=lambda day: label(lake, RECENT)) == {"matured_runs": 1, "runs_measured": 0, "not_measured": 1}
    assert lake.rows(CALIBRATION.name) == 0
    assert write(lake)["runs_measured"] == 1


def test_runs_whose_rows_have_dates_of_their_own_are_left_out(lake: Lake) -> None:
    assert write(lake, own_dates=True) == {"matured_runs": 0, "runs_measured": 0, "not_measured": 0}
    assert lake.rows(CALIBRATION.name) == 0


def test_a_run_matures_the_day_after_horizon_and_lag(lake: Lake) -> None:
    last = PAST + timedelta(days=OUTCOME.horizon_days + OUTCOME.maturity_days)
    assert write(lake, data_cut=last)["matured_runs"] == 0
    assert write(lake, data_cut=last + timedelta(days=1))["matured_runs"] == 1

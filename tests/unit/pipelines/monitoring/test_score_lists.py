"""Lists run by run: who is on them, how many are new, and what may not be shown."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from expectations.tables.monitoring import SCORES
from expectations.tables.risk import RUNS
from expectations.tables.risk import SCORES as RISKS
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import arrow_schema
from pipelines.lake.run_record import record_run
from pipelines.lake.storage import Lake
from pipelines.monitoring.score_lists import write_scores

OUTCOME, PEOPLE = "emergency", 1000
FIRST, SECOND = date(2026, 1, 1), date(2026, 2, 1)
BLANK = {field.name: "" if pa.types.is_string(field.type) else None for field in arrow_schema(RUNS)}


def publish(
    lake: Lake, run_id: str, day: date, risk: np.ndarray, status: str = "published", written: int = 0, few: int = 0
) -> None:
    place = np.arange(PEOPLE)
    row = {
        "person_id": [f"p{number:04}" for number in place],
        "index_event_id": [day.isoformat()] * PEOPLE,
        "risk": risk,
        "risk_band": np.where(risk < 0.5, "low", "very high").tolist(),
        "eligible": place != 0,
        "imd_decile": np.where(place % 2 == 0, 1, 9),
        "pcn_code": np.where(place < PEOPLE - few, "U1", "U2").tolist(),
        "sub_icb_code": [None] * PEOPLE,
    }
    schema = pa.schema([field for field in arrow_schema(RISKS) if field.name != "run_id"])
    columns = [pa.array(row[field.name], field.type) if field.name in row else pa.nulls(PEOPLE, field.type) for field in schema]
    lake.write(RISKS, pa.Table.from_arrays(columns, schema=schema), {"run_id": run_id})
    record(lake, run_id, day, status, written)


def record(lake: Lake, run_id: str, day: date, status: str, written: int) -> None:
    record_run(
        lake,
        {
            **BLANK,
            "run_id": run_id,
            "outcome": OUTCOME,
            "index_date": day,
            "status": status,
            "recorded_at": f"2026-0{written + 1}-01T05:00:00+00:00",
        },
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return two runs: the 100 with the highest risk are the last hundred, then fifty of them give way to the fifty before."""
    lake, risk = Lake(tmp_path), np.linspace(0.01, 0.99, PEOPLE)
    publish(lake, "first", FIRST, risk)
    later = risk.copy()
    later[950:], later[850:900] = risk[850:900], risk[950:]
    publish(lake, "second", SECOND, later, written=1)
    return lake


def write(lake: Lake) -> dict[str, Any]:
    with connect() as con:
        return write_scores(lake, con, OUTCOME, 0.1)


def measured(lake: Lake, run_id: str, measure: str) -> dict[str, float | None]:
    rows = lake.read(SCORES.name, "group_kind, group_name, value", f"measure = '{measure}' AND run_id = '{run_id}'").to_pylist()
    return {f"{row['group_kind']} {row['group_name']}": row["value"] for row in rows}


def test_half_the_list_is_new(lake: Lake) -> None:
    assert write(lake) == {"published_runs": 2, "runs_measured": 2}
    assert measured(lake, "first", "list_turnover") == {}
    turnover = measured(lake, "second", "list_turnover")
    assert turnover["all all"] == pytest.approx(0.5)
    assert turnover["imd_quintile 1"] == turnover["imd_quintile 5"] == pytest.approx(0.5)
    assert measured(lake, "second", "listed_share")["all all"] == pytest.approx(0.1)
    assert measured(lake, "second", "list_part")["imd_quintile 1"] == pytest.approx(0.5)
    assert measured(lake, "second", "risk_decile_50")["all all"] == pytest.approx(0.5, abs=0.01)
    assert measured(lake, "second", "share_in_band_very_high")["all all"] == pytest.approx(0.5)


def test_a_group_of_five_and_the_one_that_would_reveal_it_are_not_shown(lake: Lake) -> None:
    publish(lake, "third", date(2026, 3, 1), np.linspace(0.01, 0.99, PEOPLE), written=2, few=5)
    write(lake)
    found = lake.read(
        SCORES.name, "value, people, suppressed", "run_id = 'third' AND group_kind = 'pcn_code' AND measure = 'listed_share'"
    ).to_pylist()
    assert all(row == {"value": None, "people": None, "suppressed": True} for row in found)
    assert len(found) == 2
    counts = lake.read(SCORES.name, "people", "people IS NOT NULL")["people"].to_numpy()
    assert (counts % 5 == 0).all()


def test_runs_are_measured_once_unless_the_run_before_is_withdrawn(lake: Lake) -> None:
    write(lake)
    before = lake.read(SCORES.name, order="run_id, group_kind, group_name, measure")
    assert write(lake)["runs_measured"] == 0
    record(lake, "first", FIRST, "withdrawn", 2)
    assert write(lake) == {"published_runs": 1, "runs_measured": 1}
    assert measured(lake, "second", "list_turnover") == {}
    assert lake.read(SCORES.name).num_rows < before.num_rows


def test_without_a_run_there_is_an_empty_table(tmp_path: Path) -> None:
    assert write(Lake(tmp_path)) == {"published_runs": 0, "runs_measured": 0}
    assert Lake(tmp_path).rows(SCORES.name) == 0

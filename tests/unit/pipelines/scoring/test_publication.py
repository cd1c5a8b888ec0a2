"""The current scores are those of the run that was published last and not withdrawn, whatever its index date."""

from datetime import date
from pathlib import Path

import pytest

from expectations.tables.risk import CURRENT, RUNS, SCORES
from pipelines.errors import RefusalError
from pipelines.lake.run_record import published_runs, record_run
from pipelines.lake.storage import Lake
from pipelines.scoring.publication import refresh_current, withdraw
from pipelines.scoring.score import previous_run_id

OUTCOME = "death"


def publish(lake: Lake, run_id: str, index_date: str, number: int, outcome: str = OUTCOME) -> str:
    """Publish a run of one person and return the current run."""
    score = {column.name: None for column in SCORES.columns}
    score |= {
        "run_id": run_id,
        "outcome": outcome,
        "person_id": "p1",
        "index_event_id": "",
        "index_date": date.fromisoformat(index_date),
    }
    lake.write(SCORES, [score], {"run_id": run_id})
    row = {column.name: None for column in RUNS.columns}
    row |= {"run_id": run_id, "outcome": outcome, "index_date": date.fromisoformat(index_date), "status": "published"}
    record_run(lake, {**row, "recorded_at": f"2026-03-{number:02}T06:00:00+00:00", "scores_digest": run_id})
    return refresh_current(lake, outcome)


def current(lake: Lake, outcome: str = OUTCOME) -> list[tuple[str, date]]:
    rows = lake.read(CURRENT.name, "run_id, index_date", f"outcome = '{outcome}'").to_pylist()
    return [(row["run_id"], row["index_date"]) for row in rows]


@pytest.mark.parametrize(
    ("days", "withdrawn", "expected"),
    [
        (("2026-01-01", "2026-02-01", "2026-03-01"), (), "r3"),
        (("2062-01-01", "2026-02-01"), (), "r2"),
        (("2026-01-01", "2062-01-01", "2026-02-01"), (), "r3"),
        (("2026-01-01", "2062-01-01", "2026-02-01"), ("r3",), "r2"),
        (("2026-01-01", "2062-01-01", "2026-02-01"), ("r2",), "r3"),
        (("2026-01-01", "2062-01-01", "2026-02-01"), ("r3", "r2"), "r1"),
        (("2026-01-01", "2062-01-01", "2026-02-01"), ("r2", "r3"), "r1"),
        (("2026-03-01", "2026-01-01"), (), "r2"),
        (("2026-03-01", "2026-01-01"), ("r2",), "r1"),
        (("2026-01-01", "2026-01-01"), (), "r2"),
        (("2026-01-01", "2026-01-01"), ("r2",), "r1"),
        (("2026-01-01",), ("r1",), ""),
        (("2031-01-01", "2026-01-01", "2030-01-01", "2026-01-02"), ("r3",), "r4"),
    ],
)
def test_a_wrong_run_dated_ahead_hides_no_later_one(tmp_path: Path, days: tuple, withdrawn: tuple, expected: str) -> None:
    lake = Lake(tmp_path)
    for number, day in enumerate(days, 1):
        assert publish(lake, f"r{number}", day, number) == f"r{number}"
    for run_id in withdrawn:
        withdraw(lake, run_id, "wrong date", "Analyst")
    assert [run for run, _ in current(lake)] == ([expected] if expected else [])
    assert [run["run_id"] for run in published_runs(lake, OUTCOME)][-1:] == ([expected] if expected else [])


def test_each_outcome_has_its_own_current_run(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    publish(lake, "r1", "2062-01-01", 1)
    publish(lake, "r2", "2026-01-01", 2, "fall")
    assert current(lake) == [("r1", date(2062, 1, 1))] and current(lake, "fall") == [("r2", date(2026, 1, 1))]


def test_the_run_before_is_the_last_published_of_an_earlier_date(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for number, day in enumerate(("2026-01-01", "2062-01-01", "2026-02-01"), 1):
        publish(lake, f"r{number}", day, number)
    assert previous_run_id(lake, OUTCOME, date(2026, 3, 1)) == "r3"
    assert previous_run_id(lake, OUTCOME, date(2026, 2, 1)) == "r1"
    assert previous_run_id(lake, OUTCOME, date(2025, 2, 1)) == ""


def test_a_withdrawal_needs_a_reason_and_a_run(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    publish(lake, "r1", "2026-01-01", 1)
    with pytest.raises(RefusalError, match="needs a reason"):
        withdraw(lake, "r1", " ")
    with pytest.raises(RefusalError, match="no run 'r9'; published: r1"):
        withdraw(lake, "r9", "wrong")

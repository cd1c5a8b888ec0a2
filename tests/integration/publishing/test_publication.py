"""Current scores and withdrawal: readers see one complete run of each outcome."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from expectations.tables import risk
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake
from pipelines.scoring.publication import refresh_current, withdraw

OUTCOME = "emergency_admission"
Publish = Callable[..., str]


def current_runs(lake: Lake) -> list[tuple[str, int]]:
    rows = lake.read(risk.CURRENT.name, "run_id, count(*) AS people", "true GROUP BY run_id").to_pylist()
    return [(row["run_id"], row["people"]) for row in rows]


def test_the_latest_published_run_is_current(lake: Lake, publish: Publish) -> None:
    publish(lake, 1, people=5)
    assert refresh_current(lake, OUTCOME) == publish(lake, 1, people=5, status="published", scores=False)
    second = publish(lake, 2, people=7)

    assert refresh_current(lake, OUTCOME) == second
    assert current_runs(lake) == [(second, 7)]


def test_the_current_scores_are_the_runs_scores(lake: Lake, publish: Publish) -> None:
    run_id = publish(lake, 1, people=5)
    refresh_current(lake, OUTCOME)
    columns = ", ".join(column.name for column in risk.SCORES.columns)
    assert lake.read(risk.CURRENT.name, columns, order="person_id").equals(
        lake.read(risk.SCORES.name, columns, order="person_id", partition={"run_id": run_id})
    )


def test_refreshing_again_writes_nothing(lake: Lake, publish: Publish) -> None:
    publish(lake, 1, people=5)
    refresh_current(lake, OUTCOME)
    version = lake.version(risk.CURRENT.name)
    refresh_current(lake, OUTCOME)
    assert lake.version(risk.CURRENT.name) == version


def test_a_withdrawal_makes_the_run_before_current_and_keeps_its_reason(lake: Lake, publish: Publish) -> None:
    first, second = publish(lake, 1, people=5), publish(lake, 2, people=7)
    refresh_current(lake, OUTCOME)

    summary = withdraw(lake, second, "the model read a feed that is not allowed")

    assert summary == {"run_id": second, "status": "withdrawn", "current_run_id": first}
    assert current_runs(lake) == [(first, 5)]
    last = lake.read(risk.RUNS.name, order="recorded_at").to_pylist()[-1]
    assert (last["run_id"], last["status"], last["reason"]) == (second, "withdrawn", "the model read a feed that is not allowed")
    assert lake.rows(risk.SCORES.name) == 12  # withdrawn scores stay readable by those who may


def test_withdrawing_the_only_run_leaves_no_current_scores(lake: Lake, publish: Publish) -> None:
    run_id = publish(lake, 1, people=5)
    refresh_current(lake, OUTCOME)
    assert withdraw(lake, run_id, "wrong index date")["current_run_id"] == "none"
    assert current_runs(lake) == []
    assert withdraw(lake, run_id, "asked for twice")["status"] == "withdrawn"
    assert lake.rows(risk.RUNS.name) == 2


@pytest.mark.parametrize(
    ("run_id", "reason", "message"), [("0" * 12, "wrong", "published: 000000000001"), ("000000000001", " ", "reason")]
)
def test_an_impossible_withdrawal_is_refused_with_the_reason(
    run_id: str, reason: str, message: str, lake: Lake, publish: Publish
) -> None:
    publish(lake, 1, people=5)
    with pytest.raises(RefusalError, match=message):
        withdraw(lake, run_id, reason)

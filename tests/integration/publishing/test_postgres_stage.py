"""The stage that follows the lake is skipped while the database holds what it left there, and runs again when it does not."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings
from pipelines.stages.declared import perform
from pipelines.stages.publishing import follow_in_postgres
from pipelines.stages.results import Status

pytestmark = pytest.mark.slow

SETTINGS = {
    "deployment": "a_board",
    "purpose": {"use": "planning", "approval": "DSA 12", "approval_expires": "2099-12-31"},
    "source": {"kind": "synthetic", "synthetic": {"people": 500}},
    "publish": {"postgres": {"dsn_variable": "STRATA_TEST_DSN"}},
}


def test_the_state_of_the_database_makes_the_stage_run_again(
    lake: Lake, publish: Callable[..., str], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRATA_TEST_DSN", database)
    deployment = Deployment(Settings.model_validate(SETTINGS), lake.root.parent, lake.root.parent)
    assert deployment.lake.root == lake.root.resolve()
    run_id = publish(lake, 1)
    first = perform(deployment, follow_in_postgres)
    assert (first.status, first.facts["runs_loaded"]) == (Status.DONE, 1)
    assert perform(deployment, follow_in_postgres).status == Status.UNCHANGED

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE strata.risk__scores DETACH PARTITION strata.risk__scores__{run_id}")
        for table in ("risk__scores", "risk__drivers", "risk__caseload", "risk__rising"):
            connection.execute(f"DROP TABLE strata.{table}__{run_id}")
        connection.execute("DELETE FROM strata.risk__runs")
    again = perform(deployment, follow_in_postgres)
    assert (again.status, again.facts["runs_loaded"]) == (Status.DONE, 1)

    publish(lake, 2)
    assert perform(deployment, follow_in_postgres).facts["runs_loaded"] == 1
    assert perform(deployment, follow_in_postgres).status == Status.UNCHANGED

"""The stage that follows the lake is skipped while the database holds what it left there, and runs again when it does not."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pyarrow as pa
import pytest

from expectations.tables.risk import MODEL_AUDIT
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings
from pipelines.scoring.removals import LISTS, READ_FOR_REMOVALS
from pipelines.stages.declared import perform, shared_tables, stages_of
from pipelines.stages.publishing import DATABASE, follow_in_postgres
from pipelines.stages.results import Status
from pipelines.stages.stage_log import inputs_digest, outputs_digest

pytestmark = pytest.mark.slow

SETTINGS = {
    "deployment": "a_board",
    "data_cut_date": "2026-01-01",
    "purpose": {"use": "planning", "approval": "DSA 12", "approval_expires": "2099-12-31"},
    "source": {"kind": "synthetic", "synthetic": {"people": 500}},
    "publish": {"postgres": {"dsn_variable": "STRATA_TEST_DSN"}},
}


@pytest.fixture
def deployment(lake: Lake, database: str, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setenv("STRATA_TEST_DSN", database)
    return Deployment(Settings.model_validate(SETTINGS), lake.root.parent, lake.root.parent)


def digests(deployment: Deployment) -> dict[str, tuple[str, str]]:
    """Return the digests of every stage. One whose digests change runs again."""
    shared = shared_tables(deployment)
    return {
        stage.name: (inputs_digest(deployment, stage), outputs_digest(deployment, stage, shared=shared))
        for stage in stages_of(deployment)
    }


def test_the_state_of_the_database_makes_this_stage_run_again_and_no_other(
    lake: Lake, publish: Callable[..., str], database: str, deployment: Deployment
) -> None:
    assert deployment.lake.root == lake.root.resolve()
    run_id = publish(lake, 1)
    first = perform(deployment, follow_in_postgres)
    after = digests(deployment)
    assert (first.status, first.facts["runs_loaded"]) == (Status.DONE, 1)
    assert perform(deployment, follow_in_postgres).status == Status.UNCHANGED

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"ALTER TABLE strata.risk__scores DETACH PARTITION strata.risk__scores__{run_id}")
        for table in ("risk__scores", "risk__drivers", "risk__caseload", "risk__rising"):
            connection.execute(f"DROP TABLE strata.{table}__{run_id}")
        connection.execute("DELETE FROM strata.risk__runs")
    assert {name for name, digest in digests(deployment).items() if digest != after[name]} == {DATABASE}
    again = perform(deployment, follow_in_postgres)
    assert (again.status, again.facts["runs_loaded"]) == (Status.DONE, 1)

    publish(lake, 2)
    assert perform(deployment, follow_in_postgres).facts["runs_loaded"] == 1
    assert perform(deployment, follow_in_postgres).status == Status.UNCHANGED


def test_each_declared_table_is_read_or_written(
    lake: Lake, publish: Callable[..., str], rows: Callable[..., pa.Table], deployment: Deployment
) -> None:
    publish(lake, 1)
    lake.append(MODEL_AUDIT, rows(MODEL_AUDIT, 1), {"training_id": "t"})
    _, uses = follow_in_postgres.traced(deployment)
    stage = follow_in_postgres
    only_after_removals = {table.name for table in READ_FOR_REMOVALS}
    assert {table.name for table in (*stage.reads, *stage.reads_earlier)} - uses.tables_read == only_after_removals
    assert {table.name for table in stage.adds_to} - uses.tables_written == {table.name for table in LISTS}  # for the same reason
    assert set(stage.outside) == uses.outside

"""What follows a publication: other targets, and taking a run back."""

from __future__ import annotations

from typing import Any

from expectations.tables.caseload import CASELOAD, REMOVED, RISING
from expectations.tables.equity import AUDIT_FOR_READERS
from expectations.tables.risk import CURRENT, DRIVERS, MODEL_AUDIT, RUNS
from pipelines.errors import RefusalError
from pipelines.lake.decision_record import NATIONAL_OPT_OUT
from pipelines.lake.run_record import all_runs
from pipelines.postgres.tables import RUN_TABLES, analyst_tables
from pipelines.run.deployment import Deployment
from pipelines.scoring.publication import refresh_current, withdraw
from pipelines.scoring.removals import READ_FOR_REMOVALS
from pipelines.stages.context import StageContext
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_database
from pipelines.stages.results import StageResult
from pipelines.stages.stage import Stage, stage
from pipelines.training.audit_for_readers import write_audit_for_readers

DATABASE = "postgres"


@stage(
    name=DATABASE,
    adds_to=(AUDIT_FOR_READERS, CURRENT, DRIVERS, CASELOAD, RISING),
    reads=(*RUN_TABLES, RUNS, CURRENT, MODEL_AUDIT, AUDIT_FOR_READERS),
    reads_earlier=(*analyst_tables(), REMOVED, *READ_FOR_REMOVALS),
    outside=(OutsideInput.TARGET_DATABASE,),
    decisions=(NATIONAL_OPT_OUT,),
    changes=(OutsideInput.TARGET_DATABASE,),
    group="published",
    kind="postgres",
    exists=has_database,
)
def follow_in_postgres(context: StageContext) -> StageResult:
    """Bring the publishing database to the lake's runs: every published run, complete or not at all, for its readers."""
    database = context.outside.database
    if database is None:
        raise RefusalError("no database is configured: set publish.postgres in the configuration")
    from pipelines.postgres.follow import follow  # Alembic takes a second to import

    for outcome in {str(row["outcome"]) for row in all_runs(context.lake)}:
        refresh_current(context.lake, outcome)
    write_audit_for_readers(context.lake)  # of trainings that an earlier version of Strata recorded
    done = follow(context.lake, database)
    return StageResult(
        {
            "runs_loaded": len(done.loaded),
            "rows": done.rows,
            "runs_withdrawn": len(done.withdrawn),
            "people_removed": done.people_removed,
        }
    )


def withdraw_run(deployment: Deployment, run_id: str, reason: str, role: str = "") -> dict[str, Any]:
    """Withdraw a run from every target: readers see the one before."""
    withdrawn = withdraw(deployment.lake, run_id, reason, role)
    return {**withdrawn, **(follow_in_postgres(deployment).facts if deployment.settings.publish.postgres else {})}


STAGES: tuple[Stage, ...] = (follow_in_postgres,)

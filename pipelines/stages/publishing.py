"""What follows a publication: other targets, and taking a run back."""

from __future__ import annotations

from typing import Any

from pipelines.errors import RefusalError
from pipelines.lake.run_record import all_runs
from pipelines.postgres.settings import connection_string
from pipelines.run.deployment import Deployment
from pipelines.scoring.publication import refresh_current, withdraw
from pipelines.training.audit_for_readers import write_audit_for_readers

Summary = dict[str, Any]


def follow_in_postgres(deployment: Deployment) -> Summary:
    """Bring the publishing database to the lake's runs. The lake has published already."""
    settings = deployment.settings.publish.postgres
    if settings is None:
        raise RefusalError("no database is configured: set publish.postgres in the configuration")
    from pipelines.postgres.follow import follow  # Alembic takes a second to import

    for outcome in {str(row["outcome"]) for row in all_runs(deployment.lake)}:
        refresh_current(deployment.lake, outcome)
    write_audit_for_readers(deployment.lake)  # of trainings that an earlier version of Strata recorded
    done = follow(deployment.lake, connection_string(settings))
    return {"runs_loaded": len(done.loaded), "rows": done.rows, "runs_withdrawn": len(done.withdrawn)}


def withdraw_run(deployment: Deployment, run_id: str, reason: str, role: str = "") -> Summary:
    """Withdraw a run from every target: readers see the one before."""
    told = withdraw(deployment.lake, run_id, reason, role)
    return {**told, **(follow_in_postgres(deployment) if deployment.settings.publish.postgres else {})}

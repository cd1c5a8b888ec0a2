"""The current scores of each outcome, which readers see, and the withdrawal of a run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from expectations.sql_values import quote_all
from expectations.tables import risk
from pipelines.errors import RefusalError
from pipelines.lake.decision_record import NOT_RECORDED, WITHDRAWAL, Decision, decision_day, record
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import arrow_schema
from pipelines.lake.run_record import PUBLISHED, all_runs, published_runs, record_run
from pipelines.lake.storage import Lake
from pipelines.scoring.removals import (
    applied_deliveries,
    hide_removed,
    known_to,
    record_known,
    record_removals,
    removed_people,
    shown_run,
)

WITHDRAWN = "withdrawn"


def withdraw(lake: Lake, run_id: str, reason: str, role: str = "") -> dict[str, object]:
    """Withdraw a published run and make the one before it current; raise RefusalError if that cannot be done.

    The decision is recorded first: a withdrawal that was cut short is completed by asking for it again.
    """
    if not reason.strip():
        raise RefusalError("a withdrawal needs a reason, which is recorded and shown to readers; add --reason")
    rows = all_runs(lake)
    last = {row["run_id"]: row for row in rows}.get(run_id)
    if last is None:
        published = [str(row["run_id"]) for row in rows if row["status"] == PUBLISHED]
        raise RefusalError(f"there is no run '{run_id}'; published: {', '.join(published) or 'none'}")
    if last["status"] == PUBLISHED:
        _record_withdrawal(lake, last, reason.strip(), role.strip() or NOT_RECORDED)
    record_removals(lake)  # the run before may have people who have died, objected or left since
    current = refresh_current(lake, str(last["outcome"]))
    record_known(lake, known_to(lake) or applied_deliveries(lake))
    return {"run_id": run_id, "status": WITHDRAWN, "current_run_id": current or "none"}


def _record_withdrawal(lake: Lake, run: Mapping[str, object], reason: str, role: str) -> None:
    """Record the decision first and then the status of the run."""
    record(lake, Decision(WITHDRAWAL, str(run["run_id"]), role, reason, decision_day(), str(run["scores_digest"])))
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    record_run(lake, {**run, "status": WITHDRAWN, "recorded_at": now, "reason": reason})


def refresh_current(lake: Lake, outcome: str) -> str:
    """Update risk__current to the latest published run of an outcome, in one commit; return that run, or '' if there is none.

    If the process of a run ended between its own commit and this one, the next call updates the table. People who were removed
    from what readers see, and for whom there still is a reason, are in neither that table nor the run's lists.
    """
    runs = published_runs(lake, outcome)
    latest = str(runs[-1]["run_id"]) if runs else ""
    hide_removed(lake, outcome, latest)
    if shown_run(lake, outcome) == latest:
        return latest
    schema = arrow_schema(risk.CURRENT)
    columns = ", ".join(name for name in schema.names if name != "outcome")
    scan = lake.scan(risk.SCORES.name, {"run_id": latest or "none"})
    removed = removed_people(lake)
    where = f"WHERE person_id NOT IN ({quote_all(removed)})" if removed else ""
    with connect() as con:
        query = f"SELECT {columns} FROM {scan} {where} ORDER BY person_id, index_event_id"
        file = lake.write_sql(risk.CURRENT.name, con, query, {"outcome": outcome})
    lake.commit(
        risk.CURRENT.name, [file], schema, partition_by=risk.CURRENT.partitioned_by, replace={"outcome": outcome}
    )  # fmt: skip
    return latest

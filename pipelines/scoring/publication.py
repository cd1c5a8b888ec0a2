"""The current scores of each outcome, which readers see, and the withdrawal of a run."""

from __future__ import annotations

from datetime import UTC, datetime

from expectations.sql_values import quote
from expectations.tables import risk
from pipelines.errors import RefusalError
from pipelines.lake.decision_record import NOT_RECORDED, WITHDRAWAL, Decision, decision_day, record
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import arrow_schema
from pipelines.lake.run_record import PUBLISHED, all_runs, published_runs, record_run
from pipelines.lake.storage import Lake

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
        decided = Decision(
            WITHDRAWAL, run_id, role.strip() or NOT_RECORDED, reason.strip(), decision_day(), str(last["scores_digest"])
        )
        record(lake, decided)
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        record_run(lake, {**last, "status": WITHDRAWN, "recorded_at": now, "reason": reason.strip()})
    current = refresh_current(lake, str(last["outcome"]))
    return {"run_id": run_id, "status": WITHDRAWN, "current_run_id": current or "none"}


def refresh_current(lake: Lake, outcome: str) -> str:
    """Update risk__current to the latest published run of an outcome, in one commit; return that run, or '' if there is none.

    If the process of a run ended between its own commit and this one, the next call updates the table.
    """
    runs = published_runs(lake, outcome)
    latest = str(runs[-1]["run_id"]) if runs else ""
    if _current_run(lake, outcome) == latest:
        return latest
    schema = arrow_schema(risk.CURRENT)
    columns = ", ".join(name for name in schema.names if name != "outcome")
    scan = lake.scan(risk.SCORES.name, {"run_id": latest or "none"})
    with connect() as con:
        file = lake.write_sql(
            risk.CURRENT.name, con, f"SELECT {columns} FROM {scan} ORDER BY person_id, index_event_id", {"outcome": outcome}
        )
    lake.commit(
        risk.CURRENT.name, [file], schema, partition_by=risk.CURRENT.partitioned_by, replace={"outcome": outcome}
    )  # fmt: skip
    return latest


def _current_run(lake: Lake, outcome: str) -> str | None:
    """Return the run in risk__current for an outcome, '' if its partition is empty, or None if it was never written."""
    if outcome not in lake.partitions(risk.CURRENT.name, "outcome"):
        return None
    current = lake.read(
        risk.CURRENT.name, "any_value(run_id) AS run_id", f"outcome = {quote(outcome)}", partition={"outcome": outcome}
    )
    return str(current["run_id"][0].as_py() or "")

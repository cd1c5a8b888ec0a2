"""What readers see: the current scores of each outcome, and the withdrawal of a run."""

from __future__ import annotations

from datetime import UTC, datetime

from expectations.sql_values import quote
from expectations.tables import risk
from pipelines.errors import RefusalError
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.rows import arrow_schema
from pipelines.lake.run_record import PUBLISHED, all_runs, published_runs, record_run
from pipelines.lake.storage import Lake

WITHDRAWN = "withdrawn"


def withdraw(lake: Lake, run_id: str, reason: str) -> dict[str, object]:
    """Withdraw a published run and make the one before it current; a RefusalError says why it cannot be."""
    if not reason.strip():
        raise RefusalError("a withdrawal needs a reason: it is recorded and shown to readers")
    rows = all_runs(lake)
    known = [row for row in rows if row["run_id"] == run_id]
    if not known:
        published = [str(row["run_id"]) for row in rows if row["status"] == PUBLISHED]
        raise RefusalError(f"there is no run '{run_id}'; published: {', '.join(published) or 'none'}")
    last = known[-1]
    if last["status"] == PUBLISHED:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        record_run(lake, {**last, "status": WITHDRAWN, "recorded_at": now, "reason": reason.strip()})
    current = refresh_current(lake, str(last["outcome"]))
    return {"run_id": run_id, "status": WITHDRAWN, "current_run_id": current or "none"}


def refresh_current(lake: Lake, outcome: str) -> str:
    """Bring risk__current to the latest published run of an outcome, in one commit; give that run, '' where there is none.

    A run whose process ended between its own commit and this one is caught up with the next time this is called.
    """
    runs = published_runs(lake, outcome)
    wanted = str(runs[-1]["run_id"]) if runs else ""
    if _held(lake, outcome) == wanted:
        return wanted
    schema = arrow_schema(risk.CURRENT)
    columns = ", ".join(name for name in schema.names if name != "outcome")
    scan = lake.scan(risk.SCORES.name, {"run_id": wanted or "none"})
    with connect() as con:
        file = lake.write_sql(
            risk.CURRENT.name, con, f"SELECT {columns} FROM {scan} ORDER BY person_id, index_event_id", {"outcome": outcome}
        )
    lake.commit(
        risk.CURRENT.name, [file], schema, partition_by=risk.CURRENT.partitioned_by, replace={"outcome": outcome}
    )  # fmt: skip
    return wanted


def _held(lake: Lake, outcome: str) -> str | None:
    """Give the run that risk__current holds for an outcome; '' where its part is empty, None where it was never written."""
    if outcome not in lake.partitions(risk.CURRENT.name, "outcome"):
        return None
    held = lake.read(
        risk.CURRENT.name, "any_value(run_id) AS run_id", f"outcome = {quote(outcome)}", partition={"outcome": outcome}
    )
    return str(held["run_id"][0].as_py() or "")

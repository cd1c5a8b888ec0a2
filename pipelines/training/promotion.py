"""The promotion of an approved model: the first step of scoring, so that an approval makes no training run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from expectations.sql_values import quote
from expectations.tables.risk import MODELS
from models.candidates import BASELINE
from pipelines.lake.storage import Lake
from pipelines.study.settings import ApprovalSettings
from pipelines.training.record import latest_training

if TYPE_CHECKING:
    from pipelines.tracking.tracker import Tracker

CHAMPION = "champion"  # status in risk__models
Row = dict[str, Any]


def promote_approved(
    lake: Lake, tracker: Tracker, name: str, outcome: str, approval: ApprovalSettings | None
) -> dict[str, object]:
    """Make the chosen model of the latest training champion if the recorded approval allows it, and return what was decided.

    The next best model becomes the challenger. A model that is champion already stays so, and nothing is written.
    """
    rows = _rows_of_latest_training(lake, outcome)
    champion = tracker.champion_version(name)
    promoted = next((row["candidate"] for row in rows if row["status"] == CHAMPION), None)
    if promoted:
        return {"champion": promoted}
    chosen = best_eligible_row(rows)
    withheld = why_not_promoted(lake, outcome, approval, chosen, _digest(tracker, name, champion))
    if chosen is None or withheld:
        return {"champion": f"version {champion} stays" if champion else "none", "not_promoted": withheld}
    tracker.promote(name, chosen["model_version"])
    challenger = best_eligible_row([row for row in rows if row is not chosen])
    tracker.challenge(name, challenger["model_version"] if challenger else None)
    tracker.record_status(chosen["mlflow_run_id"], CHAMPION)
    _store(lake, chosen, approval)
    return {"champion": chosen["candidate"]}


def why_not_promoted(
    lake: Lake, outcome: str, approval: ApprovalSettings | None, chosen: Row | None, champion_digest: str | None
) -> str:
    """Return why the recorded approval does not make a chosen model champion, '' if it does.

    An approval is given for one training that someone has reviewed. It stays in the settings, where every later training meets
    it too. So it is spent once it has made another model champion, and it may not be older than the approval used last.
    """
    if chosen is None:
        return "no candidate is eligible"
    if approval is None:
        return "no approval is recorded"
    if champion_digest is not None and champion_digest == chosen["model_digest"]:
        return ""
    used = _approvals_used(lake, outcome)
    if any(_is_same(row, approval) for row in used):
        return f"the approval of {approval.day} was given for an earlier model; review this one and record a separate approval"
    latest = max((row["approval_date"] for row in used), default=approval.day)
    if approval.day < latest:
        return f"the approval of {approval.day} is older than the last one used, of {latest}; record a newer one for this model"
    return ""


def best_eligible_row(rows: list[Row]) -> Row | None:
    """Return the eligible candidate that discriminates best, the baseline apart; of equals the one registered first."""
    able = [row for row in rows if row["eligible"] and row["candidate"] != BASELINE]
    able.sort(key=lambda row: int(row["model_version"]))
    return max(able, key=lambda row: round(row["auroc"], 6)) if able else None


def _rows_of_latest_training(lake: Lake, outcome: str) -> list[Row]:
    training_id = latest_training(lake, outcome)
    if not training_id:
        return []
    where = f"outcome = {quote(outcome)} AND training_id = {quote(training_id)}"
    rows: list[Row] = lake.read(MODELS.name, where=where, order="candidate").to_pylist()
    return rows


def _digest(tracker: Tracker, name: str, version: str | None) -> str | None:
    return tracker.version_tags(name, version).get("digest") if version else None


def _approvals_used(lake: Lake, outcome: str) -> list[Row]:
    columns = "approved_by_role, approval_reason, approval_date"
    where = f"outcome = {quote(outcome)} AND status = {quote(CHAMPION)} AND approval_date IS NOT NULL"
    rows: list[Row] = lake.read(MODELS.name, columns, where).to_pylist()
    return rows


def _is_same(row: Row, approval: ApprovalSettings) -> bool:
    recorded = (row["approved_by_role"], row["approval_reason"], row["approval_date"])
    return recorded == (approval.role, approval.reason, approval.day)


def _store(lake: Lake, chosen: Row, approval: ApprovalSettings | None) -> None:
    """Record the champion and its approval in risk__models."""
    of_approval: Row = {"approved_by_role": None, "approval_reason": None, "approval_date": None}
    if approval is not None:
        of_approval = {"approved_by_role": approval.role, "approval_reason": approval.reason, "approval_date": approval.day}
    rows = lake.read(MODELS.name, order="recorded_at, training_id, candidate").to_pylist()
    key = ("training_id", "outcome", "candidate")
    changed = [
        {**row, "status": CHAMPION, **of_approval} if all(row[part] == chosen[part] for part in key) else row for row in rows
    ]
    lake.write(MODELS, changed)

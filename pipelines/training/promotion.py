"""The promotion of an approved model: the first step of scoring, so that an approval makes no training run again.

An approval is for one model. One that was recorded for a version of a study's model promotes this version. One from the settings
names no version: it promotes the best eligible candidate of the latest training. Either is spent once it has made a champion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from expectations.sql_values import quote
from expectations.tables.risk import MODELS
from models.candidates import BASELINE
from pipelines.lake.decision_record import APPROVAL, Decision, all_decisions, decision_day
from pipelines.lake.storage import Lake
from pipelines.training.record import latest_training

if TYPE_CHECKING:
    from pipelines.tracking.tracker import Tracker

CHAMPION = "champion"  # status in risk__models
Row = dict[str, Any]


@dataclass(frozen=True)
class Approvals:
    """The approvals of one study: those that count on a day, oldest first, and which of them are spent."""

    counting: tuple[Decision, ...]
    used: tuple[Row, ...]
    recorded: tuple[Decision, ...]  # all of them, also those that count no longer

    def is_spent(self, approval: Decision) -> bool:
        """Return whether an approval has made a model champion."""
        return any(_is_use_of(row, approval) for row in self.used)

    def is_older_than_last_used(self, approval: Decision) -> bool:
        """Return whether a later approval has been used since: then the earlier one must not bring its model back."""
        used = [one for one in self.recorded if self.is_spent(one)]
        if approval.day < max((row["approval_date"] for row in self.used), default=approval.day):
            return True
        return any((approval.day, approval.recorded_at) < (one.day, one.recorded_at) for one in used)

    def usable(self) -> tuple[Decision, ...]:
        """Return the approvals that may make a model champion, newest first."""
        able = [one for one in self.counting if not self.is_spent(one) and not self.is_older_than_last_used(one)]
        return tuple(sorted(able, key=lambda one: (one.day, one.recorded_at), reverse=True))

    def why_not_usable(self, approval: Decision) -> str:
        """Return why an approval can make no model champion, and what to do."""
        if self.is_spent(approval):
            return (
                f"the approval of {approval.day} was given for an earlier model; review this one and record a separate approval"
            )
        last_use = max((row["approval_date"] for row in self.used), default=None)
        return f"the approval of {approval.day} is older than the last one used, of {last_use}; record a newer one for this model"


def promote_approved(lake: Lake, tracker: Tracker, name: str, outcome: str, today: date | None = None) -> dict[str, object]:
    """Make an approved model champion and return what was decided; `name` is that of the study and of its registered model.

    The best of the latest training's other models becomes the challenger. A model that is champion already stays so.
    """
    approvals = approvals_of(lake, name, outcome, today)
    rows, version = _rows_of_latest_training(lake, outcome), tracker.champion_version(name)
    digest = tracker.version_tags(name, version).get("digest") if version else None
    bound = _of_a_version(lake, outcome, approvals, digest)
    if bound is not None:
        return _promote(lake, tracker, name, *bound, rows)
    promoted = next((row for row in rows if row["status"] == CHAMPION), None)
    if promoted:
        in_use = str(promoted["model_version"]) == version
        return {"champion": promoted["candidate"] if in_use else f"version {version} stays"}
    chosen = best_eligible_row(rows)
    approval, withheld = approval_of(approvals, chosen, digest)
    if chosen is None or approval is None:
        return {"champion": f"version {version} stays" if version else "none", "not_promoted": withheld}
    return _promote(lake, tracker, name, chosen, approval, rows)


def approvals_of(lake: Lake, name: str, outcome: str, today: date | None = None) -> Approvals:
    """Return the approvals of a study."""
    recorded = [one for one in all_decisions(lake) if one.kind == APPROVAL and _study_of(one) == name]
    counting = [one for one in recorded if one.counts_on(today or decision_day())]
    return Approvals(tuple(counting), tuple(_uses(lake, outcome)), tuple(recorded))


def approval_of(approvals: Approvals, chosen: Row | None, champion_digest: str | None) -> tuple[Decision | None, str]:
    """Return the approval that makes the best candidate of the latest training champion, else None and why not.

    The model in use, trained again, needs no further approval.
    """
    if chosen is None:
        return None, "no candidate is eligible"
    if not approvals.counting:
        return None, "no approval is recorded"
    of_model = [one for one in approvals.counting if one.digest in ("", chosen["model_digest"])]
    if not of_model:
        return None, f"the approval of {approvals.counting[-1].day} is for {approvals.counting[-1].subject}, not for this model"
    if champion_digest == chosen["model_digest"]:
        return of_model[-1], ""
    usable = [one for one in approvals.usable() if one in of_model]
    if usable:
        return usable[0], ""
    return None, approvals.why_not_usable(of_model[-1])


def best_eligible_row(rows: Sequence[Row]) -> Row | None:
    """Return the eligible candidate that discriminates best, the baseline apart; of equals the one registered first."""
    able = [row for row in rows if row["eligible"] and row["candidate"] != BASELINE]
    able.sort(key=lambda row: int(row["model_version"]))
    return max(able, key=lambda row: round(row["auroc"] or 0.0, 6)) if able else None


def row_of_version(lake: Lake, outcome: str, version: str) -> Row | None:
    """Return the candidate that is registered as a version of a study's model; None where there is none."""
    where = f"outcome = {quote(outcome)} AND model_version = {quote(version)}"
    rows: list[Row] = lake.read_or_empty(MODELS, where=where, order="recorded_at").to_pylist()
    return rows[-1] if rows else None


def _of_a_version(lake: Lake, outcome: str, approvals: Approvals, champion_digest: str | None) -> tuple[Row, Decision] | None:
    """Return the version that the newest usable approval names, with the approval; None if it names none or is in use."""
    for approval in approvals.usable():
        if not approval.digest:
            continue
        row = row_of_version(lake, outcome, _version_of(approval))
        if row is not None and row["model_digest"] == approval.digest and row["eligible"]:
            recorded = approval.digest == champion_digest and row["status"] == CHAMPION
            return None if recorded else (row, approval)
    return None


def _promote(lake: Lake, tracker: Tracker, name: str, row: Row, approval: Decision, latest: Sequence[Row]) -> dict[str, object]:
    tracker.promote(name, row["model_version"])
    challenger = best_eligible_row([other for other in latest if other["model_digest"] != row["model_digest"]])
    tracker.challenge(name, challenger["model_version"] if challenger else None)
    tracker.record_status(row["mlflow_run_id"], CHAMPION)
    _store(lake, row, approval)
    return {"champion": row["candidate"]}


def _rows_of_latest_training(lake: Lake, outcome: str) -> list[Row]:
    training_id = latest_training(lake, outcome)
    where = f"outcome = {quote(outcome)} AND training_id = {quote(training_id)}"
    rows: list[Row] = lake.read_or_empty(MODELS, where=where, order="candidate").to_pylist()
    return rows


def _uses(lake: Lake, outcome: str) -> list[Row]:
    """Return the models that an approval made champion, with that approval."""
    columns = "model_digest, approved_by_role, approval_reason, approval_date"
    where = f"outcome = {quote(outcome)} AND status = {quote(CHAMPION)} AND approval_date IS NOT NULL"
    rows: list[Row] = lake.read_or_empty(MODELS, columns, where).to_pylist()
    return rows


def _is_use_of(row: Row, approval: Decision) -> bool:
    if approval.digest not in ("", row["model_digest"]):
        return False
    recorded = (row["approved_by_role"], row["approval_reason"], row["approval_date"])
    return recorded == (approval.role, approval.reason, approval.day)


def _study_of(approval: Decision) -> str:
    return approval.subject.partition(" ")[0]


def _version_of(approval: Decision) -> str:
    return approval.subject.rpartition(" ")[2]


def _store(lake: Lake, promoted: Row, approval: Decision) -> None:
    """Record the champion and its approval in risk__models."""
    of_approval = {"approved_by_role": approval.role, "approval_reason": approval.reason, "approval_date": approval.day}
    rows = lake.read(MODELS.name).to_pylist()
    key = ("training_id", "outcome", "candidate")
    changed = [
        {**row, "status": CHAMPION, **of_approval} if all(row[part] == promoted[part] for part in key) else row for row in rows
    ]
    lake.write(MODELS, changed)

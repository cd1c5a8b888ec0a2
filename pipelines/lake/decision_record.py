"""The record of decisions that people made, in `monitoring__decision`: written once, never changed, ended by a later decision.

A decision counts from its day until its last day, unless a later one ended it. Each stage reads the decisions that it applies, and
no digest of settings holds them.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from expectations.tables.decisions import DECISION
from pipelines.errors import RefusalError
from pipelines.lake.code_version import digest_of
from pipelines.lake.storage import Lake

APPROVAL, ACCEPTED_BREACH, WAIVER, WITHDRAWAL = "approval", "accepted_breach", "waiver", "withdrawal"
DEATH_REVIEW = "death_review"  # a person whose death is in review is alive
LATE_DELIVERY = "late_delivery"
NATIONAL_OPT_OUT = "national_opt_out"  # a rule for planning outputs or for training
LONDON = ZoneInfo("Europe/London")
NOT_RECORDED = "not recorded"  # the role of a decision that was taken from a place without one


@dataclass(frozen=True)
class Decision:
    """One decision as its latest row says; `decision_id` and `recorded_at` are empty before it is recorded."""

    kind: str
    subject: str
    role: str
    reason: str
    day: date
    digest: str = ""
    expires: date | None = None
    login: str = ""
    ended_by: str = ""
    decision_id: str = ""
    recorded_at: str = ""

    def counts_on(self, day: date) -> bool:
        """Return whether the decision counts on a day: it is neither ended nor expired."""
        return not self.ended_by and (self.expires is None or day <= self.expires)

    @property
    def content(self) -> tuple[str, ...]:
        """Return what distinguishes one decision from another: not who recorded it, and not when."""
        return self.kind, self.subject, self.digest, self.role, self.reason, str(self.expires or "")


def decision_day() -> date:
    """Return today's date in London, by which decisions count."""
    return datetime.now(LONDON).date()


def all_decisions(lake: Lake) -> list[Decision]:
    """Return every decision as its latest row says, in the order in which they were first recorded."""
    latest: dict[str, Decision] = {}
    first: dict[str, str] = {}
    for row in sorted(lake.records(DECISION).to_pylist(), key=lambda row: row["recorded_at"]):
        first.setdefault(row["decision_id"], row["recorded_at"])
        latest[row["decision_id"]] = Decision(**{**row, "recorded_at": first[row["decision_id"]]})
    return list(latest.values())


def decisions_that_count(lake: Lake, kind: str, today: date | None = None) -> list[Decision]:
    """Return the decisions of a kind that are neither ended nor expired, in the order in which they were recorded."""
    day = today or decision_day()
    return [decision for decision in all_decisions(lake) if decision.kind == kind and decision.counts_on(day)]


def waivers_of(lake: Lake, model_digest: str, today: date | None = None) -> dict[str, Decision]:
    """Return the waivers of a model's gates that count, by the stored name of the gate."""
    waivers = decisions_that_count(lake, WAIVER, today)
    return {one.subject.rpartition(" ")[2]: one for one in waivers if one.digest == model_digest}


def record(lake: Lake, decision: Decision, ends: str = "") -> Decision:
    """Record a decision, end the one that it replaces, and return it as recorded.

    A decision of the same content and day that counts already is returned as it is. Raise RefusalError if there is none to end.
    """
    known = {one.decision_id: one for one in all_decisions(lake)}
    ended = _to_be_ended(known, ends)
    for one in known.values():
        if (one.content, one.day) == (decision.content, decision.day) and not one.ended_by and one.decision_id != ends:
            return one
    now = _after(one.recorded_at for one in _rows(lake))
    recorded = replace(
        decision,
        decision_id=digest_of([*decision.content, str(decision.day), now]),
        recorded_at=now,
        login=decision.login or _login(),
    )
    ending = [replace(ended, ended_by=recorded.decision_id, recorded_at=now)] if ended else []
    lake.append(DECISION, [one.__dict__ for one in (recorded, *ending)])
    return recorded


def import_once(lake: Lake, decisions: Sequence[Decision], dated: bool) -> int:
    """Record decisions that settings hold, each content once, and return how many were new.

    `dated` says that the day is part of the content. A decision that was ended or has expired since is not recorded again.
    """
    known = {one.decision_id for one in all_decisions(lake)}
    new: dict[str, Decision] = {}
    for decision in decisions:
        identity = digest_of(["settings", *decision.content, str(decision.day) if dated else ""])
        if identity not in known:
            new[identity] = decision
    if new:
        now, login = _after(one.recorded_at for one in _rows(lake)), _login()
        rows = [
            replace(decision, decision_id=identity, recorded_at=now, login=login).__dict__ for identity, decision in new.items()
        ]
        lake.append(DECISION, rows)
    return len(new)


def _to_be_ended(known: dict[str, Decision], decision_id: str) -> Decision | None:
    if not decision_id:
        return None
    found = known.get(decision_id)
    if found is None:
        raise RefusalError(f"there is no decision '{decision_id}' to end: read the column decision_id of {DECISION.name}")
    if found.ended_by:
        raise RefusalError(f"the decision '{decision_id}' was ended before, by '{found.ended_by}': there is nothing to end")
    return found


def _rows(lake: Lake) -> list[Decision]:
    return [Decision(**row) for row in lake.records(DECISION).to_pylist()]


def _after(times: Iterable[str]) -> str:
    """Return the time now, or just after the last row where the clock was set back."""
    now = datetime.now(UTC)
    last = max(times, default="")
    if last and datetime.fromisoformat(last) >= now:
        now = datetime.fromisoformat(last) + timedelta(microseconds=1)
    return now.isoformat(timespec="microseconds")


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container
        return f"user {os.getuid()}"

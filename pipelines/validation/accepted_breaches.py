"""The breaches of table rules that people accepted: recorded decisions, each for one rule in one delivery of a feed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pydantic import ValidationError

from pipelines.errors import RefusalError
from pipelines.extracts.extract_records import Extract
from pipelines.lake.code_version import digest_of
from pipelines.lake.decision_record import ACCEPTED_BREACH, NOT_RECORDED, Decision, decisions_that_count
from pipelines.lake.storage import Lake
from pipelines.validation.validation_settings import AcceptedBreach

FORM = "FEED RULE DELIVERY [ORGANISATION], such as 'admissions month_collapsed 2026-01-01 RX2'"


def subject_of(breach: AcceptedBreach) -> str:
    """Return what a decision about a breach is recorded under."""
    return " ".join(part for part in (breach.feed, breach.rule, breach.delivery.isoformat(), breach.organisation) if part)


def breach_of(subject: str, reason: str) -> AcceptedBreach:
    """Return the breach that a subject names; raise RefusalError for one that cannot be accepted."""
    parts = subject.split()
    if len(parts) not in (3, 4):
        raise RefusalError(f"'{subject}' names no breach: write {FORM}")
    values = dict(zip(("feed", "rule", "delivery", "organisation"), parts, strict=False))
    try:
        return AcceptedBreach.model_validate({**values, "reason": reason})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}" for problem in error.errors()
        )
        raise RefusalError(f"'{subject}' cannot be accepted: {problems}. Write {FORM}, and a reason of a few words") from None


def decision_of_settings(breach: AcceptedBreach, today: date) -> Decision:
    """Return the decision that a breach accepted in the settings is imported as."""
    return Decision(ACCEPTED_BREACH, subject_of(breach), NOT_RECORDED, breach.reason, today)


def accepted_breaches(lake: Lake, feed: str, day: date, delivery: Sequence[Extract]) -> tuple[AcceptedBreach, ...]:
    """Return the breaches that are accepted in a delivery of a feed.

    A decision that names the content of the delivery counts for this content alone: a corrected file needs another decision.
    """
    decisions = decisions_that_count(lake, ACCEPTED_BREACH)
    content = digest_of_delivery(delivery)
    found = [breach_of(one.subject, one.reason) for one in decisions if one.digest in ("", content)]
    return tuple(breach for breach in found if (breach.feed, breach.delivery) == (feed, day))


def digest_of_delivery(delivery: Sequence[Extract]) -> str:
    """Return a digest of the extracts that make a delivery."""
    return digest_of(sorted(extract.extract_id for extract in delivery))

"""Which approval makes a model champion: one that counts, is not spent and is not older than the last one used."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipelines.lake.decision_record import APPROVAL, Decision
from pipelines.training.promotion import Approvals, approval_of, best_eligible_row

MODEL = {"candidate": "logistic", "model_version": "4", "model_digest": "new", "eligible": True, "auroc": 0.8}
USED = {"model_digest": "old", "approved_by_role": "Board", "approval_reason": "Read", "approval_date": date(2026, 2, 1)}


def approval(day: int = 1, reason: str = "Read", digest: str = "", recorded_at: str = "2026-02-01") -> Decision:
    return Decision(APPROVAL, "study", "Board", reason, date(2026, 2, day), digest, recorded_at=recorded_at)


def reason_against(*approvals: Decision, used: tuple[dict[str, Any], ...] = (USED,), champion: str = "old") -> str:
    found, why = approval_of(Approvals(approvals, used, approvals), MODEL, champion)
    assert (found is None) == bool(why)
    return why


@pytest.mark.parametrize(
    ("approvals", "why"),
    [
        ((), "no approval is recorded"),
        ((approval(),), "was given for an earlier model"),
        ((approval(), approval(2, "Read again", recorded_at="2026-02-02")), ""),
        ((Decision(APPROVAL, "study", "Board", "Older", date(2026, 1, 1)),), "is older than the last one used, of 2026-02-01"),
        ((approval(3, digest="another", recorded_at="2026-02-03"),), "not for this model"),
        ((approval(3, digest="new", recorded_at="2026-02-03"),), ""),
        ((approval(), approval(1, "Before it", recorded_at="2026-01-31")), "is older than the last one used"),
    ],
)
def test_an_approval_counts_once_and_for_its_model(approvals: tuple[Decision, ...], why: str) -> None:
    assert why in reason_against(*approvals)
    assert bool(why) == bool(reason_against(*approvals))


def test_the_model_in_use_trained_again_needs_no_further_approval() -> None:
    assert reason_against(approval(), champion="new") == ""
    assert reason_against(champion="new") == "no approval is recorded"


def test_the_baseline_is_never_chosen_and_of_equals_the_first_registered_is() -> None:
    rows = [
        {**MODEL, "candidate": "age_sex", "model_version": "1", "auroc": 0.9},
        {**MODEL, "candidate": "lightgbm", "model_version": "10"},
        {**MODEL, "candidate": "logistic", "model_version": "9"},
        {**MODEL, "candidate": "failed", "model_version": None, "eligible": False, "auroc": 0.99},
    ]
    chosen = best_eligible_row(rows)
    assert chosen is not None
    assert chosen["candidate"] == "logistic"
    assert best_eligible_row(rows[:1]) is None

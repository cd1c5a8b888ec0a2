"""The purpose of a run and its approval."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from expectations.setting_types import Distinct, FeedName


class PurposeSettings(BaseModel, extra="forbid", frozen=True):
    """The purpose of a run and its approval."""

    use: Literal["finding_people_for_care", "planning"] = Field(
        description="purpose of cohort, scores and lists: finding_people_for_care applies type 1 opt-outs; planning applies the national data opt-out "
        "too. Planning outputs, such as rates, apply it in every run"
    )
    approval: str = Field(min_length=1, description="reference of the approval of this use, from the register of approvals")
    approval_expires: date = Field(description="last day of the approval; later runs are refused")
    allowed_feeds: Distinct[FeedName] | None = Field(
        default=None, min_length=1, description="feeds that the approval covers; the default is all"
    )

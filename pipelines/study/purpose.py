"""What a run is for, and what allows it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field


class PurposeSettings(BaseModel, extra="forbid", frozen=True):
    """What the run is for, and what allows it."""

    use: Literal["finding_people_for_care", "planning"] = Field(
        description="finding_people_for_care applies type 1 opt-outs; planning applies the national data opt-out too"
    )
    approval: str = Field(min_length=1, description="the approval the run rests on, as its register names it")
    approval_expires: date = Field(description="the approval's last day; after it every run is refused")
    allowed_feeds: tuple[str, ...] | None = Field(default=None, description="feeds the approval covers; all where not given")

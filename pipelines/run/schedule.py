"""When the month's run begins, how often a step that failed is tried again, and what a late feed leads to."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class ScheduleSettings(BaseModel, extra="forbid", frozen=True):
    """The month of an unattended deployment; times are London's, through the change of clocks."""

    day_of_month: int = Field(default=2, ge=1, le=28, description="day on which the whole pipeline runs")
    hour: int = Field(default=5, ge=0, le=23, description="hour of that day")
    retries: int = Field(
        default=2, ge=0, le=10, description="times a step is tried again after a fault (a network, a disk); a refusal never is"
    )
    retry_delay_s: int = Field(
        default=60, ge=1, description="seconds before the first of these; each next one waits twice as long"
    )
    late_after_days: int = Field(
        default=45, ge=1, description="a feed is late when its latest delivery is older than this many days before the data cut"
    )
    late_feed: Literal["score", "wait"] = Field(
        default="score",
        description="score: on the old data, and data_quality_status says so; wait: nothing runs until the feed has come",
    )

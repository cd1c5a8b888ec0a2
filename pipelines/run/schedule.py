"""When the monthly run starts, how often a failed step is retried, and what happens if a feed is late."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class ScheduleSettings(BaseModel, extra="forbid", frozen=True):
    """The monthly run of an unattended deployment; times are local time in London, in summer and winter."""

    day_of_month: int = Field(default=2, ge=1, le=28, description="day of the month on which the pipeline runs")
    hour: int = Field(default=5, ge=0, le=23, description="hour of that day")
    retries: int = Field(
        default=2, ge=0, le=10, description="retries of a step after a fault of the network or a disk; a refusal is not retried"
    )
    retry_delay_s: int = Field(default=60, ge=1, description="seconds before the first retry; each later one waits twice as long")
    late_after_days: int = Field(
        default=45, ge=1, description="a feed is late if its latest delivery is more than this many days before the data cut"
    )
    late_feed: Literal["score", "wait"] = Field(
        default="score",
        description="score uses the old data and names the feed in data_quality_status; wait runs nothing until the feed has arrived",
    )

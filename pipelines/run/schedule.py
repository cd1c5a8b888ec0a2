"""When the monthly run starts and how often a failed step is retried. What happens if a feed is late is in late_feeds.py."""

from __future__ import annotations

from pydantic import Field

from pipelines.run.late_feeds import LateFeedSettings


class ScheduleSettings(LateFeedSettings):
    """The monthly run of an unattended deployment; times are local time in London, in summer and winter."""

    day_of_month: int = Field(default=2, ge=1, le=28, description="day of the month on which the pipeline runs")
    hour: int = Field(default=5, ge=0, le=23, description="hour of that day")
    retries: int = Field(
        default=2, ge=0, le=10, description="retries of a step after a fault of the network or a disk; a refusal is not retried"
    )
    retry_delay_s: int = Field(default=60, ge=1, description="seconds before the first retry; each later one waits twice as long")
    far_ahead_days: int = Field(
        default=62, ge=1, description="a delivery dated more than this many days ahead of the other feeds is refused"
    )

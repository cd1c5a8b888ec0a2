"""When the monthly run starts, how often a failed step is retried, and what happens if a feed is late."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field, field_validator

from expectations.catalogue import DELIVERED_FEEDS
from expectations.feeds import ADMISSIONS, PATIENTS, REGISTRATIONS


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
    required_feeds: tuple[str, ...] = Field(
        default=(PATIENTS.name, REGISTRATIONS.name, ADMISSIONS.name),
        description="the data cut, and with it the scoring date, is the earliest of the latest deliveries of these feeds, as far as the "
        "source has them; a newer feed is read up to that day, and a feed that is behind lowers its own coverage only",
    )
    far_ahead_days: int = Field(
        default=62, ge=1, description="a delivery dated more than this many days ahead of the other feeds is refused"
    )
    late_feed: Literal["score", "wait"] = Field(
        default="score",
        description="score uses the old data and names the feed in data_quality_status; wait runs nothing until a required feed has arrived",
    )

    @field_validator("required_feeds")
    @classmethod
    def _known_feeds(cls, feeds: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(feeds) - set(DELIVERED_FEEDS))
        if unknown or not feeds:
            wrong = f"there is no feed {', '.join(unknown)}" if unknown else "at least one feed is required"
            raise ValueError(f"{wrong}; the feeds are {', '.join(DELIVERED_FEEDS)}")
        return feeds

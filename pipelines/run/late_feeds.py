"""Late feeds: the settings that define them, which feeds are late, and whether a run waits for them.

The data cut follows from the same settings: `data_cut.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from expectations.feeds import ADMISSIONS, PATIENTS, REGISTRATIONS
from expectations.setting_types import DeliveredFeed, Distinct
from pipelines.errors import RefusalError


class LateFeedSettings(BaseModel, extra="forbid", frozen=True):
    """The settings of `schedule` about late feeds; `ScheduleSettings` has them with the others."""

    late_after_days: int = Field(
        default=45, ge=1, description="a feed is late if its latest delivery is more than this many days before the data cut"
    )
    required_feeds: Distinct[DeliveredFeed] = Field(
        default=(PATIENTS.name, REGISTRATIONS.name, ADMISSIONS.name),
        min_length=1,
        description="the data cut, and with it the scoring date, is the earliest of the latest deliveries of these feeds, as far as the "
        "source has them; a newer feed is read up to that day, and a feed that is behind lowers its own coverage only",
    )
    late_feed: Literal["score", "wait"] = Field(
        default="score",
        description="score uses the old data and names the feed in data_quality_status; wait runs nothing until a required feed has arrived",
    )


def find_late_feeds(latest: Mapping[str, date], data_cut: date, settings: LateFeedSettings) -> dict[str, date]:
    """Return the feeds whose latest delivery is too old, with its day, in order of their names.

    A required feed is compared with the latest delivery of any feed, because the data cut would not wait for it. Any other feed is
    compared with the data cut.
    """
    late = older_than_allowed(latest, data_cut, settings.late_after_days)
    newest = max(latest.values(), default=data_cut)
    return {**late, **older_than_allowed(of_required_feeds(latest, settings), newest, settings.late_after_days)}


def days_behind(late: Mapping[str, date], data_cut: date, newest: date, settings: LateFeedSettings) -> dict[str, int]:
    """Return by how many days each late feed is behind: a required feed the `newest` delivery of any feed, any other the data cut."""
    required = of_required_feeds(late, settings)
    return {feed: ((newest if feed in required else data_cut) - latest).days for feed, latest in late.items()}


def refuse_late_feeds(late: Mapping[str, date], data_cut: date, settings: LateFeedSettings) -> None:
    """Refuse a run that waits, by its settings, for a required feed that is late; any other lowers its own coverage only."""
    required = of_required_feeds(late, settings)
    if required and settings.late_feed == "wait":
        raise RefusalError(
            f"{late_feeds_as_text(required)}; the data cut is {data_cut}: nothing was run, for schedule.late_feed is 'wait'. "
            "Deliver the feed, leave it out of the configuration, or set schedule.late_feed to 'score'"
        )


def late_feeds_as_text(late: Mapping[str, date]) -> str:
    """Return as text which feeds are late, an empty text if none is."""
    return "; ".join(f"late feed {feed}: latest delivery {day}" for feed, day in late.items())


def of_required_feeds(latest: Mapping[str, date], settings: LateFeedSettings) -> dict[str, date]:
    """Return the latest deliveries of the required feeds only."""
    return {feed: day for feed, day in latest.items() if feed in settings.required_feeds}


def older_than_allowed(latest: Mapping[str, date], than: date, after_days: int) -> dict[str, date]:
    """Return the deliveries that are more than a number of days before a day, in order of the feeds' names."""
    return {feed: day for feed, day in sorted(latest.items()) if day < than - timedelta(days=after_days)}

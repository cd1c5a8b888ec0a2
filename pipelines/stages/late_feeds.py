"""Feeds whose latest delivery is too old for what the others say: which they are, and whether a run waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from pipelines.errors import RefusalError
from pipelines.run.deployment import Deployment
from pipelines.stages import run_plan


def late(deployment: Deployment, today: date | None = None) -> dict[str, date]:
    """Return the feeds whose latest delivery, landed or taken in before, is older than the settings allow."""
    cuts, after_days = run_plan.feed_cuts(deployment, today), deployment.settings.schedule.late_after_days
    if not cuts:
        return {}
    late_required = older_than_allowed(_required(deployment, cuts), max(cuts.values()), after_days)
    return {**older_than_allowed(cuts, run_plan.data_cut_until(deployment, today), after_days), **late_required}


def refuse_late(deployment: Deployment, today: date | None = None) -> None:
    """Refuse a run that the settings have wait for a required feed that is late; any other lowers its own coverage only."""
    feeds = _required(deployment, late(deployment, today))
    if feeds and deployment.settings.schedule.late_feed == "wait":
        raise RefusalError(
            f"{late_feeds_as_text(feeds)}; the data cut is {run_plan.data_cut_until(deployment, today)}: nothing was run, for schedule.late_feed is 'wait'. "
            "Deliver the feed, leave it out of the configuration, or set schedule.late_feed to 'score'"
        )


def _required(deployment: Deployment, cuts: Mapping[str, date]) -> dict[str, date]:
    return {feed: day for feed, day in cuts.items() if feed in deployment.settings.schedule.required_feeds}


def older_than_allowed(latest: Mapping[str, date], data_cut: date, after_days: int) -> dict[str, date]:
    """Return the feeds that are late with the day of their latest delivery, in order of their names."""
    return {feed: day for feed, day in sorted(latest.items()) if day < data_cut - timedelta(days=after_days)}


def late_feeds_as_text(feeds: Mapping[str, date]) -> str:
    """Return as text which feeds are late, an empty text if none is."""
    return "; ".join(f"late feed {feed}: latest delivery {day}" for feed, day in feeds.items())

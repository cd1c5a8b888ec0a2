"""Feeds whose latest delivery is too old compared with the data cut: which they are, and whether a run waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from pipelines.errors import RefusalError
from pipelines.extracts.ingest import read_extracts
from pipelines.run.deployment import Deployment
from pipelines.sources.nhs import find_extracts
from pipelines.stages import run_plan


def late(deployment: Deployment, today: date | None = None) -> dict[str, date]:
    """Return the feeds whose latest delivery, landed or taken in before, is older than the settings allow."""
    opened, last = run_plan.source(deployment), run_plan.last_day(deployment, today)
    latest: dict[str, date] = {}
    for table in opened.tables:
        landed = [file.extract_date for file in find_extracts(table.feed, opened.reading.feeds[table.feed], opened.landing)]
        known = [row.extract_date for row in read_extracts(deployment.lake, table.feed)]
        days = [day for day in (*landed, *known) if day <= last]
        if days:
            latest[table.feed] = max(days)
    return older_than_allowed(latest, run_plan.data_cut_until(deployment, today), deployment.settings.schedule.late_after_days)


def refuse_late(deployment: Deployment, today: date | None = None) -> None:
    """Refuse a run that the settings have wait for a late feed."""
    feeds = late(deployment, today)
    if feeds and deployment.settings.schedule.late_feed == "wait":
        raise RefusalError(
            f"{late_feeds_as_text(feeds)}; the data cut is {run_plan.data_cut_until(deployment, today)}: nothing was run, because schedule.late_feed is 'wait'. "
            "Deliver the feed, remove it from the configuration, or set schedule.late_feed to 'score'"
        )


def older_than_allowed(latest: Mapping[str, date], data_cut: date, after_days: int) -> dict[str, date]:
    """Return the feeds that are late with the day of their latest delivery, in order of their names."""
    return {feed: day for feed, day in sorted(latest.items()) if day < data_cut - timedelta(days=after_days)}


def late_feeds_as_text(feeds: Mapping[str, date]) -> str:
    """Return as text which feeds are late, an empty text if none is."""
    return "; ".join(f"late feed {feed}: latest delivery {day}" for feed, day in feeds.items())

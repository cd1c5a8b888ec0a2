"""What a run is about: its source, its dates and the version of its settings.

Which stages run again when a setting changes follows from the declarations of the stages. `stages_page.py` lists it, as docs/stages.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path

from expectations.table import Table
from features.code_lists import load_code_lists
from pipelines.conform.by_source import conform_of
from pipelines.errors import RefusalError, SettingsError
from pipelines.extracts.extract_records import Extract, read_extracts
from pipelines.extracts.held_files import held_files, repeated_files
from pipelines.lake.run_record import published_runs
from pipelines.run.data_cut import earliest_cut
from pipelines.run.deployment import Deployment
from pipelines.run.late_feeds import days_behind, find_late_feeds, refuse_late_feeds
from pipelines.sources.extract_files import ExtractFile, find_extracts
from pipelines.sources.protocol import OpenedSource
from pipelines.stages.delivery_dates import (
    accepted_late,
    far_ahead,
    refuse_far_ahead,
    refuse_future_cut,
    refuse_future_deliveries,
    today_in_london,
)
from pipelines.stages.settings_view import settings_digest
from pipelines.study.date_rules import DELIVERIES, contradictory_dates
from pipelines.study.index_dates import months_before, planned_index_dates
from pipelines.study.settings import StudySettings
from pipelines.upkeep.retention import oldest_delivery


@cache
def source(deployment: Deployment) -> OpenedSource:
    """Open a deployment's source once."""
    split_column = deployment.settings.study.validation.split_column
    return deployment.settings.source.chosen.open(deployment.folder, deployment.home, split_column)


def raw_tables(deployment: Deployment) -> tuple[Table, ...]:
    """Return the raw tables of the configured feeds, in the order they are taken in."""
    return source(deployment).tables


def has_list(deployment: Deployment) -> bool:
    """Return whether there are people to score."""
    return source(deployment).has_list


def landed_extracts(deployment: Deployment) -> list[ExtractFile]:
    """List the files of every feed that have landed."""
    opened = source(deployment)
    return [
        extract
        for table in opened.tables
        for extract in find_extracts(table.feed, opened.reading.feeds[table.feed], opened.landing)
    ]


def refuse_future_dates(deployment: Deployment, today: date | None = None) -> None:
    """Refuse a landed delivery, or a data cut of the settings, dated after today; sources whose dates are not real are exempt."""
    correct_date, day = source(deployment).correct_date, today or today_in_london()
    if correct_date is None:
        return
    refuse_future_cut(deployment.settings.data_cut_date, day)
    refuse_future_deliveries(landed_extracts(deployment), day, correct_date)


def refuse_deliveries_far_ahead(deployment: Deployment, today: date | None = None) -> None:
    """Refuse a delivery that is far ahead of the other feeds of the source."""
    schedule, files = deployment.settings.schedule, latest_files(deployment, today)
    cuts = {feed: day for feed, (day, _) in files.items()}
    ahead = far_ahead(cuts, schedule.required_feeds, schedule.far_ahead_days)
    refuse_far_ahead({feed: path for feed, (_, path) in files.items()}, ahead, cuts, schedule.far_ahead_days)


def refuse_earlier_date(deployment: Deployment, today: date | None = None) -> None:
    """Refuse a scoring date before the one that is published, unless the settings ask for it: readers would see older scores."""
    day, is_set = today or today_in_london(), deployment.settings.data_cut_date is not None
    for study in deployment.studies:
        dates, outcome = study.settings.study.index_dates, study.settings.study.outcome.name
        runs = published_runs(deployment.lake, outcome)
        published = [run for run in runs[-1:] if run["index_date"] <= day or source(deployment).correct_date is None]
        if is_set or dates.score is not None or not published or not study.settings.study.validation.by_date:
            continue
        score, run = planned_dates(study.settings.study, data_cut(deployment, today))["score"][0], published[0]
        if score < run["index_date"]:
            raise RefusalError(
                f"the scoring date would be {score}, before {run['index_date']} of the published run {run['run_id']} of '{outcome}': nothing was "
                "run. Deliver the required feeds (schedule.required_feeds) again. To score this date all the same, set "
                "study.index_dates.score; if the published run is wrong, withdraw it (strata decide CONFIG withdrawal)"
            )


def has_core_tables(deployment: Deployment) -> bool:
    """Return whether the source's rows become core tables; those of a ready-made feature table do not."""
    return source(deployment).source.is_conformed


def data_cut(deployment: Deployment, today: date | None = None) -> date:
    """Return the day the data reach to: the setting, else the earliest cut of the required feeds. A date after today is refused."""
    refuse_future_dates(deployment, today)
    return data_cut_until(deployment, today)


def data_cut_until(deployment: Deployment, today: date | None = None) -> date:
    """Return the data cut without what is dated after today: the watch goes on where a run is refused."""
    settings, last = deployment.settings, last_day(deployment, today)
    if settings.data_cut_date:
        return min(settings.data_cut_date, last)
    if settings.source.chosen.data_cut:
        return settings.source.chosen.data_cut
    cuts = feed_cuts(deployment, today)
    if not cuts:
        raise RefusalError(
            f"there is no extract of any feed below {source(deployment).landing}; put the files there, or set source.nhs.landing and the feeds' files"
        )
    return earliest_cut(cuts, settings.schedule)


def late_feeds_of(deployment: Deployment, today: date | None = None) -> dict[str, date]:
    """Return the feeds whose latest delivery, landed or taken in before, is older than the settings allow."""
    cuts = feed_cuts(deployment, today)
    return find_late_feeds(cuts, data_cut_until(deployment, today), deployment.settings.schedule) if cuts else {}


def days_behind_of(deployment: Deployment, today: date | None = None) -> dict[str, int]:
    """Return by how many days each late feed is behind."""
    late = late_feeds_of(deployment, today)
    if not late:
        return {}
    newest = max(feed_cuts(deployment, today).values())
    return days_behind(late, data_cut_until(deployment, today), newest, deployment.settings.schedule)


def refuse_late(deployment: Deployment, today: date | None = None) -> None:
    """Refuse a run that waits, by its settings, for a required feed that is late."""
    if late := late_feeds_of(deployment, today):
        refuse_late_feeds(late, data_cut_until(deployment, today), deployment.settings.schedule)


def refuse_contradictory_dates(deployment: Deployment, today: date | None = None) -> None:
    """Refuse index dates that contradict each other once the data cut is known: those that are not set follow from it."""
    if not has_list(deployment):  # no one is scored
        return
    settings, cut = deployment.settings, data_cut(deployment, today)
    messages = [message for study in settings.study.each for message in contradictory_dates(study, cut, DELIVERIES)]
    if messages:
        lines = [f"  {message}" for message in dict.fromkeys(messages)]
        raise SettingsError("\n".join([f"index dates do not fit the data cut {cut}; nothing was run:", *lines]))


def feed_cuts(deployment: Deployment, today: date | None = None) -> dict[str, date]:
    """Return the day to which each feed reaches: of its latest delivery that is not after today, or the data cut of the settings."""
    last = deployment.settings.data_cut_date or date.max
    return {feed: min(day, last) for feed, (day, _) in latest_files(deployment, today).items()}


def latest_files(deployment: Deployment, today: date | None = None) -> dict[str, tuple[date, str]]:
    """Return day and path of the latest delivery of each feed, landed or taken in before, without those dated after today.

    A file that repeats an earlier delivery is no delivery, unless a decision accepts it.
    """
    opened, last = source(deployment), last_day(deployment, today)
    latest: dict[str, tuple[date, str]] = {}
    for table in opened.tables:
        landed = find_extracts(table.feed, opened.reading.feeds[table.feed], opened.landing)
        known = read_extracts(deployment.lake, table.feed)
        new = _deliveries(deployment, table, landed, known)
        every = [*((row.extract_date, row.path) for row in known), *((file.extract_date, file.path) for file in new)]
        found = [one for one in every if one[0] <= last]
        if found:
            latest[table.feed] = max(found)
    return latest


def _deliveries(
    deployment: Deployment, table: Table, landed: Sequence[ExtractFile], known: Sequence[Extract]
) -> Sequence[ExtractFile]:
    """Return the landed files without those that repeat an earlier delivery and are not accepted."""
    encoding = source(deployment).reading.feeds[table.feed].encoding
    repeated = repeated_files(table, landed, known, encoding)
    if not repeated:
        return landed
    accepted = accepted_late(deployment.lake, table.feed, lambda: held_files(table, landed, known, encoding))
    return [file for file in landed if file not in repeated or file.extract_date in accepted]


def last_day(deployment: Deployment, today: date | None) -> date:
    """Return the last day that a delivery may be dated."""
    return date.max if source(deployment).correct_date is None else today or today_in_london()


def whole_plan(deployment: Deployment) -> dict[str, tuple[date, ...]]:
    """Return the training, test and scoring dates of all studies of a deployment."""
    plans = [index_date_plan(study) for study in deployment.studies]
    return {use: tuple(sorted({day for plan in plans for day in plan[use]})) for use in plans[0]}


def index_date_plan(deployment: Deployment) -> dict[str, tuple[date, ...]]:
    """Return the training, test and scoring dates of the (first) study; a single date where rows have their own dates."""
    return planned_dates(deployment.settings.study, data_cut(deployment))


def planned_dates(study: StudySettings, cut: date) -> dict[str, tuple[date, ...]]:
    """Return the training, test and scoring dates of a study: the data cut alone where rows have dates of their own."""
    if not study.validation.by_date:
        return {"train": (), "test": (), "score": (cut,)}
    return planned_index_dates(study, cut)


def oldest_kept_delivery(deployment: Deployment, today: date | None = None) -> date | None:
    """Return the first day whose deliveries are kept, None where all are."""
    return oldest_delivery(deployment.settings.upkeep.extract_months, data_cut(deployment, today))


def refuse_backfill(deployment: Deployment) -> None:
    """Refuse to fill back index dates where rows have dates of their own: one build makes them all."""
    settings = deployment.settings
    if not settings.study.cohort.one_date_for_all or not settings.source.chosen.is_conformed:
        raise RefusalError(
            "people of this cohort have index dates of their own, and `strata run` builds them all: there is nothing to fill back"
        )


def month_starts(first: date, last: date) -> tuple[date, ...]:
    """Return the first day of each month between two dates, both months included; raise RefusalError if the first is later than the last."""
    months = (last.year - first.year) * 12 + last.month - first.month
    if months < 0:
        raise RefusalError(f"the last date, {last}, lies before the first, {first}: give the earlier one first")
    return tuple(months_before(last, back) for back in range(months, -1, -1))


def landed_files_digest(deployment: Deployment, feed: str = "") -> str:
    """Return a digest of names, sizes and times of the files that have landed, of one feed if it is named."""
    files = {extract.path: extract.file for extract in landed_extracts(deployment) if feed in ("", extract.feed)}
    if has_core_tables(deployment) and not feed:  # these are read without being taken in
        files |= {file.name: file for file in conform_of(source(deployment)).concept_ancestors()}
    states = [(path, file.stat().st_size, file.stat().st_mtime_ns) for path, file in sorted(files.items())]
    return hashlib.sha256(repr(states).encode()).hexdigest()[:16]


def settings_version(deployment: Deployment) -> str:
    """Return a digest of the settings that bear on a result: not approvals, not where files are, not what the machine provides."""
    return settings_digest(deployment.settings, code_list_versions(deployment))


def code_list_versions(deployment: Deployment) -> dict[str, str] | None:
    """Return the version of each of the team's own code lists, a digest of its content; None without any."""
    folder = code_lists(deployment)
    return {name: found.version for name, found in load_code_lists(folder).items()} if folder else None


def code_lists(deployment: Deployment) -> Path | None:
    """Return the folder of the team's own code lists. A relative one starts at the configuration's folder."""
    own = deployment.settings.study.code_lists
    return None if own is None else deployment.folder / own

"""What the dates of deliveries say: which are refused and which are held.

A delivery or data cut dated in the future, or a delivery far ahead of the other feeds, is refused, for scores would be published as of that
day. A delivery dated before ones that were taken in is held until a decision accepts it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pipelines.errors import RefusalError
from pipelines.extracts.extract_digest import extract_digest
from pipelines.extracts.file_blocks import hold
from pipelines.extracts.held_files import Held
from pipelines.lake.code_version import digest_of
from pipelines.lake.decision_record import LATE_DELIVERY, decisions_that_count
from pipelines.lake.storage import Lake
from pipelines.sources.extract_files import ExtractFile

LONDON = ZoneInfo("Europe/London")
MOST_NAMED = 10  # files named in one message


def today_in_london() -> date:
    """Return today's date in London."""
    return datetime.now(LONDON).date()


def refuse_future_deliveries(files: Sequence[ExtractFile], today: date, what_to_do: str) -> None:
    """Raise RefusalError where a file is dated after today; it names each file, the date read and what to do."""
    later = sorted({(file.path, file.extract_date) for file in files if file.extract_date > today})
    if later:
        lines = [f"  {path}: delivery date {day}" for path, day in later[:MOST_NAMED]]
        lines += [f"  and {len(later) - MOST_NAMED:,} more"] if len(later) > MOST_NAMED else []
        raise RefusalError("\n".join([f"deliveries dated after today, {today}; nothing was taken in:", *lines, what_to_do]))


def refuse_future_extracts(taken_in: Sequence[tuple[str, date]], today: date) -> None:
    """Raise RefusalError where an extract (path, delivery date) that was taken in before is dated after today."""
    later = sorted({(path, day) for path, day in taken_in if day > today})
    if later:
        path, day = later[0]
        raise RefusalError(
            f"{path}: it was taken in before with the delivery date {day}, which is after today, {today}; nothing was run. Later "
            "deliveries would count as older than it. If today's date is wrong, correct the machine's clock. Otherwise correct the "
            "delivery date and set STRATA_HOME to a new folder, into which every delivery is taken in again"
        )


def refuse_future_cut(data_cut: date | None, today: date) -> None:
    """Raise RefusalError where the settings set a data cut after today."""
    if data_cut is not None and data_cut > today:
        raise RefusalError(
            f"data_cut_date is {data_cut}, which is after today, {today}: no data can reach that day. Nothing was run. Correct it, or "
            "delete it from the settings: the latest delivery is then the data cut"
        )


def far_ahead(cuts: Mapping[str, date], required: Collection[str], days: int) -> dict[str, date]:
    """Return the feeds whose latest delivery is more than some days ahead of every feed that is not among them.

    They are the fewer feeds, or one of two. Where they are most feeds, or the one required feed of two, the others are behind.
    """
    ordered = sorted(cuts, key=lambda feed: cuts[feed], reverse=True)
    for place in range(1, len(ordered)):
        ahead, others = ordered[:place], ordered[place:]
        is_gap = cuts[ahead[-1]] - cuts[others[0]] > timedelta(days=days)
        needed = [feed for feed in required if feed in cuts]
        has_required = bool(needed) and set(needed) <= set(ahead)
        if is_gap and (place < len(others) or (place == 1 and not has_required)):
            return {feed: cuts[feed] for feed in ahead}
    return {}


def refuse_far_ahead(paths: Mapping[str, str], ahead: Mapping[str, date], cuts: Mapping[str, date], days: int) -> None:
    """Raise RefusalError where feeds are far ahead of the others; it names the file of each, by `paths`, and what to do."""
    if ahead:
        others = max(day for feed, day in cuts.items() if feed not in ahead)
        lines = [f"  {paths[feed]}: delivery date {day}, feed {feed}" for feed, day in sorted(ahead.items())]
        raise RefusalError(
            "\n".join(
                [
                    f"deliveries more than {days} days ahead of every other feed, whose latest delivery is of {others}; nothing was run:",
                    *lines,
                    "Correct the date in the file's name, or the feed's `delivered` or `delivery_date`. If the date is right, deliver the other "
                    f"feeds, or set schedule.far_ahead_days to more than {days}",
                ]
            )
        )


def held_words(feed: str, held: Sequence[Held]) -> str:
    """Return what is held and how to accept it, as text."""
    days = sorted({one.file.extract_date for one in held})
    lines = [f"* held {one.file.path}: {_why(one)}\n" for one in held[:MOST_NAMED]]
    accept = " or ".join(f"'{feed} {day}'" for day in days[:MOST_NAMED])
    return "".join(
        [*lines, f"* to take it in, record a decision: strata decide CONFIG late_delivery {accept} --role ROLE --reason WHY\n"]
    )


def _why(held: Held) -> str:
    day, same = held.file.extract_date, held.repeats
    if same is None:
        return f"delivery date {day} is before a delivery that was taken in"
    return (
        f"delivery date {day}, but its content is that of {same.path}, the delivery of {same.extract_date}. Correct the date in its name, or have "
        "the delivery sent again"
    )


def accepted_late(lake: Lake, feed: str, find_held: Callable[[], Sequence[Held]]) -> dict[date, date]:
    """Return the days of held deliveries that a decision accepts, with the day of the decision, since which they count as known.

    A decision is for the content that was there: another file of that day needs another decision. Without decisions on the feed
    nothing is read.
    """
    subjects = {one.subject: one for one in decisions_that_count(lake, LATE_DELIVERY)}
    decisions = {subject: one for subject, one in subjects.items() if subject.partition(" ")[0] == feed}
    held = [one.file for one in find_held()] if decisions else []
    accepted: dict[date, date] = {}
    for day in sorted({file.extract_date for file in held}):
        decision = decisions.get(f"{feed} {day}")
        if decision and decision.digest == digest_of_files([file for file in held if file.extract_date == day]):
            accepted[day] = decision.day
    return accepted


def digest_of_files(files: Sequence[ExtractFile]) -> str:
    """Return a digest of the content of the files that make a delivery."""
    digests = []
    for file in files:
        with hold(file.file) as held:
            digests.append(extract_digest(file.feed, held, "utf-8"))  # the bytes: a decision is for the file as it is
    return digest_of(sorted(digests))

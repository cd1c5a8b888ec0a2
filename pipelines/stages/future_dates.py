"""Dates after today: a delivery or data cut dated in the future is refused, for scores would be published as of that day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pipelines.errors import RefusalError
from pipelines.sources.nhs import ExtractFile

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

"""The files of the landing folder that are extracts of each feed, with their delivery dates."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.errors import ExtractError
from pipelines.sources.nhs import FeedSettings
from pipelines.sources.unread_files import refuse_unread

ENDINGS = (".csv", ".csv.gz", ".txt", ".txt.gz", ".parquet")
A_DATE = re.compile(r"(?<![0-9])((?:19|20)[0-9]{2})([-_]?)([0-9]{2})\2([0-9]{2})(?![0-9])")


@dataclass(frozen=True)
class ExtractFile:
    """A file of the landing folder that is an extract of a feed."""

    feed: str
    file: Path
    path: str  # below the landing folder
    extract_date: date


def find_extracts(feed: str, settings: FeedSettings, landing: Path) -> list[ExtractFile]:
    """List a feed's files, by delivery date and path; an ExtractError names a file that cannot be one.

    An entry of `files` that is the name of a file means that file, and otherwise every file that it matches as a pattern.
    """
    if settings.files:
        found = {file for entry in settings.files for file in _named(landing, entry)}
    else:
        found = {file for file in (landing / feed).glob("*") if file.name.lower().endswith(ENDINGS)}
        refuse_unread(feed, landing, ENDINGS, A_DATE)
    files = sorted(file for file in found if not file.name.startswith(".") and not file.is_dir())
    extracts = [_extract(feed, settings, landing, file) for file in files]
    return sorted(extracts, key=lambda extract: (extract.extract_date, extract.path))


def _named(landing: Path, entry: str) -> Iterable[Path]:
    file = landing / entry
    return [file] if os.path.lexists(file) else landing.glob(entry)


def _extract(feed: str, settings: FeedSettings, landing: Path, file: Path) -> ExtractFile:
    path = file.relative_to(landing).as_posix()
    try:
        target = file.resolve()
    except (OSError, RuntimeError):  # a link to itself
        raise ExtractError(f"{path}: the link leads back to itself; replace it by the file") from None
    if not target.is_relative_to(landing.resolve()):
        raise ExtractError(
            f"{path}: the file lies outside the landing folder (a link leads out of it); copy it in, or set `landing`"
        )
    if not target.is_file():
        raise ExtractError(f"{path}: not a file that can be read (a broken link, a pipe or a device); replace it by the file")
    if not path.lower().endswith(ENDINGS):
        raise ExtractError(f"{path}: extracts end in {', '.join(ENDINGS)}; narrow `files` of the feed {feed}, or rename the file")
    return ExtractFile(feed, file, path, _delivery_date(feed, settings, path))


def _day_first(name: str) -> str:
    """Return what looks like a day with the year last in a file's name; '' without one."""
    for match in re.finditer(r"(?<!\d)(\d{2})[-_.]?(\d{2})[-_.]?((?:19|20)\d{2})(?!\d)", name):
        day, month = int(match[1]), int(match[2])
        if min(day, month) >= 1 and min(day, month) <= 12 and max(day, month) <= 31:
            return match[0]
    return ""


def _delivery_date(feed: str, settings: FeedSettings, path: str) -> date:
    pattern = re.compile(settings.delivered) if settings.delivered else A_DATE
    if matches := [*pattern.finditer(path)]:
        name = path.rpartition("/")[2]
        if not settings.delivered and not A_DATE.search(name) and (found := _day_first(name)):  # the date is that of a folder
            raise ExtractError(
                f"{path}: the day {found} in the name of this extract of {feed} is written with the day first; write YYYY-MM-DD, "
                "or set `delivered` of the feed"
            )
        match = matches[-1]
        year, month, day = match.group("year", "month", "day") if settings.delivered else match.group(1, 3, 4)
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            raise ExtractError(
                f"{path}: no delivery date in the path of this extract of {feed}: {match.group(0)} is no day; rename the file, "
                "or set `delivered` of the feed"
            ) from None
    if settings.delivery_date:
        return settings.delivery_date
    raise ExtractError(
        f"{path}: no delivery date in the path of this extract of {feed}; put YYYY-MM-DD into the file's name, "
        f"or set `delivered` or `delivery_date` of the feed"
    )

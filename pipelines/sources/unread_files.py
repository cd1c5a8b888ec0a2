"""Files that look like a feed's extract and would not be read: of another ending, beside the feed's folder, or in one of other letter case.

Notes and checksums of a transfer may lie in the landing folder. A file that holds data and is named like a delivery may not: to skip it
would lose the delivery without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import ExtractError

# Endings of data that Strata does not read. A file in transfer (.part, .tmp) or a checksum (.md5) is no extract yet, or none at all.
DATA_ENDINGS = (
    ".7z", ".bz2", ".csv.bz2", ".dat", ".gpg", ".gz", ".json", ".jsonl", ".ndjson", ".ods", ".pgp", ".psv", ".rar", ".sav", ".tab", ".tar",
    ".tgz", ".tsv", ".xls", ".xlsb", ".xlsm", ".xlsx", ".xml", ".xz", ".zip", ".zst",
)  # fmt: skip


def refuse_unread(feed: str, landing: Path, endings: tuple[str, ...], day: re.Pattern[str]) -> None:
    """Raise ExtractError for the first file that looks like an extract of a feed and would not be read."""
    for file, why in sorted(_unread(feed, landing, endings, day)):
        raise ExtractError(
            f"{file.relative_to(landing).as_posix()}: this looks like an extract of {feed} and would not be read. {why}"
        )


def _unread(feed: str, landing: Path, endings: tuple[str, ...], day: re.Pattern[str]) -> Iterator[tuple[Path, str]]:
    for entry in landing.iterdir() if landing.is_dir() else ():
        if _is_other_folder(entry, landing / feed) and _holds_extracts(entry, endings):
            yield entry, f"Folders are read by their exact name: rename it to {feed}"
        elif _is_named_like(entry, feed, endings, day):
            yield entry, f"Move it into the folder {feed}, or set `files` of the feed"
    for file in (landing / feed).glob("*"):
        name = file.name.lower()
        is_data = name.endswith(DATA_ENDINGS) and not name.endswith(endings)
        if is_data and not name.startswith(".") and (day.search(name) or name.startswith(feed)) and file.is_file():
            yield file, f"Extracts end in {', '.join(endings)}: have it sent so, or unpack it"


def _is_other_folder(entry: Path, folder: Path) -> bool:
    """Return whether an entry is a folder of a feed's name in other letter case, where letter case matters."""
    is_same = folder.exists() and entry.samefile(folder) if entry.is_dir() else True
    return entry.name.casefold() == folder.name.casefold() and not is_same


def _holds_extracts(folder: Path, endings: tuple[str, ...]) -> bool:
    return any(file.name.lower().endswith(endings) for file in folder.iterdir())


def _is_named_like(file: Path, feed: str, endings: tuple[str, ...], day: re.Pattern[str]) -> bool:
    """Return whether a file's name is that of a feed, followed by a day, with or without a character between them."""
    name = file.name.lower()
    is_of_feed = name.startswith(feed) and any(day.match(name, len(feed) + after) for after in (0, 1))
    return is_of_feed and name.endswith((*endings, *DATA_ENDINGS)) and file.is_file()

"""The format of a home: the version number of the layout of its tables, tracker and records.

A home of an earlier format is upgraded before anything else is done with it. A home of a later format was written by a newer Strata.
"""

from __future__ import annotations

from pathlib import Path

from pipelines.errors import RefusalError

CURRENT_FORMAT = 2
FORMAT_FILE = "format"
FIRST_FORMAT = 1  # homes without a format file are older than the number
OWNER_FILE = "deployment"


def format_of(home: Path) -> int | None:
    """Return the format of a home, or None for a folder that no run has written to."""
    recorded = home / FORMAT_FILE
    if not recorded.is_file():
        return FIRST_FORMAT if (home / OWNER_FILE).is_file() else None
    text = recorded.read_text(encoding="utf-8").strip()
    if not text.isdecimal():
        raise RefusalError(
            f"{recorded} contains {text[:20]!r}, which is no format number; restore the file from a backup of the home"
        )
    return int(text)


def check_owner(home: Path, deployment: str) -> None:
    """Raise RefusalError for a home that another deployment writes to."""
    owner_file = home / OWNER_FILE
    owner = owner_file.read_text(encoding="utf-8").strip() if owner_file.is_file() else deployment
    if owner != deployment:
        raise RefusalError(
            f"{home} belongs to the deployment '{owner}', this is '{deployment}': their tables would mix. "
            "Set STRATA_HOME to a separate folder"
        )


def check_format(home: Path) -> None:
    """Raise RefusalError for a home that this version of Strata must not read or write in its format."""
    home_format = format_of(home)
    if home_format is None or home_format == CURRENT_FORMAT:
        return
    if home_format > CURRENT_FORMAT:
        raise RefusalError(
            f"{home} has format {home_format} and this version of Strata knows formats up to {CURRENT_FORMAT}: a newer version wrote it. "
            "Install that version, or set STRATA_HOME to another folder"
        )
    raise RefusalError(
        f"{home} has format {home_format} and this version of Strata needs format {CURRENT_FORMAT}. "
        "Make a copy of the folder, then run `strata upgrade CONFIG`; published runs do not change"
    )

"""The log of a Delta table: whether there is a table, in which state it is, and the table as last opened."""

from __future__ import annotations

import os
from pathlib import Path

from deltalake import DeltaTable

LogState = tuple[str, int, int]

_OPENED: dict[Path, tuple[LogState, DeltaTable]] = {}  # reading the log is most of the cost of a small read


def last_commit(folder: Path) -> str:
    """Return the name of the last commit of a table, '' if the folder holds none."""
    try:
        with os.scandir(folder / "_delta_log") as entries:
            return max((entry.name for entry in entries if entry.name.endswith(".json")), default="")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def log_state(folder: Path) -> LogState:
    """Return the name, inode and time of the last commit of a table, which identify the state of its log."""
    last = last_commit(folder)
    status = (folder / "_delta_log" / last).stat()
    return last, status.st_ino, status.st_mtime_ns


def open_latest(folder: Path) -> DeltaTable:
    """Open the latest version of a table; its log is read again only if it has changed."""
    state, (state_before, table) = log_state(folder), _OPENED.get(folder, (None, None))
    if table is None or state_before != state:
        table = DeltaTable(str(folder))
        _OPENED[folder] = (state, table)
    return table

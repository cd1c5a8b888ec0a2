"""Disk space, checked before a run starts: refusing a run costs less than cleaning up half of one."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake

# Measured on 2.5 million people: 8.1 GB of new extracts became 1.3 GB of raw tables, and temporary files took as much again.
LAKE_BYTES_PER_NEW_BYTE = 0.35
GB = 1_000_000_000


def bytes_needed(lake: Lake, new_extract_bytes: int) -> int:
    """Estimate the bytes that a run writes: the new extracts, and a second copy of every table, because old tables stay until then."""
    live = sum(file.size for name in lake.tables() for file in lake.live_files(name))
    return live + int(new_extract_bytes * LAKE_BYTES_PER_NEW_BYTE)


def check_room(home: Path, needed: int, free_gb: float) -> None:
    """Refuse a run whose tables would not fit; a RefusalError reports the free and the needed space."""
    free = shutil.disk_usage(home).free
    if free < needed + free_gb * GB:
        raise RefusalError(
            f"{home} has {free / GB:.1f} GB free. A run may write {needed / GB:.1f} GB, and {free_gb:g} GB must stay free "
            "(upkeep.free_disk_gb), so the run did not start. Free disk space, run `strata tidy`, or set STRATA_HOME to a larger disk"
        )

"""Room on disk, looked at before a run begins: half a run costs more to mend than to refuse."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake

# A board of 2.5 million: 8.1 GB of new extracts became 1.3 GB of raw tables, and as much again was written to spill and drafts.
LAKE_BYTES_PER_NEW_BYTE = 0.35
GB = 1_000_000_000


def bytes_needed(lake: Lake, new_extract_bytes: int) -> int:
    """Estimate what a run writes: the new extracts, and every table once more, for the old ones stay until the new are whole."""
    live = sum(file.size for name in lake.tables() for file in lake.live_files(name))
    return live + int(new_extract_bytes * LAKE_BYTES_PER_NEW_BYTE)


def check_room(home: Path, needed: int, free_gb: float) -> None:
    """Refuse a run whose tables would not fit; a RefusalError says how much is free and how much is needed."""
    free = shutil.disk_usage(home).free
    if free < needed + free_gb * GB:
        raise RefusalError(
            f"{home} has {free / GB:.1f} GB free; a run may write {needed / GB:.1f} GB and {free_gb:g} GB must stay free "
            "(upkeep.free_disk_gb): nothing was begun. Make room, run `strata tidy`, or set STRATA_HOME to a larger disk"
        )

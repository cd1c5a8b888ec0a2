"""The Parquet files of a table: the description of each, and the action that commits it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deltalake.transaction import AddAction


@dataclass(frozen=True)
class DataFile:
    """A Parquet file in a table's folder that is not yet committed."""

    path: str  # relative to the table's folder, where names are URL-quoted
    size: int
    rows: int
    partition: Mapping[str, str]


def add_action(file: DataFile) -> AddAction:
    """Return the action that commits a file to its table."""
    return AddAction(
        file.path, file.size, dict(file.partition), int(time.time() * 1000), True, json.dumps({"numRecords": file.rows})
    )


def content_digest(folder: Path, file: DataFile) -> tuple[str, str]:
    """Return a file's partition and the SHA-256 of its bytes."""
    with (folder / file.path).open("rb") as opened:
        return str(sorted(file.partition.items())), hashlib.file_digest(opened, "sha256").hexdigest()

"""A file held open, and its bytes, decompressed if it is gzip, up to the size that a table of rows can have."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pipelines.errors import ExtractError

CHUNK_BYTES = 4 << 20
MOST_UNPACKED = 100  # bytes of text for a byte of gzip; real tables compress 5 to 30 times
SMALL_BYTES = 64 << 20  # this much text is allowed, however small its gzip


@dataclass(frozen=True)
class HeldFile:
    """A file held open: every reader reads the same file, whatever later has its name.

    `path` leads to it and has no character that could be read as a pattern. It is valid while the file is held. `size` is in bytes,
    as it was at first.
    """

    name: str
    descriptor: int
    first_status: os.stat_result

    @property
    def path(self) -> Path:
        return Path(f"/proc/self/fd/{self.descriptor}")

    def open(self, mode: str) -> IO[bytes]:
        return self.path.open(mode)  # type: ignore[return-value]

    def stat(self) -> os.stat_result:
        return os.fstat(self.descriptor)

    @property
    def size(self) -> int:
        return self.first_status.st_size

    @property
    def changed(self) -> bool:
        """Return whether the file was written to since it was opened."""
        first, now = self.first_status, self.stat()
        return (first.st_size, first.st_mtime_ns) != (now.st_size, now.st_mtime_ns)


@contextmanager
def hold(file: Path) -> Iterator[HeldFile]:
    """Hold a file open during the block."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield HeldFile(file.name, descriptor, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def read_blocks(file: Path | HeldFile) -> Iterator[bytes]:
    """Yield the content of a file in blocks; an ExtractError names a file that is truncated, is no gzip or is too large."""
    most = max(SMALL_BYTES, MOST_UNPACKED * file.stat().st_size) if file.name.lower().endswith(".gz") else None
    given = 0
    try:
        with file.open("rb") as stored, gzip.open(stored, "rb") if most is not None else stored as source:
            while block := source.read(CHUNK_BYTES):
                given += len(block)
                if most is not None and given > most:
                    raise ExtractError(
                        f"{file.name}: the gzip file unpacks to more than {MOST_UNPACKED} times its size, which is too much for a table "
                        "of rows; have it sent again, or unpack and check it"
                    )
                yield block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ExtractError(f"{file.name}: the gzip file is damaged or truncated ({error}); have it sent again") from None

"""The bytes of a file, decompressed if it is gzip, up to the size that a table of rows can have."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipelines.errors import ExtractError

CHUNK_BYTES = 4 << 20
MOST_UNPACKED = 100  # bytes of text for a byte of gzip; real tables compress 5 to 30 times
SMALL_BYTES = 64 << 20  # this much text is allowed, however small its gzip


def open_bytes(file: Path) -> IO[bytes]:
    """Open a file, decompressed if it is gzip."""
    return gzip.open(file, "rb") if file.name.lower().endswith(".gz") else file.open("rb")  # type: ignore[return-value]


def read_blocks(file: Path) -> Iterator[bytes]:
    """Yield the content of a file in blocks; an ExtractError names a file that is truncated, is no gzip or is too large."""
    most = max(SMALL_BYTES, MOST_UNPACKED * file.stat().st_size) if file.name.lower().endswith(".gz") else None
    given = 0
    try:
        with open_bytes(file) as source:
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

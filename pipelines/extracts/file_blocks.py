"""A file's bytes, unpacked where it is gzip, and never more of them than a table of rows could be."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pipelines.errors import ExtractError

CHUNK_BYTES = 4 << 20
MOST_UNPACKED = 100  # bytes of text for a byte of gzip; tables of real rows pack 5 to 30 times smaller
SMALL_BYTES = 64 << 20  # so much text does no harm, however small its gzip


def open_bytes(file: Path) -> IO[bytes]:
    """Open a file, unpacked where it is gzip."""
    return gzip.open(file, "rb") if file.name.lower().endswith(".gz") else file.open("rb")  # type: ignore[return-value]


def read_blocks(file: Path) -> Iterator[bytes]:
    """Give a file's content in blocks; an ExtractError names a file that breaks off, is no gzip or swells without measure."""
    most = max(SMALL_BYTES, MOST_UNPACKED * file.stat().st_size) if file.name.lower().endswith(".gz") else None
    given = 0
    try:
        with open_bytes(file) as source:
            while block := source.read(CHUNK_BYTES):
                given += len(block)
                if most is not None and given > most:
                    raise ExtractError(
                        f"{file.name}: the gzip file unpacks to more than {MOST_UNPACKED} times its size, as no table of rows does; "
                        "have it sent again, or unpack it and look at it"
                    )
                yield block
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ExtractError(f"{file.name}: the gzip file is damaged or cut off ({error}); have it sent again") from None

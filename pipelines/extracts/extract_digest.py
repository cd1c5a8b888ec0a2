"""The id of an extract: a digest of its feed and of its content, the same for the same rows with other line ends."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator

from pipelines.extracts.csv_text import BYTE_ORDER_MARK, ends_in_returns, read_text
from pipelines.extracts.file_blocks import HeldFile, read_blocks

DIGITS = 16


def extract_digest(feed: str, held: HeldFile, encoding: str, stored: Collection[str] = ()) -> str:
    """Return the id of a file's content, unpacked.

    Of a text, the byte order mark, the encoding, the kind of line ends and line feeds at the end do not count. Ids of earlier
    versions are digests of the bytes: one that is `stored` stays the id of its file.
    """
    if held.name.lower().endswith(".parquet"):
        return _digest(feed, read_blocks(held))
    digest = _digest(feed, _plain(held, encoding))
    if digest in stored or not stored:
        return digest
    earlier = _digest(feed, read_blocks(held))
    return earlier if earlier in stored else digest


def _digest(feed: str, blocks: Iterable[bytes]) -> str:
    digest = hashlib.sha256(feed.encode() + b"\0")
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()[:DIGITS]


def _plain(held: HeldFile, encoding: str) -> Iterator[bytes]:
    """Yield a text as UTF-8 without a byte order mark, each line with a line feed and none after the last."""
    returns, carried, first = ends_in_returns(held, encoding), b"", True
    for block in read_text(held, encoding):
        block = carried + block if carried else block
        if first:
            block, first = block.removeprefix(BYTE_ORDER_MARK), False
        if returns:
            block = block.replace(b"\r", b"\n")
        elif b"\r\n" in block:
            block = block.replace(b"\r\n", b"\n")
        kept = block.rstrip(b"\r\n")
        carried = block[len(kept) :]
        yield kept
    yield b"\n"

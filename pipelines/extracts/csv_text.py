"""The text of a CSV file as UTF-8: in blocks, and in chunks of complete lines."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from pipelines.errors import ExtractError
from pipelines.extracts.file_blocks import HeldFile, read_blocks

LONGEST_LINE_BYTES = 64 << 20
BYTE_ORDER_MARK = codecs.BOM_UTF8
FIRST_BYTES = 64 << 10  # show how lines end


def ends_in_returns(file: Path | HeldFile, encoding: str) -> bool:
    """Return whether the lines of a file end in carriage returns alone, as on old Macintosh computers."""
    first = b""
    for block in read_text(file, encoding):
        first += block
        if b"\n" in first or b"\r" in first[:-1] or len(first) >= FIRST_BYTES:
            break
    return b"\r" in first[:-1] and b"\n" not in first


def read_lines(file: Path | HeldFile, encoding: str, returns: bool = False) -> Iterator[bytes]:
    """Yield the text of a file as UTF-8, in chunks of complete lines that end in a line feed, without a byte order mark.

    With `returns`, a carriage return ends a line.
    """
    carried, first, ending = b"", True, b"\n"
    for block in read_text(file, encoding):
        data = carried + (block.replace(b"\r", b"\n") if returns else block)
        if first and len(data) >= len(BYTE_ORDER_MARK):
            data, first = data.removeprefix(BYTE_ORDER_MARK), False
        end = data.rfind(b"\n") + 1
        if end:
            ending = b"\r\n" if data[:end].endswith(b"\r\n") else b"\n"
            yield data[:end]
        carried = data[end:]
        if len(carried) > LONGEST_LINE_BYTES:
            raise ExtractError(
                f"{file.name}: {len(carried) >> 20} MB without a line end; this is not a CSV file. Have it sent again"
            )
    if carried:
        yield carried + ending


def plain_formulas(lines: bytes, delimiter: str, quote: str) -> bytes:
    """Return lines in which a field that a spreadsheet wrote as a formula, such as ="0123", is a quoted field."""
    opening = f"={quote}".encode()
    if not quote or opening not in lines:
        return lines
    edge = re.escape(delimiter.encode())
    return re.sub(rb"(^|" + edge + rb")" + re.escape(opening), rb"\1" + re.escape(quote.encode()), lines, flags=re.MULTILINE)


def read_text(file: Path | HeldFile, encoding: str) -> Iterator[bytes]:
    """Yield the text of a file as UTF-8, in blocks."""
    if encoding == "utf-8":
        yield from read_blocks(file)
        return
    # A byte that is not in the encoding stays unchanged and is later reported as not_utf8, row by row.
    decoder = codecs.getincrementaldecoder(encoding)("strict" if encoding == "utf-16" else "surrogateescape")
    try:
        for block in read_blocks(file):
            yield decoder.decode(block).encode("utf-8", "surrogateescape")
    except UnicodeError:
        raise ExtractError(f"{file.name}: not written in {encoding}; set the feed's `encoding`") from None

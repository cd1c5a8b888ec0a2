"""Write a feed's rows to CSV files in parts, number the rows, and change the bytes of lines that get a defect."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv

QUOTED_FEEDS = ("admissions",)  # this sender quotes all text, because its values contain commas


@dataclass(frozen=True)
class RowLocation:
    """Where rows were written: the file's name and the number of the first row."""

    file_name: str
    first_row: int


@dataclass
class FeedFile:
    """One open file of a feed, written block by block under a temporary name and renamed when it is complete."""

    path: Path
    rows: int = 0
    _stream: IO[bytes] | None = None

    @property
    def temporary(self) -> Path:
        return self.path.with_name(f".{self.path.name}.partial")

    def write(self, table: pa.Table, quoted: bool, changed_lines: Mapping[int, str]) -> RowLocation:
        """Append rows; `changed_lines` maps a row's position to its defect: an extra field or Latin-1 encoding."""
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            raw = self.temporary.open("wb")
            # A gzip header without time and name keeps the bytes the same for the same rows.
            self._stream = gzip.GzipFile("", "wb", compresslevel=4, fileobj=raw, mtime=0) if self.path.suffix == ".gz" else raw  # type: ignore[assignment]
            self._raw = raw
            self._stream.write((",".join(table.column_names) + "\n").encode())  # type: ignore[union-attr]
        self._stream.write(_lines(table, quoted, changed_lines))  # type: ignore[union-attr]
        location = RowLocation(self.path.name, self.rows + 1)
        self.rows += table.num_rows
        return location

    def close(self) -> None:
        """Close the file and rename it to its final name."""
        if self._stream is not None:
            self._stream.close()
            self._raw.close()
            self.temporary.replace(self.path)
            self._stream = None


@dataclass
class FeedFiles:
    """The files of one feed and delivery."""

    folder: Path
    feed: str
    delivery: str  # ISO date
    blocks_per_file: int
    parts: int
    gzip: bool
    rows: int = 0
    _open: dict[int, FeedFile] = field(default_factory=dict)

    def path(self, part: int) -> Path:
        """Return the path of a part; a feed with one file has no part number in its name."""
        ending = ".csv.gz" if self.gzip else ".csv"
        name = f"{self.feed}_{self.delivery}" if self.parts == 1 else f"{self.feed}_{self.delivery}_part-{part + 1:03d}"
        return self.folder / self.feed / (name + ending)

    def write(self, block: int, table: pa.Table, changed_lines: Mapping[int, str]) -> RowLocation:
        """Append a block's rows to the file of its part, and close earlier parts."""
        part = block // self.blocks_per_file
        for earlier in [number for number in self._open if number < part]:
            self._open.pop(earlier).close()
        file = self._open.setdefault(part, FeedFile(self.path(part)))
        self.rows += table.num_rows
        return file.write(table, self.feed in QUOTED_FEEDS, changed_lines)

    def close(self) -> None:
        """Close the last file."""
        for file in self._open.values():
            file.close()
        self._open.clear()


def write_small_csv(path: Path, table: pa.Table) -> None:
    """Write a complete reference file, with unquoted headers, under a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    header = ",".join(f'"{name}"' if "," in name else name for name in table.column_names) + "\n"
    temporary.write_bytes(header.encode() + _lines(table, True, {}))
    temporary.replace(path)


def _lines(table: pa.Table, quoted: bool, changed_lines: Mapping[int, str]) -> bytes:
    sink = io.BytesIO()
    style = "needed" if quoted else "none"
    pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(include_header=False, quoting_style=style))
    return _change_lines(sink.getvalue(), changed_lines) if changed_lines else sink.getvalue()


def _change_lines(lines: bytes, changed_lines: Mapping[int, str]) -> bytes:
    """Change lines of CSV text: `too_many_fields` adds a field, `not_utf8` writes the line in Latin-1."""
    ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == 10)
    pieces, copied = [], 0
    for row in sorted(changed_lines):
        start, end = (int(ends[row - 1]) + 1 if row else 0), int(ends[row])
        line = lines[start:end]
        line = line + b",0" if changed_lines[row] == "too_many_fields" else line.decode().encode("latin-1")
        pieces += [lines[copied:start], line]
        copied = end
    return b"".join([*pieces, lines[copied:]])

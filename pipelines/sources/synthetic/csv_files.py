"""Write a feed's rows to CSV files: parts of so many blocks, row numbers, and lines changed byte by byte where a defect asks for it."""

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

QUOTED_FEEDS = ("admissions",)  # this sender quotes all text; its values hold commas
NOT_UTF8_MARK = "µ"  # stands in a value that is to be written in Latin-1


@dataclass(frozen=True)
class Placed:
    """Where rows came to stand: the file's name and the number of the first of them."""

    file_name: str
    first_row: int


@dataclass
class FeedFile:
    """One open file of a feed, written block by block under a temporary name and given its own when it is complete."""

    path: Path
    rows: int = 0
    _stream: IO[bytes] | None = None

    @property
    def temporary(self) -> Path:
        return self.path.with_name(f".{self.path.name}.partial")

    def write(self, table: pa.Table, quoted: bool, changed_lines: Mapping[int, str]) -> Placed:
        """Add rows; `changed_lines` names by position the lines that get a field too many or lose their encoding."""
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            raw = self.temporary.open("wb")
            # no time and no name in the header, so that the same rows give the same bytes
            self._stream = gzip.GzipFile("", "wb", compresslevel=4, fileobj=raw, mtime=0) if self.path.suffix == ".gz" else raw  # type: ignore[assignment]
            self._raw = raw
            self._stream.write((",".join(table.column_names) + "\n").encode())  # type: ignore[union-attr]
        self._stream.write(_lines(table, quoted, changed_lines))  # type: ignore[union-attr]
        placed = Placed(self.path.name, self.rows + 1)
        self.rows += table.num_rows
        return placed

    def close(self) -> None:
        """Finish the file and give it its name."""
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
        """Name the file of a part; a feed in one file has no part in its name."""
        ending = ".csv.gz" if self.gzip else ".csv"
        name = f"{self.feed}_{self.delivery}" if self.parts == 1 else f"{self.feed}_{self.delivery}_part-{part + 1:03d}"
        return self.folder / self.feed / (name + ending)

    def write(self, block: int, table: pa.Table, changed_lines: Mapping[int, str]) -> Placed:
        """Add a block's rows to the file of its part, closing the part before."""
        part = block // self.blocks_per_file
        for earlier in [number for number in self._open if number < part]:
            self._open.pop(earlier).close()
        file = self._open.setdefault(part, FeedFile(self.path(part)))
        self.rows += table.num_rows
        return file.write(table, self.feed in QUOTED_FEEDS, changed_lines)

    def close(self) -> None:
        """Finish the last file."""
        for file in self._open.values():
            file.close()
        self._open.clear()


def write_small_csv(path: Path, table: pa.Table) -> None:
    """Write a whole reference file, headers unquoted, under a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    header = ",".join(f'"{name}"' if "," in name else name for name in table.column_names) + "\n"
    temporary.write_bytes(header.encode() + _lines(table, True, {}))
    temporary.replace(path)


def _lines(table: pa.Table, quoted: bool, changed_lines: Mapping[int, str]) -> bytes:
    sink = io.BytesIO()
    style = "needed" if quoted else "none"
    pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(include_header=False, quoting_style=style))
    return _with_changes(sink.getvalue(), changed_lines) if changed_lines else sink.getvalue()


def _with_changes(lines: bytes, changed_lines: Mapping[int, str]) -> bytes:
    """Change whole lines of CSV text: `too_many_fields` adds a field, `not_utf8` writes the line in Latin-1."""
    ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == 10)
    pieces, done = [], 0
    for row in sorted(changed_lines):
        start, end = (int(ends[row - 1]) + 1 if row else 0), int(ends[row])
        line = lines[start:end]
        line = line + b",0" if changed_lines[row] == "too_many_fields" else line.decode().encode("latin-1")
        pieces += [lines[done:start], line]
        done = end
    return b"".join([*pieces, lines[done:]])

"""Search everything below a folder for identifiers: the bytes of all files, and the values of Parquet files."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from canary.identifiers import LETTER, SECRETS, STRAY, SURNAME

# Searched in lower case, with and without spaces between parts.
WORDS = sorted(
    {form.encode() for word in (SURNAME, STRAY, LETTER, *SECRETS) for form in (word.lower(), word.lower().replace(" ", ""))}
)
POSTCODE = re.compile(rb"qz97 ?[0-9][a-z]{2}")
NUMBER = re.compile(rb"999[ -]?[0-9]{3}[ -]?[0-9]{4}(?![0-9])")
DIGITS_BEFORE = [bytes([digit]) for digit in b"0123456789."]  # before a match: it is then part of another number


@dataclass
class Search:
    """The searched places, and the identifiers found: (place, identifier) pairs."""

    numbers: frozenset[bytes]
    places: Counter[str] = field(default_factory=Counter)
    found: list[tuple[str, str]] = field(default_factory=list)

    def text(self, place: str, content: bytes) -> None:
        """Search bytes."""
        low = content.lower()
        hits = {word for word in WORDS if word in low} | set(POSTCODE.findall(low))
        shaped = (
            match.group() for match in NUMBER.finditer(low) if low[max(0, match.start() - 1) : match.start()] not in DIGITS_BEFORE
        )
        hits |= {number for number in shaped if re.sub(rb"[ -]", b"", number) in self.numbers}
        self.found += [(place, hit.decode()) for hit in sorted(hits)]

    def folder(self, folder: Path, left_out: Iterable[Path] = ()) -> None:
        """Search every file below a folder, and its name."""
        excluded = tuple(left_out)
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or any(path.is_relative_to(other) for other in excluded):
                continue
            place = str(path.relative_to(folder))
            self.places["parquet" if path.suffix == ".parquet" else "files"] += 1
            self.text(place, place.encode())
            self.text(place, path.read_bytes())
            for content in _uncompressed(path):
                self.text(place, content)


def _uncompressed(path: Path) -> Iterator[bytes]:
    if path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())
    if path.suffix == ".parquet":
        yield "\n".join(_values(path)).encode()


def _values(path: Path) -> Iterator[str]:
    """Yield every distinct value of every column as text."""
    table = pq.read_table(path, partitioning=None)
    for column in table.columns:
        distinct = column if pa.types.is_nested(column.type) else column.unique()
        yield from map(str, distinct.to_pylist())

"""Looks for identifiers in everything below a folder: bytes as they lie, and Parquet files as they are read."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from canary.identifiers import LETTER, SECRETS, STRAY, SURNAME
from pipelines.sql_literals import text

# Upper and lower case, with and without the spaces between parts.
_WORDS = [re.sub(" ", " ?", word) for word in (SURNAME, STRAY, LETTER, *SECRETS)]
_POSTCODE = r"QZ97 ?[0-9][A-Z]{2}"
WORDS = re.compile("|".join([*_WORDS, _POSTCODE]).encode(), re.IGNORECASE)
NUMBER = re.compile(rb"(?<![0-9.])[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}(?![0-9])")


@dataclass
class Search:
    """What was looked at and what was found: (place, identifier) pairs."""

    numbers: frozenset[bytes]
    places: Counter[str] = field(default_factory=Counter)
    found: list[tuple[str, str]] = field(default_factory=list)

    def text(self, place: str, content: bytes) -> None:
        """Look through bytes."""
        hits = {match.group().decode() for match in WORDS.finditer(content)}
        shaped = {match.group() for match in NUMBER.finditer(content)}
        hits |= {number.decode() for number in shaped if re.sub(rb"[ -]", b"", number) in self.numbers}
        self.found += [(place, hit) for hit in sorted(hits)]

    def folder(self, folder: Path, left_out: Iterable[Path] = ()) -> None:
        """Look through every file below a folder, its name too."""
        apart = tuple(left_out)
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or any(path.is_relative_to(other) for other in apart):
                continue
            place = str(path.relative_to(folder))
            self.places["parquet" if path.suffix == ".parquet" else "files"] += 1
            self.text(place, place.encode())
            self.text(place, path.read_bytes())
            for content in _unpacked(path):
                self.text(place, content)


def _unpacked(path: Path) -> Iterator[bytes]:
    if path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())
    if path.suffix == ".parquet":
        yield "\n".join(_values(path)).encode()


def _values(path: Path) -> Iterator[str]:
    """Give every distinct value of every column as text."""
    scan = f"read_parquet({text(path)}, hive_partitioning=false)"
    with duckdb.connect() as con:
        for name, *_ in con.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall():
            told = con.execute(f'SELECT DISTINCT CAST("{name}" AS VARCHAR) FROM {scan} WHERE "{name}" IS NOT NULL').fetchall()
            yield from (value for (value,) in told)

"""Build misleading files: copies, very many rows of one person, links and names that point elsewhere, compressed bombs."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
from hostile.cases import Case, End, case
from hostile.clean_extracts import DELIVERED, CleanExtract, Line, csv_line

MEGABYTE = 1 << 20
A_FEW = 3
FLOODED = ("admissions", "emergency_attendances", "outpatient_appointments", "gp_observations", "gp_medication_orders")


def file_text(extract: CleanExtract) -> bytes:
    return b"\n".join([extract.heading, *(line.text for line in extract.lines())]) + b"\n"


def duplicate_files(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Deliver the same rows twice: under another name, compressed, on another day, or within one file."""
    kind, text, name = "duplicate files", file_text(extract), f"{extract.feed}_{DELIVERED}"
    copies: tuple[tuple[str, str, bytes], ...] = (
        ("under another name", f"copy of {name}.csv", text), ("compressed", f"{name}.csv.gz", gzip.compress(text, mtime=0)),
        ("on a later day", f"{extract.feed}_2026-02-01.csv", text), ("in capitals", f"{name}.CSV.csv", text),
    )  # fmt: skip
    if number % 5 < len(copies):
        description, second, content = copies[number % 5]

        def write_files(folder: Path) -> None:
            (folder / f"{name}.csv").write_bytes(text)
            (folder / second).write_bytes(content)

        return case(kind, description, extract, write_files=write_files)
    twice = rng.sample(range(len(extract.rows)), A_FEW)
    lines = [*extract.lines(), *(Line(extract.lines()[row].text, None) for row in twice)]
    return case(kind, f"{A_FEW} rows twice in one file", extract, lines)


def one_person(extract: CleanExtract, rng: Random, number: int, rows: int = 2_000) -> Case:
    """Build very many rows of one person, each with a different key, like a dummy pseudonym for a missing number."""
    person, lines = extract.rows[0][extract.place("person_id")], extract.lines()
    record = extract.place("spell_number" if extract.feed == "admissions" else "record_id")
    templates = [list(row) for row in extract.rows]
    for copy in range(rows):
        cells = templates[copy % len(templates)]
        cells[extract.place("person_id")], cells[record] = person, f"X{copy:012}"
        lines.append(Line(csv_line(cells), None, plausible=True))
    return case("one person with very many rows", f"{rows:,} rows", extract, lines, end=End.EITHER)


def paths(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Put links, devices and odd names in the landing folder; files outside it must never be read."""
    kind, text, name = "links and paths", file_text(extract), f"{extract.feed}_{DELIVERED}.csv"

    def outside(folder: Path) -> Path:
        place = folder.parent.parent / "outside"
        place.mkdir(exist_ok=True)
        (place / name).write_bytes(text)
        return place

    def linked_folder(folder: Path) -> None:
        folder.rmdir()
        folder.symlink_to(outside(folder))

    def inside(folder: Path) -> None:
        (folder.parent / "store").mkdir()
        (folder.parent / "store" / name).write_bytes(text)
        (folder / name).symlink_to(folder.parent / "store" / name)

    ways: list[tuple[str, End, Callable[[Path], None]]] = [
        ("a link to a file outside the landing folder", End.REFUSED, lambda folder: (folder / name).symlink_to(outside(folder) / name)),
        ("a relative link to a file outside the landing folder", End.REFUSED, lambda folder: (outside(folder), (folder / name).symlink_to(f"../../outside/{name}"))[1]),
        ("a link to a folder outside the landing folder", End.REFUSED, linked_folder),
        ("a link to nothing", End.REFUSED, lambda folder: (folder / name).symlink_to("nowhere.csv")),
        ("a link to itself", End.REFUSED, lambda folder: (folder / name).symlink_to(name)),
        ("a link to a device", End.REFUSED, lambda folder: (folder / name).symlink_to("/dev/zero")),
        ("a link to /etc/passwd", End.REFUSED, lambda folder: (folder / name).symlink_to("/etc/passwd")),
        ("a pipe", End.REFUSED, lambda folder: os.mkfifo(folder / name)),
        ("a link inside the landing folder", End.ACCEPTED, inside),
    ]  # fmt: skip
    odd = ("[1]", "*", "?", "'", '"', ";", " (2)", "é", "\n", "%41", "--", "$(id)", "{a,b}", "\\", "~", "&#x41;")
    if number % 2:
        symbol = odd[number // 2 % len(odd)]
        odd_name = f"{extract.feed}{symbol}_{DELIVERED}.csv"
        return case(kind, f"{symbol!r} in the file's name", extract, name=odd_name)
    description, end, write_files = ways[number // 2 % len(ways)]
    return case(kind, description, extract, end=end, write_files=write_files)


def bombs(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Compress a small file that expands to very much, or that contains another compressed file."""
    feed, heading = extract.feed, extract.heading + b"\n"
    row = extract.lines()[0].text + b"\n"
    size = rng.choice((80, 150, 300)) * MEGABYTE
    ways: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
        ("NULs", ".csv.gz", lambda: _packed(heading, b"\0" * MEGABYTE, size)),
        ("one endless line", ".csv.gz", lambda: _packed(heading, b"x" * MEGABYTE, size)),
        ("one row repeated", ".csv.gz", lambda: _packed(heading, row * (MEGABYTE // len(row)), size)),
        ("blank lines", ".csv.gz", lambda: _packed(heading, b"\n" * MEGABYTE, size)),
        ("a header without a line end", ".csv.gz", lambda: _packed(b"", b"a," * (MEGABYTE // 2), size)),
        ("gzip in gzip", ".csv.gz", lambda: gzip.compress(gzip.compress(file_text(extract)))),
        ("xz called gzip", ".csv.gz", lambda: lzma.compress(file_text(extract))),
        ("bzip2 called gzip", ".csv.gz", lambda: bz2.compress(file_text(extract))),
        ("a zip called CSV", ".csv", lambda: _zipped(extract)),
        ("Parquet of one value", ".parquet", lambda: _parquet(extract, 20_000_000)),
    )  # fmt: skip
    description, ending, make = ways[number % len(ways)]
    name = f"{feed}_{DELIVERED}{ending}"
    return case("compressed bombs", description, extract, [], end=End.REFUSED, name=name, encode=lambda _: make())


def _packed(first: bytes, again: bytes, size: int) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as target:
        target.write(first)
        for _ in range(size // len(again)):
            target.write(again)
    return packed.getvalue()


def _zipped(extract: CleanExtract) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("extract.csv", file_text(extract))
    return packed.getvalue()


def _parquet(extract: CleanExtract, rows: int) -> bytes:
    """Return a Parquet file that repeats one value, with a few bytes for each row group."""
    packed = io.BytesIO()
    value = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), 1_000_000), pa.array(["x" * 1_000]))
    table = pa.table({extract.header[0]: value})
    with pq.ParquetWriter(packed, table.schema, compression="zstd") as target:
        for _ in range(rows // 1_000_000):
            target.write_table(table)
    return packed.getvalue()

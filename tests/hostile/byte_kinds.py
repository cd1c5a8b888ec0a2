"""Build files with wrong bytes: truncated, in another encoding, with NULs, with two headers, without rows."""

from __future__ import annotations

import gzip
from dataclasses import replace
from random import Random

from hostile.cases import Case, End, case, damage
from hostile.clean_extracts import CleanExtract, Line, csv_line

from expectations.table import Kind

A_FEW = 3
ACCENTED = ("Zoë", "naïve", "£12", "Ærø", "‘quoted’", "ﬁ", "東京", "🙂")


def truncated(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Truncate a file at a random byte, as text or compressed; a compressed file must be refused."""
    content = b"\n".join([extract.heading, *(line.text for line in extract.lines())]) + b"\n"
    if number % 4 == 3:
        compressed = gzip.compress(content, mtime=0)
        cut = rng.randrange(3, len(compressed) - 1)
        name = f"{extract.feed}_2026-01-01.csv.gz"
        return case("truncated", f"gzip at byte {cut}", extract, end=End.REFUSED, encode=lambda _: compressed[:cut], name=name)
    if number % 8 == 6:
        cut = rng.randrange(len(extract.heading))
        return case("truncated", f"in the header at byte {cut}", extract, [], end=End.REFUSED, encode=lambda _: content[:cut])
    row = rng.randrange(len(extract.rows) // 2, len(extract.rows))
    text = extract.lines()[row].text
    cut = rng.randrange(1, len(text))
    lines = [*extract.lines()[:row], _cut_line(extract, row, text[:cut])]
    return case("truncated", f"in line {row + 1} at byte {cut}", extract, lines, last_line_end=b"")


def _cut_line(extract: CleanExtract, row: int, text: bytes) -> Line:
    """Return the line of a truncated row; it still counts as a row if only its last field is shorter."""
    cells = text.decode().split(",")
    if '"' in text.decode() or len(cells) < len(extract.header):
        return Line(text, None)
    return replace(damage(extract, row, {len(cells) - 1: cells[-1]}), text=text)


def wrong_encoding(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Write the file, or a few of its cells, in an encoding that was or was not agreed."""
    kind = "wrong encoding"
    encodings = (
        ("UTF-16 with a byte order mark", "utf-16", End.REFUSED, {}), ("UTF-16 without a byte order mark", "utf-16-le", End.REFUSED, {}),
        ("UTF-16 as agreed", "utf-16", End.ACCEPTED, {"encoding": "utf-16"}), ("UTF-8 with a byte order mark", "utf-8-sig", End.ACCEPTED, {}),
        ("UTF-8 where UTF-16 was agreed", "utf-8", End.REFUSED, {"encoding": "utf-16"}),
        ("UTF-32", "utf-32", End.REFUSED, {}), ("EBCDIC", "cp037", End.REFUSED, {}),
    )  # fmt: skip
    if number % 2:
        description, encoding, end, settings = encodings[number // 2 % len(encodings)]
        return case(kind, description, extract, end=end, settings=settings, encode=lambda text: text.decode().encode(encoding))
    value, lines = ACCENTED[number // 2 % len(ACCENTED)], extract.lines()
    place = rng.choice(extract.places(Kind.IDENTIFIER, Kind.CODE, Kind.DATE))
    latin = value.encode("latin-1", "replace") != value.encode("ascii", "replace") and number % 4 == 0
    for row in rng.sample(range(len(extract.rows)), A_FEW):
        damaged = damage(extract, row, {place: value})
        raw = damaged.text.decode().encode("latin-1", "replace") if latin else damaged.text
        lines[row] = Line(raw, None) if latin else damaged
    return case(kind, f"{value} as {'Latin-1' if latin else 'UTF-8'} in {extract.columns[place].name}", extract, lines)


def nul_bytes(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Put NULs in cells, at the ends of lines, in the header or after the last line."""
    kind, lines = "NUL bytes", extract.lines()
    if number % 5 == 4:
        return case(kind, "in the header", extract, end=End.REFUSED, encode=lambda text: text[:3] + b"\0" + text[3:])
    if number % 5 == 3:
        size = rng.choice((1, 512, 70_000))
        return case(kind, f"{size:,} after the last line", extract, [*lines, Line(b"\0" * size, None)], last_line_end=b"")
    for row in rng.sample(range(len(extract.rows)), A_FEW):
        text = lines[row].text
        at = (rng.randrange(len(text)), 0, len(text))[number % 5]
        lines[row] = Line(text[:at] + b"\0" * rng.randrange(1, 4) + text[at:], None)
    return case(kind, ("inside", "at the start of", "at the end of")[number % 5] + " a few lines", extract, lines)


def two_headers(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Repeat the header among the rows, put a title above it, or join it to the first row."""
    kind, lines, at = "two headers", extract.lines(), rng.randrange(len(extract.rows))
    ways = number % 6
    if ways == 0:
        return case(kind, f"the header again at line {at + 1}", extract, [*lines[:at], Line(extract.heading, None), *lines[at:]])
    if ways == 1:
        other = extract.heading.swapcase()
        return case(kind, f"the header in swapped case at line {at + 1}", extract, [*lines[:at], Line(other, None), *lines[at:]])
    if ways == 2:
        title = csv_line(["Extract of " + extract.feed, *[""] * (len(extract.header) - 1)])
        return case(kind, "a title above the header", extract, end=End.REFUSED, encode=lambda text: title + b"\n" + text)
    if ways == 3:
        return case(kind, "joined to the first row", extract, end=End.REFUSED, encode=lambda text: text.replace(b"\n", b",", 1))
    if ways == 4:
        quoted = b",".join(b'"' + name.encode() + b'"' for name in extract.header)
        return case(kind, f"the header in quotes at line {at + 1}", extract, [*lines[:at], Line(quoted, None), *lines[at:]])
    doubled = replace(
        case(kind, "each header named twice", extract, end=End.REFUSED), heading=extract.heading + b"," + extract.heading
    )
    return replace(doubled, lines=[replace(line, text=line.text + b"," + line.text) for line in lines])


def zero_rows(extract: CleanExtract, rng: Random, number: int) -> Case:
    """Build a file without rows: empty, blank, only a byte order mark, or only the header."""
    heading = extract.heading
    contents = (
        ("empty", b""), ("a line end", b"\n"), ("blank lines", b"\n\n \n"), ("a byte order mark", b"\xef\xbb\xbf"), ("the header", heading + b"\n"),
        ("the header without a line end", heading), ("the header with a Windows line end", heading + b"\r\n"), ("the header and blank lines", heading + b"\n" * 9),
        ("blanks", b" " * rng.randrange(1, 5_000)), ("delimiters", b"," * (len(extract.header) - 1) + b"\n"),
    )  # fmt: skip
    description, content = contents[number % len(contents)]
    is_compressed = number // len(contents) % 2
    name = f"{extract.feed}_2026-01-01.csv{'.gz' if is_compressed else ''}"
    file_bytes = gzip.compress(content, mtime=0) if is_compressed else content
    description += ", compressed" if is_compressed else ""
    return case("zero rows", description, extract, [], end=End.REFUSED, encode=lambda _: file_bytes, name=name)

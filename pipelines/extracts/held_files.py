"""The files that are not taken in before a recorded decision accepts them, and why.

* A file of a day before deliveries that were taken in, whether other files of its day are there or not. Several dates on the first
  load, a corrected file of the same name and a second copy of a file are normal. A further file of the latest day completes it. Practices
  deliver their objections on different days, so such a file is never late (`may_be_late`): it is placed by its date.
* A file with the content of a delivery of another day: mostly last month's file with a new name. It would move the data cut and
  restate nothing. Feeds that may stay as they are (`may_repeat`) are taken in, and a file without rows is, too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from expectations.feeds import LIST_FEED, OBJECTION_FEEDS, TYPE_1_OBJECTIONS
from expectations.table import Table
from pipelines.errors import ExtractError
from pipelines.extracts.extract_digest import extract_digest
from pipelines.extracts.file_blocks import hold
from pipelines.sources.extract_files import ExtractFile

if TYPE_CHECKING:
    from pipelines.extracts.extract_records import Extract

FEW_BYTES = 16  # a byte order mark and line ends at the end of a file
LINES_SHARE, PACKED_SHARE = 0.2, 0.01  # errors of the estimated number of lines, and of the size of a packed file
FIRST_BYTES = 64 << 10


@dataclass(frozen=True)
class Held:
    """A file that is held; `repeats` is the extract whose content it has, or None if it is late."""

    file: ExtractFile
    repeats: Extract | None = None


def may_repeat(table: Table) -> bool:
    """Return whether a feed may stay as it is from one delivery to the next: objections, and tables without dates that refer to things."""
    is_objection = table.feed in {feed.name for feed in OBJECTION_FEEDS}
    return is_objection or (not table.event_date and table.feed != LIST_FEED)


def may_be_late(table: Table) -> bool:
    """Return whether a file of a day before other deliveries is taken in: an objection is never forgotten, and each practice sends its own."""
    return table.feed == TYPE_1_OBJECTIONS.name


def ids_of_size(known: Collection[Extract], size: int) -> set[str]:
    """Return the ids of the extracts with some number of bytes."""
    return {row.extract_id for row in known if row.bytes == size}


def why_held(
    table: Table, file: ExtractFile, extract_id: str, before: Sequence[Extract], known: Sequence[Extract]
) -> Held | None:
    """Return why a file is held, or None for one that is taken in.

    `before` are the extracts that were there when the run began, `known` also those taken in since.
    """
    same = [row for row in known if row.extract_id == extract_id]
    if any(row.extract_date == file.extract_date for row in same):
        return None
    if _is_late(file, before) and not may_be_late(table):
        return Held(file)
    repeated = next((row for row in same if row.rows), None)
    return Held(file, repeated) if repeated and not may_repeat(table) else None


def _is_late(file: ExtractFile, before: Sequence[Extract]) -> bool:
    """Return whether a file is of a day before other deliveries, and is no correction of one of them."""
    latest = max((row.extract_date for row in before), default=file.extract_date)
    is_correction = any((row.path, row.extract_date) == (file.path, file.extract_date) for row in before)
    return file.extract_date < latest and not is_correction


def held_files(table: Table, landed: Sequence[ExtractFile], known: Sequence[Extract], encoding: str) -> list[Held]:
    """Return the landed files of a feed that are held; `known` are its extracts."""
    found = [why_held(table, file, _digest(table, file, known, encoding), known, known) for file in landed if known]
    return [held for held in found if held]


def repeated_files(table: Table, landed: Sequence[ExtractFile], known: Sequence[Extract], encoding: str) -> list[ExtractFile]:
    """Return the landed files, not taken in, that have the content of a delivery of an earlier day that landed or was taken in.

    Files are only read where another of a similar size could be the same.
    """
    if may_repeat(table):
        return []
    new = _not_taken_in(landed, known)
    sizes = _sizes_by_day(known, new)
    days = _first_days(known)
    repeated = []
    for file in new:
        others = [size for day, size in sizes if day != file.extract_date]
        digest = _readable_digest(table, file, known, encoding) if _may_be_same(file, others) else None
        if digest and days.setdefault(digest, file.extract_date) != file.extract_date and _has_rows(file):
            repeated.append(file)
    return repeated


def _not_taken_in(landed: Sequence[ExtractFile], known: Sequence[Extract]) -> list[ExtractFile]:
    """Return the landed files without an extract of their path and day, by day."""
    places = {(row.path, row.extract_date) for row in known}
    new = (file for file in landed if (file.path, file.extract_date) not in places)
    return sorted(new, key=lambda file: file.extract_date)


def _sizes_by_day(known: Sequence[Extract], new: Sequence[ExtractFile]) -> list[tuple[date, int]]:
    taken_in = [(row.extract_date, row.bytes) for row in known]
    return taken_in + [(file.extract_date, file.file.stat().st_size) for file in new]


def _first_days(known: Sequence[Extract]) -> dict[str, date]:
    """Return the day on which each content with rows was first taken in."""
    return {row.extract_id: row.extract_date for row in reversed(known) if row.rows}


def _readable_digest(table: Table, file: ExtractFile, known: Sequence[Extract], encoding: str) -> str | None:
    """Return the id of a file's content; None for a file that cannot be read, which ingest reports."""
    try:
        return _digest(table, file, known, encoding)
    except ExtractError:
        return None


def _may_be_same(file: ExtractFile, sizes: Sequence[int]) -> bool:
    """Return whether a file may have the content of one of some sizes: the same size, or about one byte more or less for each line."""
    if not sizes:
        return False
    size, first = file.file.stat().st_size, _first_bytes(file)
    lines = size * first.count(b"\n") / max(1, len(first))
    packed = file.path.lower().endswith(".gz")
    most = size * PACKED_SHARE if packed else FEW_BYTES
    differences = [abs(size - other) for other in sizes]
    return any(one <= most or (not packed and abs(one - lines) <= FEW_BYTES + LINES_SHARE * lines) for one in differences)


def _first_bytes(file: ExtractFile) -> bytes:
    with hold(file.file) as opened, opened.open("rb") as source:
        return source.read(FIRST_BYTES)


def _has_rows(file: ExtractFile) -> bool:
    """Return whether a file has more than a header; a packed file counts as one that has."""
    first = _first_bytes(file)
    return file.path.lower().endswith((".gz", ".parquet")) or sum(bool(line.strip()) for line in first.splitlines()) > 1


def _digest(table: Table, file: ExtractFile, known: Sequence[Extract], encoding: str) -> str:
    """Return the id of a file's content; a file that has not changed is read once in a process."""
    state = file.file.stat()
    place = (table.feed, str(file.file), state.st_size, state.st_mtime_ns, encoding)
    if place not in _DIGESTS:
        with hold(file.file) as opened:
            _DIGESTS[place] = extract_digest(table.feed, opened, encoding, ids_of_size(known, opened.size))
    return _DIGESTS[place]


_DIGESTS: dict[tuple[str, str, int, int, str], str] = {}

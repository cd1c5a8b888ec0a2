"""Define a hostile input: the files in the landing folder, how the feed is read, and how the case may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from hostile.clean_extracts import DELIVERED, CleanExtract, Line, csv_line

from pipelines.sources.nhs import FeedSettings


class End(Enum):
    """How a case may end."""

    ACCEPTED = "accepted: every good row is kept"
    REFUSED = "refused with a message: nothing is kept"
    EITHER = "either"


@dataclass(frozen=True)
class Case:
    """One hostile input of a feed.

    `lines` follow `heading` in the file, in order. `encode` converts its text to bytes. `write_files` writes other files instead.
    A refusal must name the file, or `expected_name` if that is set.
    """

    kind: str
    description: str
    extract: CleanExtract
    lines: list[Line]
    heading: bytes
    end: End = End.ACCEPTED
    encode: Callable[[bytes], bytes] = bytes
    name: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    write_files: Callable[[Path], None] | None = None
    expected_name: str = ""
    last_line_end: bytes = b"\n"

    @property
    def file_name(self) -> str:
        return self.name or f"{self.extract.feed}_{DELIVERED}.csv"

    @property
    def feed_settings(self) -> FeedSettings:
        return FeedSettings(**{"load": "snapshot", **self.settings})  # type: ignore[arg-type]

    def write(self, landing: Path) -> None:
        """Write the case's files below a landing folder."""
        folder = landing / self.extract.feed
        folder.mkdir(parents=True)
        if self.write_files is not None:
            self.write_files(folder)
            return
        text = b"\n".join([self.heading, *(line.text for line in self.lines)]) + self.last_line_end
        (folder / self.file_name).write_bytes(self.encode(text))


def case(kind: str, description: str, extract: CleanExtract, lines: list[Line] | None = None, **more: object) -> Case:
    """Return a case of a clean extract; without `lines` it contains all its rows."""
    return Case(kind, description, extract, extract.lines() if lines is None else lines, extract.heading, **more)  # type: ignore[arg-type]


def damage(extract: CleanExtract, row: int, cells: dict[int, str], **more: object) -> Line:
    """Return the line of a clean row with some cells replaced."""
    changed = [cells.get(place, cell) for place, cell in enumerate(extract.rows[row])]
    changes = {extract.columns[place].name: value for place, value in cells.items()}
    return replace(Line(csv_line(changed), row, changes), **more)  # type: ignore[arg-type]

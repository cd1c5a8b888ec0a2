"""A hostile input: what lies in the landing folder, how the feed is read, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from hostile.clean_extracts import DELIVERED, CleanExtract, Line, written

from pipelines.sources.nhs import FeedSettings


class End(Enum):
    """How a case may end."""

    TAKEN = "taken in: every good row is kept"
    REFUSED = "refused with words: nothing is kept"
    EITHER = "either"


@dataclass(frozen=True)
class Case:
    """One hostile input of a feed.

    `lines` follow `heading` in the file, in order; `encode` makes its bytes of its text. `lay` puts down other files than that
    one; `named` is what the words of a refusal must name where it is not the file.
    """

    kind: str
    words: str
    extract: CleanExtract
    lines: list[Line]
    heading: bytes
    end: End = End.TAKEN
    encode: Callable[[bytes], bytes] = bytes
    name: str = ""
    settings: dict[str, object] = field(default_factory=dict)
    lay: Callable[[Path], None] | None = None
    named: str = ""
    last_line_end: bytes = b"\n"

    @property
    def file_name(self) -> str:
        return self.name or f"{self.extract.feed}_{DELIVERED}.csv"

    @property
    def feed_settings(self) -> FeedSettings:
        return FeedSettings(**{"load": "snapshot", **self.settings})  # type: ignore[arg-type]

    def put_down(self, landing: Path) -> None:
        """Write the case's files below a landing folder."""
        folder = landing / self.extract.feed
        folder.mkdir(parents=True)
        if self.lay is not None:
            self.lay(folder)
            return
        text = b"\n".join([self.heading, *(line.text for line in self.lines)]) + self.last_line_end
        (folder / self.file_name).write_bytes(self.encode(text))


def case(kind: str, words: str, extract: CleanExtract, lines: list[Line] | None = None, **more: object) -> Case:
    """Make a case of a clean extract, whole where no lines are given."""
    return Case(kind, words, extract, extract.lines() if lines is None else lines, extract.heading, **more)  # type: ignore[arg-type]


def spoil(extract: CleanExtract, row: int, cells: dict[int, str], **more: object) -> Line:
    """Make a line of a clean row with other cells in some places."""
    changed = [cells.get(place, cell) for place, cell in enumerate(extract.rows[row])]
    touched = {extract.columns[place].name: value for place, value in cells.items()}
    return replace(Line(written(changed), row, touched), **more)  # type: ignore[arg-type]

"""The files of a small ICB as rows, how damages change them, and where each damage is in its file."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from hostile.clean_extracts import csv_line
from hostile.damages import Damage, Line, Row, Rows

from expectations.catalogue import RAW_TABLES
from pipelines.sources.synthetic.landing_files import FEEDS, write_board
from pipelines.sources.synthetic.settings import DefectSettings, SyntheticSettings

DELIVERED = "2026-01-01"
HOUSEHOLD_FEEDS = ("patients", "addresses")
COUNTED_FEEDS = (
    *HOUSEHOLD_FEEDS,
    "registrations",
)  # their rows decide who counts in a household: a housemate of a damaged person is touched
COMMENT = "COMMENT"  # a header that Strata does not use, in every file: free text
PEOPLE = 1_200
IN_HOUSEHOLDS = 150  # people whose households are shared; everyone else lives alone, so that a damage has no effect on others


@dataclass(frozen=True)
class FeedFile:
    """The rows of a feed's file, in order."""

    feed: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def person(self) -> str:
        return RAW_TABLES[self.feed].column(RAW_TABLES[self.feed].person).source_name

    def by_person(self) -> dict[str, Rows]:
        found: dict[str, Rows] = defaultdict(list)
        for row in self.rows:
            found[row[self.person]].append(row)
        return found


@dataclass
class Written:
    """The content of a file, and the numbers of the rows of each damage, by its place in the list of damages."""

    content: bytes
    numbers: dict[int, range] = field(default_factory=dict)


Assigned = Mapping[int, tuple[str, Damage]]  # number of the damage -> its person


def clean_files(folder: Path) -> dict[str, FeedFile]:
    """Write a synthetic ICB without defects, and return the rows of every feed, with the feeds of each kind of objection."""
    settings = SyntheticSettings(
        people=PEOPLE, start_date=date(2023, 1, 1), type_1_opt_out_share=0.06, national_opt_out_share=0.06,
        defects=DefectSettings(enabled=False),
    )  # fmt: skip
    write_board(settings, folder)
    files = {feed: _read(feed, folder / feed / f"{feed}_{DELIVERED}.csv") for feed in FEEDS}
    shared = {row["HOUSEHOLD_ID"] for row in files["patients"].rows[:IN_HOUSEHOLDS]}
    for row in [row for feed in HOUSEHOLD_FEEDS for row in files[feed].rows]:
        if row["HOUSEHOLD_ID"] not in shared:
            row["HOUSEHOLD_ID"] = f"H{row['PERSON_ID'][1:]}"
    return files | _objections(files)


def _read(feed: str, file: Path) -> FeedFile:
    with file.open(encoding="utf-8", newline="") as source:
        rows = [{**row, COMMENT: ""} for row in csv.DictReader(source)]
    return FeedFile(feed, tuple(rows[0]), tuple(rows))


def _objections(files: Mapping[str, FeedFile]) -> dict[str, FeedFile]:
    """Return the objections of the combined feed as the feeds of each kind; the national one is a permitted list of everyone."""
    practices = {row["PERSON_ID"]: row["ORGANISATION_ID"] for row in files["registrations"].rows}
    stated, type_1 = files["opt_outs"].rows, []
    for row in stated:
        if row["OPT_OUT_TYPE"] == "TYPE_1":
            person, state = row["PERSON_ID"], {name: row[name] for name in ("STATUS", "EFFECTIVE_DATE")}
            type_1.append({"PERSON_ID": person, "ORGANISATION_ID": practices.get(person, ""), **state, COMMENT: ""})
    objecting = {row["PERSON_ID"] for row in stated if row["OPT_OUT_TYPE"] == "NATIONAL" and row["STATUS"] == "1"}
    parts = [(row["PERSON_ID"], part) for row in files["patients"].rows for part in ("SUBMITTED", "RETURNED")]
    national = [_of_list(person, part) for person, part in parts if part == "SUBMITTED" or person not in objecting]
    found = {"type_1_objections": type_1, "national_opt_outs": national}
    return {feed: FeedFile(feed, tuple(rows[0]), tuple(rows)) for feed, rows in found.items()}


def _of_list(person: str, part: str) -> Row:
    return {"PERSON_ID": person, "LIST": part, "STATUS": "", "EFFECTIVE_DATE": "", "SUBMISSION_DATE": "2025-12-30", COMMENT: ""}


def write_clean(file: FeedFile, assigned: Assigned) -> Written:
    """Return a file in which the rows of each damage are the clean rows that mean the same."""
    return _write(file, {person: lambda rows, one=one: list(one.means(rows)) for person, one in _of(file, assigned).values()})


def write_damaged(file: FeedFile, assigned: Assigned) -> Written:
    """Return a file with the damages in it."""
    return _write(file, {person: one.damage for person, one in _of(file, assigned).values()}, assigned)


def _of(file: FeedFile, assigned: Assigned) -> dict[int, tuple[str, Damage]]:
    return {number: pair for number, pair in assigned.items() if pair[1].feed == file.feed}


def _write(file: FeedFile, changes: Mapping[str, Callable[[Rows], list[Line]]], assigned: Assigned | None = None) -> Written:
    """Write a file. The lines of a changed person are together, in the place of the first, or at the end."""
    number_of = {person: number for number, (person, one) in (assigned or {}).items() if one.feed == file.feed}
    by_person, lines, written, done = file.by_person(), [], Written(b""), set()

    def add(person: str) -> None:
        made = changes[person](by_person.get(person, [{file.person: person}]))
        if person in number_of:
            written.numbers[number_of[person]] = range(len(lines) + 1, len(lines) + 1 + len(made))
        lines.extend(made)
        done.add(person)

    for row in file.rows:
        person = row[file.person]
        if person not in changes:
            lines.append(row)
        elif person not in done:
            add(person)
    for person in changes:
        if person not in done:
            add(person)
    written.content = b"\n".join([csv_line(list(file.header)), *(line_bytes(file.header, line) for line in lines)]) + b"\n"
    return written


def line_bytes(header: tuple[str, ...], line: Line) -> bytes:
    """Return a line of a file: a row as CSV, or bytes as they are."""
    return line if isinstance(line, bytes) else csv_line([line.get(name, "") for name in header])

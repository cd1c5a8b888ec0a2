"""Run damages to disjoint people in one delivery, and compare every person with the clean rows that mean the same.

Three runs are compared: the clean files, the files with the clean rows that the damages mean, and the damaged files. A person without a
damage must be the same in all three. A person with one must be as in the second run, or suppressed for the stated reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hostile.board_files import (
    COUNTED_FEEDS,
    DELIVERED,
    HOUSEHOLD_FEEDS,
    Assigned,
    FeedFile,
    Written,
    clean_files,
    write_clean,
    write_damaged,
)
from hostile.board_run import CONFIG, Result, run_board
from hostile.damages import ACTIONS, Damage, Expected

from expectations.catalogue import RAW_TABLES

MOST_DIFFERENCES = 5


@dataclass(frozen=True)
class Violation:
    """What differs from what a damage must lead to."""

    case: str
    person: str
    column: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.case}; person {self.person}; column {self.column}; expected {self.expected}; found {self.found}"


@dataclass
class RoundReport:
    """The number of cases of each kind, every violation, and violations that are known and not fixed."""

    cases: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    def add(self, other: RoundReport) -> None:
        """Add the cases and violations of another round."""
        self.cases += other.cases
        self.violations += other.violations
        self.known += other.known

    def __str__(self) -> str:
        lines = [f"{kind:32}{count:16,}" for kind, count in sorted(self.cases.items())]
        lines += [f"{'all':32}{self.cases.total():16,}", f"{'violations':32}{len(self.violations):16,}"]
        found = [*(f"KNOWN, NOT FIXED {one}" for one in self.known), *(f"VIOLATION {one}" for one in self.violations)]
        return "\n".join([f"{'damaged deliveries':32}{'cases':>16}", *lines, *found])


def files_of(written: Mapping[str, Written]) -> dict[str, bytes]:
    """Return the content of files by path below the landing folder."""
    return {f"{feed}/{feed}_{DELIVERED}.csv": one.content for feed, one in written.items()}


@dataclass(frozen=True)
class Board:
    """The clean files of a small ICB, the folder of their run, and its result."""

    files: Mapping[str, FeedFile]
    folder: Path
    result: Result

    @staticmethod
    def open(folder: Path) -> Board:
        """Write the clean files and run them."""
        files = clean_files(folder / "board")
        written = {feed: write_clean(file, {}) for feed, file in files.items()}
        return Board(files, folder, run_board(folder / "clean", files_of(written), config_of(files)))

    @property
    def clean(self) -> Path:
        return self.folder / "clean"


def config_of(files: Mapping[str, FeedFile]) -> str:
    """Return the configuration with these feeds."""
    return CONFIG.format(feeds=", ".join(f"{feed}: {{}}" for feed in files))


def run_damages(board: Board, damages: Sequence[Damage]) -> RoundReport:
    """Run damages, each to another person, and return what differs."""
    files, base, folder = board.files, board.result, board.folder
    assigned = assign(files, damages, base.cohort)
    clean = {feed: write_clean(file, assigned) for feed, file in files.items()}
    written = {feed: write_damaged(file, assigned) for feed, file in files.items()}
    meant = run_board(folder / "meant", files_of(clean), config_of(files))
    damaged = run_board(folder / "damaged", files_of(written), config_of(files))
    report = RoundReport(Counter(one.kind for one in damages))
    touched = dict(assigned.values())
    report.violations += compare_others(base, meant, damaged, touched)
    for number, (person, one) in assigned.items():
        found = check_person(one, person, meant, damaged)
        found += check_counted(one, person, damaged, written[one.feed].numbers[number])
        report.known += [f"{one.title}: {one.known}"] if one.known and found else []
        report.violations += [] if one.known else found
    return report


def assign(files: Mapping[str, FeedFile], damages: Iterable[Damage], cohort: set[str]) -> Assigned:
    """Return a person for each damage: of the cohort, with suitable rows, and alone in the household where it counts."""
    rows = {feed: file.by_person() for feed, file in files.items()}
    alone, free = _alone(files), sorted(cohort)
    assigned: dict[int, tuple[str, Damage]] = {}
    # Damages that few people suit come first.
    order = sorted(enumerate(damages), key=lambda pair: sum(pair[1].suits(rows[pair[1].feed].get(one, [])) for one in free))
    for number, one in order:
        person = next(
            (
                name
                for name in free
                if one.suits(rows[one.feed].get(name, [])) and (one.feed not in COUNTED_FEEDS or name in alone)
            ),
            None,
        )
        if person is None:
            raise ValueError(
                f"no one is left who suits the damage {one.title}: add people to the board, or run fewer damages at once"
            )
        free.remove(person)
        assigned[number] = (person, one)
    return assigned


def _alone(files: Mapping[str, FeedFile]) -> set[str]:
    """Return the people who share no household with anyone, at any time."""
    members: dict[str, set[str]] = {}
    for feed in HOUSEHOLD_FEEDS:
        for row in files[feed].rows:
            members.setdefault(row["HOUSEHOLD_ID"], set()).add(row["PERSON_ID"])
    shared = {person for home, people in members.items() if home and len(people) > 1 for person in people}
    return {row["PERSON_ID"] for row in files["patients"].rows} - shared


def compare_others(base: Result, meant: Result, damaged: Result, touched: Mapping[str, Damage]) -> list[Violation]:
    """Compare everyone without a damage in the three runs: features and labels are the same to the last bit."""
    found = []
    for name, result in (("the clean rows that are meant", meant), ("the damaged files", damaged)):
        for person in sorted({*base.people, *result.people} - set(touched)):
            found += differences(f"a person without a damage, with {name}", person, base, result)
    return found


def differences(case: str, person: str, expected: Result, found: Result) -> list[Violation]:
    """Return the values of a person that differ between two runs."""
    mine, theirs = expected.people.get(person, []), found.people.get(person, [])
    if len(mine) != len(theirs):
        return [Violation(case, person, "rows of features and labels", f"{len(mine)} rows", f"{len(theirs)} rows")]
    pairs = [(name, one[name], other.get(name)) for one, other in zip(mine, theirs, strict=True) for name in one]
    return [
        Violation(case, person, name, repr(one), repr(other))
        for name, one, other in pairs
        if one != other and repr(one) != repr(other)
    ][:MOST_DIFFERENCES]


def check_person(one: Damage, person: str, meant: Result, damaged: Result) -> list[Violation]:
    """Check that a damaged person is suppressed for the reason, or as the clean rows mean."""
    if one.expected is not Expected.SUPPRESSED:
        return differences(one.title, person, meant, damaged)
    reasons = damaged.reasons.get(person, set())
    if person in damaged.cohort:
        return [
            Violation(
                one.title,
                person,
                one.column,
                f"in no cohort: {one.reason}",
                f"in the cohort ({', '.join(reasons) or 'no reason'})",
            )
        ]
    if one.reason not in reasons:
        return [Violation(one.title, person, one.column, one.reason, ", ".join(sorted(reasons)) or "no reason")]
    return []


def check_counted(one: Damage, person: str, damaged: Result, numbers: range) -> list[Violation]:
    """Check that a damage is recorded for one of its rows: with its reason and action, or any reason if the person is suppressed."""
    action = ACTIONS.get(one.expected)
    if not one.counted or one.expected is Expected.UNCHANGED:
        return []
    entries = {
        (row["reason"], row["action"])
        for row in damaged.quarantine
        if row["table_name"] == RAW_TABLES[one.feed].name and row["row_number"] in numbers
    }
    if entries and (action is None or (one.reason, action) in entries):
        return []
    shown = "; ".join(f"{reason} {how}" for reason, how in sorted(entries)) or "nothing recorded"
    return [Violation(one.title, person, one.column, f"{one.reason} {action or 'counted'}", shown)]

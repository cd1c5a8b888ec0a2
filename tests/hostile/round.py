"""A round of hostile inputs: cases of every kind over the feeds, drawn from a seed, and what came of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hostile import byte_kinds, cell_kinds, file_kinds
from hostile.cases import Case
from hostile.clean_extracts import CleanExtract, clean_extracts
from hostile.judgement import Row, Verdict, baseline, judge

Kind = Callable[[CleanExtract, Random, int], Case]
VARIANTS = 40  # more than any kind has; a short round draws among them
WITH_NUMBERS = ("patients", "admissions", "emergency_attendances", "gp_observations", "gp_medication_orders")
KINDS: dict[str, tuple[Kind, tuple[str, ...]]] = {  # kind -> how it is made, and the feeds it can be made of where not of all
    "truncated": (byte_kinds.truncated, ()),
    "wrong encoding": (byte_kinds.wrong_encoding, ()),
    "swapped columns": (cell_kinds.swapped_columns, ()),
    "shifted fields": (cell_kinds.shifted_fields, ()),
    "huge fields": (cell_kinds.huge_fields, ()),
    "NUL bytes": (byte_kinds.nul_bytes, ()),
    "formula cells": (cell_kinds.formula_cells, ()),
    "two headers": (byte_kinds.two_headers, ()),
    "zero rows": (byte_kinds.zero_rows, ()),
    "duplicate files": (file_kinds.duplicate_files, ()),
    "dates out of range": (cell_kinds.dates_out_of_range, ()),
    "numbers as text": (cell_kinds.numbers_as_text, WITH_NUMBERS),
    "one person with very many rows": (file_kinds.one_person, file_kinds.FLOODED),
    "links and paths": (file_kinds.paths, ()),
    "compressed bombs": (file_kinds.bombs, ()),
}


@dataclass
class Tally:
    """What came of the cases of a kind."""

    cases: int = 0
    refused: int = 0
    set_aside: int = 0
    kept: int = 0
    tracebacks: int = 0
    lost: int = 0
    violations: list[str] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        self.cases += 1
        self.refused += bool(verdict.refused)
        self.set_aside += verdict.set_aside
        self.kept += verdict.kept
        self.tracebacks += bool(verdict.traceback)
        self.lost += verdict.lost
        case = verdict.case
        self.violations += [f"{case.extract.feed}: {case.kind}: {case.words}: {words}" for words in verdict.violations[:3]]


@dataclass
class Bench:
    """Clean extracts of every feed, what is kept of each, and a folder to work in."""

    folder: Path
    extracts: dict[str, CleanExtract]
    baselines: dict[str, list[Row]] = field(default_factory=dict)

    @staticmethod
    def open(folder: Path) -> Bench:
        return Bench(folder, clean_extracts(folder / "board"))

    def judge(self, case: Case) -> Verdict:
        """Run a case in an empty folder and give the verdict."""
        feed = case.extract.feed
        if feed not in self.baselines:
            self.baselines[feed] = baseline(self.extracts[feed], self.folder / "clean" / feed)
        place = self.folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        return judge(case, self.baselines, place)


def draw(bench: Bench, each: int, seed: int, feeds: Iterable[str] = ()) -> Iterator[Case]:
    """Draw cases of every kind; the same seed draws the same cases."""
    wanted = tuple(feeds) or tuple(bench.extracts)
    for kind, (make, possible) in KINDS.items():
        among = [feed for feed in wanted if feed in possible or not possible]
        for number in Random(f"{seed}/{kind}").sample(range(max(each, VARIANTS)), each):
            rng = Random(f"{seed}/{kind}/{number}")
            yield make(bench.extracts[among[(number + seed) % len(among)]], rng, number)


def run_round(bench: Bench, cases: Iterable[Case]) -> dict[str, Tally]:
    """Judge cases and give the tally of each kind."""
    tallies: dict[str, Tally] = {}
    for case in cases:
        tallies.setdefault(case.kind, Tally()).add(bench.judge(case))
    return tallies


def told(tallies: dict[str, Tally]) -> str:
    """Give the tallies as a table, and every violation in words."""
    names = ("cases", "refused", "rows kept", "rows set aside", "tracebacks", "good rows lost", "violations")
    lines = [f"{'kind':32}" + "".join(f"{name:>16}" for name in names)]
    whole = Tally()
    for kind, tally in tallies.items():
        lines.append(_line(kind, tally))
        for name in ("cases", "refused", "kept", "set_aside", "tracebacks", "lost", "violations"):
            setattr(whole, name, getattr(whole, name) + getattr(tally, name))
    return "\n".join([*lines, _line("all", whole), *(f"VIOLATION {words}" for words in whole.violations)])


def _line(kind: str, tally: Tally) -> str:
    counts = (tally.cases, tally.refused, tally.kept, tally.set_aside, tally.tracebacks, tally.lost, len(tally.violations))
    return f"{kind:32}" + "".join(f"{count:16,}" for count in counts)

"""Run a round of hostile inputs: cases of every kind over the feeds, drawn from a seed, and their results."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hostile import byte_kinds, cell_kinds, file_kinds
from hostile.cases import Case
from hostile.clean_extracts import CleanExtract, clean_extracts
from hostile.verdict import Row, Verdict, baseline, evaluate

Kind = Callable[[CleanExtract, Random, int], Case]
VARIANTS = 40  # more variants than any kind has; a short round draws from them
WITH_NUMBERS = ("patients", "admissions", "emergency_attendances", "gp_observations", "gp_medication_orders")
KINDS: dict[str, tuple[Kind, tuple[str, ...]]] = {  # kind -> its function, and its feeds (empty: all feeds)
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
    """The results of the cases of a kind."""

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
        self.violations += [f"{case.extract.feed}: {case.kind}: {case.description}: {text}" for text in verdict.violations[:3]]


@dataclass
class Bench:
    """Clean extracts of every feed, the rows that are kept of each, and a working folder."""

    folder: Path
    extracts: dict[str, CleanExtract]
    baselines: dict[str, list[Row]] = field(default_factory=dict)

    @staticmethod
    def open(folder: Path) -> Bench:
        return Bench(folder, clean_extracts(folder / "board"))

    def evaluate(self, case: Case) -> Verdict:
        """Run a case in an empty folder and return the verdict."""
        feed = case.extract.feed
        if feed not in self.baselines:
            self.baselines[feed] = baseline(self.extracts[feed], self.folder / "clean" / feed)
        folder = self.folder / "case"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return evaluate(case, self.baselines, folder)


def draw(bench: Bench, each: int, seed: int, feeds: Iterable[str] = ()) -> Iterator[Case]:
    """Draw cases of every kind; the same seed draws the same cases."""
    candidates = tuple(feeds) or tuple(bench.extracts)
    for kind, (make, possible) in KINDS.items():
        suitable = [feed for feed in candidates if feed in possible or not possible]
        for number in Random(f"{seed}/{kind}").sample(range(max(each, VARIANTS)), each):
            rng = Random(f"{seed}/{kind}/{number}")
            yield make(bench.extracts[suitable[(number + seed) % len(suitable)]], rng, number)


def run_round(bench: Bench, cases: Iterable[Case]) -> dict[str, Tally]:
    """Evaluate cases and return the tally of each kind."""
    tallies: dict[str, Tally] = {}
    for case in cases:
        tallies.setdefault(case.kind, Tally()).add(bench.evaluate(case))
    return tallies


def report(tallies: dict[str, Tally]) -> str:
    """Return the tallies as a table, followed by every violation."""
    names = ("cases", "refused", "rows kept", "rows set aside", "tracebacks", "good rows lost", "violations")
    lines = [f"{'kind':32}" + "".join(f"{name:>16}" for name in names)]
    total = Tally()
    for kind, tally in tallies.items():
        lines.append(_line(kind, tally))
        for name in ("cases", "refused", "kept", "set_aside", "tracebacks", "lost", "violations"):
            setattr(total, name, getattr(total, name) + getattr(tally, name))
    return "\n".join([*lines, _line("all", total), *(f"VIOLATION {text}" for text in total.violations)])


def _line(kind: str, tally: Tally) -> str:
    counts = (tally.cases, tally.refused, tally.kept, tally.set_aside, tally.tracebacks, tally.lost, len(tally.violations))
    return f"{kind:32}" + "".join(f"{count:16,}" for count in counts)

"""What a code list is: entries of codes in a half for each terminology, and which codes it covers."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, takewhile
from typing import NamedTuple

SYSTEMS = ("icd10", "snomed", "dmd", "department_type", "treatment_function")
MATCHES = ("prefix", "exact")
PRODUCTS = "medicines"  # not a list of one group: every known product, whose description is its substance


class CodeListError(ValueError):
    """Raised when a code list file cannot be used."""


class CodeEntry(NamedTuple):
    """One code of a list, or the start of codes, with its points where the list is a score."""

    system: str
    code: str
    match: str
    description: str
    source: str
    points: float | None = None

    def covers(self, system: str, code: str) -> bool:
        """Return whether this entry covers a code as stored: upper case, ICD-10 without dots."""
        if system != self.system:
            return False
        return code == self.code if self.match == "exact" else code.startswith(self.code)


@dataclass(frozen=True)
class Half:
    """The codes of a list in one terminology, with where they come from; `includes` names lists whose codes belong to it as well."""

    name: str
    system: str
    label: str = ""
    includes: tuple[str, ...] = ()
    cluster: str = ""  # identifier of the national reference set, by which a file of clusters is read
    source: str = ""
    version: str = ""
    date: str = ""
    licence: str = ""
    note: str = ""
    entries: tuple[CodeEntry, ...] = ()
    undecided: tuple[str, ...] = ()  # new products of a dm+d map of which it is not clear whether the list has them


@dataclass(frozen=True)
class CodeList:
    """A named set of codes over one or more code systems; `halves` describes each system's part."""

    name: str
    entries: tuple[CodeEntry, ...]
    halves: tuple[Half, ...] = ()

    @cached_property
    def version(self) -> str:
        """Return a digest of the codes and points. It changes whenever a code is added, changed or removed."""
        lines = sorted(f"{entry.system},{entry.code},{entry.match},{entry.points}" for entry in self.entries)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]

    def codes(self, system: str) -> tuple[str, ...]:
        """Return the codes of one system, in the order of the file."""
        return tuple(entry.code for entry in self.entries if entry.system == system)

    @cached_property
    def _first_exact(self) -> dict[tuple[str, str], CodeEntry]:
        return {(entry.system, entry.code): entry for entry in reversed(self.entries) if entry.match == "exact"}

    @cached_property
    def _prefixes(self) -> dict[str, tuple[str, ...]]:
        systems = dict.fromkeys(entry.system for entry in self.entries if entry.match == "prefix")
        return {
            system: tuple(entry.code for entry in self.entries if (entry.system, entry.match) == (system, "prefix"))
            for system in systems
        }

    def covers(self, system: str, code: str) -> bool:
        """Return whether any entry covers a code."""
        return (system, code) in self._first_exact or code.startswith(self._prefixes.get(system, ()))

    def meaning(self, system: str, code: str) -> str:
        """Return the description of the entry that covers a code; '' where none does."""
        if entry := self._first_exact.get((system, code)):
            return entry.description
        if not code.startswith(self._prefixes.get(system, ())):
            return ""
        return next(entry.description for entry in self.entries if entry.covers(system, code))


class NumberedCodes:
    """The numbered codes (number, system, source code) of core__code, arranged so that many lists can be matched quickly."""

    def __init__(self, codes: Iterable[tuple[int, str, str]]) -> None:
        self._number: dict[tuple[str, str], int] = {}
        self._sorted: dict[str, list[tuple[str, int]]] = {}
        for number, system, code in codes:
            self._number[system, code] = number
            self._sorted.setdefault(system, []).append((code, number))
        for pairs in self._sorted.values():
            pairs.sort()

    def members(self, code_list: CodeList) -> list[int]:
        """Return the numbers of the codes that a list covers, in ascending order."""
        found: set[int] = set()
        for entry in code_list.entries:
            if entry.match == "exact":
                number = self._number.get((entry.system, entry.code))
                found |= {number} if number is not None else set()
            else:
                found.update(self._starting(entry.system, entry.code))
        return sorted(found)

    def _starting(self, system: str, start: str) -> Iterable[int]:
        pairs = self._sorted.get(system, [])
        first = bisect_left(pairs, (start, -1))
        return (number for _, number in takewhile(lambda pair: pair[0].startswith(start), islice(pairs, first, None)))


def code_members(code_list: CodeList, codes: Iterable[tuple[int, str, str]]) -> list[int]:
    """Return the numbers of the codes (number, system, source code) that a list covers, in the same order."""
    return [number for number, system, code in codes if code_list.covers(system, code)]


def assemble(halves: Mapping[tuple[str, str], Half]) -> dict[str, CodeList]:
    """Return the lists of some halves, each with the codes of the halves that it includes; raise CodeListError where one is missing."""
    parts: dict[str, list[Half]] = {}
    for half in halves.values():
        parts.setdefault(half.name, []).append(half)
    return {
        name: CodeList(name, tuple(entry for half in found for entry in _with_included(half, halves)), tuple(found))
        for name, found in parts.items()
    }


def _with_included(half: Half, halves: Mapping[tuple[str, str], Half], within: tuple[str, ...] = ()) -> Iterable[CodeEntry]:
    if not half.includes:
        return half.entries
    entries = {entry.code: entry for entry in half.entries}
    for name in half.includes:
        included = halves.get((name, half.system))
        if included is None or name in (*within, half.name):
            fault = "includes itself" if included else f"includes the list {name!r}, which has no {half.system} codes"
            raise CodeListError(f"index.csv: the list {half.name!r} {fault}. Correct `includes`.")
        for entry in _with_included(included, halves, (*within, half.name)):
            entries.setdefault(entry.code, entry)
    return entries.values()

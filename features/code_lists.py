"""Code lists: the codes that mean a condition, a measurement or a medicine.

The lists are in `features/codelists/*.csv`, and each code has its source. A deployment's own folder may add lists, or replace a list
by using its name.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

OWN_FOLDER = Path(__file__).parent / "codelists"
COLUMNS = ("list", "system", "code", "match", "description", "source")
SYSTEMS = ("icd10", "snomed", "dmd", "department_type", "treatment_function")
MATCHES = ("prefix", "exact")


class CodeListError(ValueError):
    """Raised when a code list file cannot be used."""


@dataclass(frozen=True)
class CodeEntry:
    """One line of a code list: a code or the start of codes, with its points where the list is a score."""

    system: str
    code: str
    match: str
    description: str
    source: str
    points: float | None = None

    def covers(self, system: str, code: str) -> bool:
        """Return whether this line covers a code as stored: upper case, ICD-10 without dots."""
        if system != self.system:
            return False
        return code == self.code if self.match == "exact" else code.startswith(self.code)


@dataclass(frozen=True)
class CodeList:
    """A named set of codes over one or more code systems."""

    name: str
    entries: tuple[CodeEntry, ...]

    @cached_property
    def version(self) -> str:
        """Return a digest of the codes and points. It changes whenever a code is added, changed or removed."""
        lines = sorted(f"{entry.system},{entry.code},{entry.match},{entry.points}" for entry in self.entries)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:8]

    def codes(self, system: str) -> tuple[str, ...]:
        """Return the codes of one system, in the order of the file."""
        return tuple(entry.code for entry in self.entries if entry.system == system)

    def covers(self, system: str, code: str) -> bool:
        """Return whether any line covers a code."""
        return any(entry.covers(system, code) for entry in self.entries)


def load_code_lists(extra_folder: Path | None = None) -> dict[str, CodeList]:
    """Read Strata's lists, then those of a deployment's folder, which replace lists of the same name."""
    lists = dict(_read_folder(OWN_FOLDER))
    if extra_folder is not None:
        lists |= _read_folder(extra_folder)
    return lists


def code_members(code_list: CodeList, codes: Iterable[tuple[int, str, str]]) -> list[int]:
    """Return the numbers of the codes (number, system, source code) that a list covers, in the same order."""
    exact = {(entry.system, entry.code) for entry in code_list.entries if entry.match == "exact"}
    starts = {
        system: tuple(entry.code for entry in code_list.entries if (entry.system, entry.match) == (system, "prefix"))
        for system in SYSTEMS
    }
    return [number for number, system, code in codes if (system, code) in exact or code.startswith(starts.get(system, ()))]


@lru_cache(maxsize=8)
def _read_folder(folder: Path) -> Mapping[str, CodeList]:
    if not folder.is_dir():
        raise CodeListError(f"The folder of code lists {folder} does not exist. Correct `study.code_lists`.")
    rows: dict[str, list[CodeEntry]] = {}
    homes: dict[str, str] = {}
    for path in sorted(folder.glob("*.csv")):
        for name, entry in _read_file(path):
            if homes.setdefault(name, path.name) != path.name:
                raise CodeListError(f"{path.name}: the list {name!r} is also in {homes[name]}. Keep each list in one file.")
            rows.setdefault(name, []).append(entry)
    return {name: CodeList(name, tuple(entries)) for name, entries in rows.items()}


def _read_file(path: Path) -> list[tuple[str, CodeEntry]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise CodeListError(
                f"{path.name}: columns are missing: {', '.join(missing)}. A code list has the columns {', '.join(COLUMNS)}."
            )
        return [_entry(path.name, line, row) for line, row in enumerate(reader, start=2)]


def _entry(file: str, line: int, row: Mapping[str, str]) -> tuple[str, CodeEntry]:
    values = {key: (value or "").strip() for key, value in row.items()}
    code = values["code"].upper().replace(".", "")
    if not values["list"] or not code or values["system"] not in SYSTEMS or values["match"] not in MATCHES:
        raise CodeListError(
            f"{file}, line {line}: a line needs a list, a code, a system ({', '.join(SYSTEMS)}) and a match ({', '.join(MATCHES)})."
        )
    points = float(values["points"]) if values.get("points") else None
    return values["list"], CodeEntry(values["system"], code, values["match"], values["description"], values["source"], points)

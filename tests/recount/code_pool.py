"""The codes that made-up events carry: those of the code lists, codes that almost match, and codes of no list."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "features" / "codelists"
OF_NO_LIST = (
    ("icd10", "Q999"), ("icd10", "F0"), ("snomed", "100000"), ("dmd", "999999"), ("dmd", "888888"), ("treatment_function", "300"),
    ("treatment_function", "430"), ("department_type", "01"), ("department_type", "02"), ("department_type", "03"),
    ("department_type", "05"), ("ods", "RX1"), ("ods", "RX2"), ("ods", "RX3"), ("omop", "201826"), ("omop", "316139"),
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line of a code list."""

    list: str
    system: str
    code: str
    match: str


@cache
def lines() -> tuple[Line, ...]:
    """Read every line of the code lists that come with Strata."""
    return tuple(_read())


def _read() -> Iterator[Line]:
    for file in sorted(FOLDER.glob("*.csv")):
        with file.open(newline="", encoding="utf-8") as opened:
            for row in csv.DictReader(opened):
                yield Line(row["list"], row["system"], row["code"].upper().replace(".", ""), row["match"])


@cache
def code_table() -> tuple[tuple[int, str, str], ...]:
    """Number every listed code, one that goes on after it, and the codes of no list: the rows of core__code."""
    listed = {(line.system, line.code + more) for line in lines() for more in ("", "9")}
    return tuple((number, system, code) for number, (system, code) in enumerate(sorted(listed | set(OF_NO_LIST)), start=1))


@cache
def number_of(system: str, code: str) -> int:
    """Return the number of a code."""
    return next(number for number, own, name in code_table() if (own, name) == (system, code))


@cache
def pool(system: str) -> tuple[int, ...]:
    """Return some codes of each list of a system, codes that almost match them, and codes of no list; 0 is no code."""
    if not system:
        return (0,)
    chosen: dict[str, list[str]] = {}
    for line in lines():
        if line.system == system:
            chosen.setdefault(line.list, []).append(line.code)
    some = [code for codes in chosen.values() for code in dict.fromkeys((codes[0], codes[-1]))]
    near = [code + "9" for code in some[::3]]
    rest = [code for own, code in OF_NO_LIST if own == system]
    return (0, *(number_of(system, code) for code in dict.fromkeys((*some, *near, *rest))))

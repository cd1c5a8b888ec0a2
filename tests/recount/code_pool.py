"""The codes that made-up events carry: those of the code lists, codes that almost match, and codes of no list.

The files of the lists are read here once more, without the code of `features/`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

FOLDER = Path(__file__).resolve().parents[2] / "features" / "codelists"
PRODUCTS = FOLDER / "dmd" / "medicines.csv"
MOST_LINES = 4  # of a list of SNOMED CT or dm+d codes, which may have thousands
OF_NO_LIST = (
    ("icd10", "Q999"), ("icd10", "F0"), ("snomed", "100000"), ("dmd", "999999"), ("dmd", "888888"), ("treatment_function", "300"),
    ("treatment_function", "430"), ("department_type", "01"), ("department_type", "02"), ("department_type", "03"),
    ("department_type", "05"), ("ods", "RX1"), ("ods", "RX2"), ("ods", "RX3"), ("omop", "201826"), ("omop", "316139"),
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One code of a code list."""

    list: str
    system: str
    code: str
    match: str


@cache
def every_line() -> tuple[Line, ...]:
    """Read every code of the code lists that come with Strata, in each list that has it or includes a list that has it."""
    return tuple(_read())


def _read() -> Iterator[Line]:
    with (FOLDER / "index.csv").open(newline="", encoding="utf-8") as opened:
        rows = {(row["list"], row["system"]): row["includes"].split() for row in csv.DictReader(opened)}
    for name, system in rows:
        codes: dict[str, None] = {}
        waiting = [name]
        while waiting:
            part = waiting.pop(0)
            waiting = [*rows[part, system], *waiting]
            codes |= dict.fromkeys(_codes(system, part))
        match = "prefix" if system == "icd10" else "exact"
        yield from (Line(name, system, code, match) for code in codes)


def _codes(system: str, name: str) -> list[str]:
    file = FOLDER / system / f"{name}.csv"
    if not file.exists():
        return []
    with file.open(newline="", encoding="utf-8") as opened:
        return [row["code"] for row in csv.DictReader(opened)]


@cache
def lines() -> tuple[Line, ...]:
    """Return every line of ICD-10 and of the small systems, and of each other list the first, the last and some between."""
    by_list: dict[tuple[str, str], list[Line]] = {}
    for line in every_line():
        by_list.setdefault((line.list, line.system), []).append(line)
    return tuple(line for (_, system), found in by_list.items() for line in _some(found, system in ("snomed", "dmd")))


def make_entries(con: duckdb.DuckDBPyConnection) -> None:
    """Make the table `entry` of every code of every list."""
    columns = ("list", "system", "code", "match")
    con.register("lines", pa.table({name: [getattr(line, name) for line in every_line()] for name in columns}))
    con.execute("CREATE TABLE entry AS FROM lines")


def _some(found: list[Line], few: bool) -> list[Line]:
    if not few or len(found) <= MOST_LINES:
        return found
    return [found[place * (len(found) - 1) // (MOST_LINES - 1)] for place in range(MOST_LINES)]


@cache
def code_table() -> tuple[tuple[int, str, str], ...]:
    """Number the codes of the lines, one that goes on after each, and the codes of no list: the rows of core__code."""
    listed = {(line.system, line.code + more) for line in lines() for more in ("", "9")}
    return tuple((number, system, code) for number, (system, code) in enumerate(sorted(listed | set(OF_NO_LIST)), start=1))


@cache
def _numbers() -> dict[tuple[str, str], int]:
    return {(system, code): number for number, system, code in code_table()}


def number_of(system: str, code: str) -> int:
    """Return the number of a code."""
    return _numbers()[system, code]


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

"""Read files of code lists: Strata's own folder, and the checks that every code passes."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

from expectations.code_text import code_of
from expectations.diagnosis_codes import plain_icd10
from expectations.identifier_schemes import REASONS, Scheme, reason_against
from expectations.identifier_text import normal
from features.code_halves import MATCHES, SYSTEMS, CodeEntry, CodeListError, Half

OWN_FOLDER = Path(__file__).parent / "codelists"
INDEX = "index.csv"
INDEX_COLUMNS = ("list", "system", "label", "includes", "cluster", "source", "version", "date", "licence", "note")
CHANGES = "changes.csv"
RENUMBERED = "renumbered.csv"  # dm+d products of 2023 and of 2025 with the same name
_PREFIXED = ("icd10",)  # systems whose codes are the start of codes unless a file has a column `match`
_CONCEPTS = ("snomed", "dmd")  # dm+d codes are SNOMED CT concepts
_SCHEMES = {"icd10": Scheme.ICD10, **dict.fromkeys(_CONCEPTS, Scheme.SNOMED_CONCEPT)}
SPREADSHEET_DIGITS = 15  # the digits of a number that a spreadsheet keeps; longer codes are those of extensions
_NOT_UTF8 = "{}: the text is not UTF-8. Save the file as UTF-8."
ICD10 = re.compile(r"[A-Z][0-9]([0-9][0-9A-Z]{0,3})?")


def plain_code(system: str, code: str) -> str:
    """Return a code as it is stored: upper case, without dots, and an ICD-10 code without marks and fillers.

    The start of a code, such as E1, has no filler.
    """
    text = code_of(_SCHEMES.get(system, Scheme.NONE), normal(code))
    plain = plain_icd10(text) if system == "icd10" else None
    return plain or text.upper().replace(".", "")


def fault_of_code(system: str, code: str) -> str:
    """Return why a plain code cannot be one of the system; '' if it can."""
    if system == "icd10":
        return "" if ICD10.fullmatch(code) else "an ICD-10 code is a letter and digits, such as E11 or J459"
    if system not in _CONCEPTS:
        return ""
    if not re.fullmatch("[0-9]{6,18}", code):
        return "a SNOMED CT or dm+d code has 6 to 18 digits"
    if len(code) > SPREADSHEET_DIGITS and code[-3:-1] == "00":
        return "a code of more than 15 digits has 10 before its last digit. A spreadsheet keeps 15 digits: export the codes again as text"
    reason = reason_against(Scheme.SNOMED_CONCEPT, code)
    return REASONS[reason] if reason else ""


def checked_code(system: str, code: str, place: str) -> str:
    """Return a code in plain form; raise CodeListError with its place, `file, line n`, if it is none of the system."""
    plain = plain_code(system, code)
    if fault := fault_of_code(system, plain):
        raise CodeListError(f"{place}: {code!r} is not a code of the system {system}: {fault.rstrip('.')}. Correct the file.")
    return plain


def entry_of(row: Mapping[str, str], half: Half, code: str, place: str) -> CodeEntry:
    """Return the entry of a row of a file, whose columns label, match and points are optional."""
    match = row.get("match") or ("prefix" if half.system in _PREFIXED else "exact")
    if match not in MATCHES:
        raise CodeListError(f"{place}: the match {match!r} is not known. Write {' or '.join(MATCHES)}.")
    try:
        points = float(row["points"]) if row.get("points") else None
    except ValueError:
        raise CodeListError(f"{place}: the points {row['points']!r} are not a number. Correct the file.") from None
    return CodeEntry(half.system, code, match, row.get("label") or half.label or half.name, half.source, points)


def plain_column(name: str) -> str:
    """Return the name of a column as names are compared: without blanks around it and without letter case."""
    return name.strip().casefold()


def delimiter_of(header: str) -> str:
    """Return what separates the columns of a header: a tab, a semicolon or a comma."""
    if "\t" in header:
        return "\t"
    return ";" if header.count(";") > header.count(",") else ","


def header_of(path: Path) -> tuple[list[str], str]:
    """Return the columns of a file in plain form and its delimiter; raise CodeListError where a column is there twice."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            delimiter = delimiter_of(file.readline())
            file.seek(0)
            _, header = next(_rows_of_one_line(file, delimiter, path.name), ("", []))
    except UnicodeDecodeError:
        raise CodeListError(_NOT_UTF8.format(path.name)) from None
    columns = [plain_column(name) for name in header]
    if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise CodeListError(
            f"{path.name}: the column {', '.join(twice)} is in the header twice, so it is not known which one counts. Remove or rename one."
        )
    return columns, delimiter


def read_rows(path: Path, needed: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a file with the place of each, `file, line n`; raise CodeListError where a needed column is missing.

    Columns may be separated by commas, semicolons or tabs. Their names have no letter case. Lines without a value are skipped.
    """
    try:
        columns, delimiter = header_of(path)
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = _rows_of_one_line(file, delimiter, path.name)
            next(rows, None)
            missing = [column for column in needed if column not in columns]
            if missing:
                raise CodeListError(
                    f"{path.name}: columns are missing: {', '.join(missing)}. The file needs the columns {', '.join(needed)}."
                )
            for place, row in rows:
                values = zip_longest(columns, row[: len(columns)], fillvalue="")
                yield place, {column: value.strip() for column, value in values if column}
    except UnicodeDecodeError:
        raise CodeListError(_NOT_UTF8.format(path.name)) from None


def _rows_of_one_line(file: Iterable[str], delimiter: str, name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the place and the values of each line that has a value; raise CodeListError where a quote opens a value that goes on in other lines.

    Such a value would contain the codes of these lines, which would be lost.
    """
    reader, line = csv.reader(file, delimiter=delimiter), 1
    try:
        for row in reader:
            if any("\n" in value or "\r" in value for value in row):
                raise csv.Error
            if any(value.strip() for value in row):
                yield f"{name}, line {line}", row
            line = reader.line_num + 1
    except csv.Error:
        raise CodeListError(
            f'{name}, line {line}: a value begins with a double quote (") that is not closed on the line, so the codes of the next lines would be '
            "lost. Close the quote, or remove it."
        ) from None


def half_of(row: Mapping[str, str], place: str) -> Half:
    """Return the half that a row of an index describes, without its codes."""
    if not row["list"] or row["system"] not in SYSTEMS:
        raise CodeListError(f"{place}: a row needs a list and a system ({', '.join(SYSTEMS)}).")
    includes = tuple(row.get("includes", "").split())
    half = Half(row["list"], row["system"], row.get("label", ""), includes, row.get("cluster", ""))
    return with_source(half, row)


def with_source(half: Half, row: Mapping[str, str]) -> Half:
    """Return a half with the source, version, date, licence and note of a row of an index."""
    source, version, day, licence, note = (row.get(name, "") for name in ("source", "version", "date", "licence", "note"))
    return replace(half, source=source, version=version, date=day, licence=licence, note=note)


@lru_cache(maxsize=1)
def read_strata_halves(folder: Path = OWN_FOLDER) -> Mapping[tuple[str, str], Half]:
    """Read every half of Strata's folder, by list and system. A test checks its codes, so reading does not."""
    halves = {}
    for place, row in read_rows(folder / INDEX, INDEX_COLUMNS):
        half = half_of(row, place)
        if (half.name, half.system) in halves:
            raise CodeListError(f"{place}: the list {half.name!r} already has a row of the system {half.system}. Remove one.")
        halves[half.name, half.system] = _with_codes(half, folder / half.system / f"{half.name}.csv", place)
    return halves


def _with_codes(half: Half, path: Path, place: str) -> Half:
    if not path.exists():
        if not half.includes:
            raise CodeListError(
                f"{place}: the list {half.name!r} includes no list, and there is no file {half.system}/{path.name}."
            )
        return half
    return replace(half, entries=tuple(_strata_entries(path, half)))


def _strata_entries(path: Path, half: Half) -> Iterator[CodeEntry]:
    """Yield the entries of a file of Strata. The many files with codes alone are read without looking at every row."""
    text = path.read_text(encoding="utf-8").splitlines()
    match = "prefix" if half.system in _PREFIXED else "exact"
    if text[0] == "code":
        yield from (CodeEntry(half.system, code, match, half.label, half.source) for code in text[1:])
    elif text[0] == "code,label":
        for code, label in csv.reader(text[1:]):
            yield CodeEntry(half.system, code, match, label, half.source)
    else:
        yield from (entry_of(row, half, row["code"], place) for place, row in read_rows(path, ("code",)))

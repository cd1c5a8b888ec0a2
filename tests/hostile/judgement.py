"""Runs one hostile input through ingest and validation and judges what came of it.

The rule: a row of the file is kept, set aside with a reason, or the file is refused with words. A row that nobody touched
is kept as it is kept of the clean extract. A cell that was touched is what it was, nothing, or what its own text says.
"""

from __future__ import annotations

import re
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from hostile.cases import Case, End
from hostile.clean_extracts import DELIVERED, CleanExtract, Line

from expectations.row_checks import PARSING_REASONS, sender_columns
from expectations.table import Column, Kind
from pipelines.errors import StrataError
from pipelines.extracts.ingest import current_extracts, ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

SHORTEST_WORDS = 40
SHORTEST_IDENTIFIER = 6  # a shorter value may stand in a message by chance
Row = dict[str, Any]


@dataclass
class Verdict:
    """What came of a case: how it ended, rows set aside, and every violation in words."""

    case: Case
    refused: str = ""
    set_aside: int = 0
    kept: int = 0
    traceback: str = ""
    lost: int = 0
    violations: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """The tables of a lake after one extract was taken in and validated."""

    lake: Lake
    case: Case
    nhs: NhsSettings

    @cached_property
    def stored(self) -> dict[int, Row]:
        """Give the stored rows by number."""
        if not self.lake.exists(self.case.extract.table.name):
            return {}
        rows = self.lake.read(self.case.extract.table.name, order="row_number").to_pylist()
        return {row["row_number"]: row for row in rows}

    @cached_property
    def quarantine(self) -> list[Row]:
        if not self.lake.exists("core__quarantine"):
            return []
        return self.lake.read("core__quarantine", "row_number, reason, action, column_name").to_pylist()

    @cached_property
    def kept(self) -> list[Row]:
        """Give the typed rows that go on to the core tables."""
        names = ", ".join(column.name for column in sender_columns(self.case.extract.table))
        with connect() as con:
            sql = validated_rows_sql(self.lake, self.nhs, self.case.extract.feed)
            return con.sql(f"SELECT row_number, {names} FROM {sql} ORDER BY ALL").to_arrow_table().to_pylist()

    def numbers(self, *reasons: str) -> set[int]:
        return {row["row_number"] for row in self.quarantine if row["reason"] in reasons}

    @property
    def set_aside(self) -> set[int]:
        return {row["row_number"] for row in self.quarantine if row["action"] == "set_aside"}


def baseline(extract: CleanExtract, folder: Path) -> list[Row]:
    """Give what is kept of the clean extract, in order of its rows; every row is."""
    outcome, refused = _run(Case("clean", "", extract, extract.lines(), extract.heading), folder)
    if refused is not None:
        raise refused
    assert len(outcome.kept) == len(extract.rows), f"the clean extract of {extract.feed} is not kept whole"
    return outcome.kept


def judge(case: Case, baselines: Mapping[str, list[Row]], folder: Path) -> Verdict:
    """Run a case in a folder of its own and give the verdict."""
    verdict = Verdict(case)
    try:
        outcome, refused = _run(case, folder)
        if refused is not None:
            _judge_refusal(verdict, outcome, str(refused))
            return verdict
        _judge_rows(verdict, outcome, baselines[case.extract.feed])
    except Exception:
        verdict.traceback = traceback.format_exc()
        verdict.violations.append(f"an error that is not for the user: {verdict.traceback.splitlines()[-1][:300]}")
    return verdict


def _run(case: Case, folder: Path) -> tuple[Outcome, StrataError | None]:
    """Take a case in and validate it; give the tables, and the words where it was refused."""
    landing, lake, extract = folder / "landing", Lake(folder / "lake"), case.extract
    case.put_down(landing)
    outcome = Outcome(lake, case, NhsSettings(feeds={extract.feed: case.feed_settings}))
    try:
        with connect() as con:
            ingest_feed(lake, con, extract.table, outcome.nhs, landing)
            validate_feed(lake, con, extract.table, outcome.nhs, ValidationSettings())
    except StrataError as error:
        return outcome, error
    return outcome, None


def _judge_refusal(verdict: Verdict, outcome: Outcome, words: str) -> None:
    case = verdict.case
    verdict.refused = words
    verdict.set_aside = len(outcome.set_aside)
    if case.end is End.TAKEN:
        verdict.violations.append(f"refused, and its good rows with it: {words[:300]}")
        verdict.lost += len(case.lines)
    if (case.named or Path(case.file_name).name) not in words or len(words) < SHORTEST_WORDS:
        verdict.violations.append(f"the words do not name the file: {words[:300]}")
    touched = {value for line in case.lines for value in line.touched.values()} - {DELIVERED}
    shown = [value for value in case.extract.identifiers | touched if len(value) >= SHORTEST_IDENTIFIER and value in words]
    if shown:
        verdict.violations.append(f"the words show {len(shown)} values of rows: {words[:200]}")
    if current_extracts(outcome.lake, case.extract.feed):
        _judge_count(verdict, outcome)  # refused by validation: what was stored is stored whole


def _judge_rows(verdict: Verdict, outcome: Outcome, clean: list[Row]) -> None:
    case = verdict.case
    if case.end is End.REFUSED:
        verdict.violations.append("taken in without a word")
    _judge_count(verdict, outcome)
    kept = outcome.kept
    verdict.kept, verdict.set_aside = len(kept), len(outcome.set_aside)
    _judge_untouched(verdict, kept, clean)
    told: dict[int, set[str]] = {}
    for row in outcome.quarantine:
        told.setdefault(row["row_number"], set()).add(row["action"])
    by_number = {row["row_number"]: row for row in kept}
    for number, line in enumerate(case.lines, start=1):
        if line.clean is not None and line.touched and number in by_number:
            _judge_touched(verdict, line, by_number[number], clean[line.clean], told.get(number, set()))
        elif line.clean is None and not line.plausible and line.text.strip() and number not in told:
            verdict.violations.append(f"line {number} is no good row and was kept without a word")


def _judge_count(verdict: Verdict, outcome: Outcome) -> None:
    """Check that each line is stored or set aside with a reason, never both and never neither."""
    lines = verdict.case.lines
    unreadable = outcome.numbers(*PARSING_REASONS)
    for number, line in enumerate(lines, start=1):
        places = (number in outcome.stored) + (number in unreadable)
        blank = not line.text.strip(b"\r")
        if places != (not blank):
            verdict.lost += not places
            verdict.violations.append(f"line {number} is in {places} of raw table and quarantine")
    beyond = {number for number in (*outcome.stored, *unreadable) if not 1 <= number <= len(lines)}
    if beyond:
        verdict.violations.append(f"{len(beyond)} rows that no line of the file is")


def _judge_untouched(verdict: Verdict, kept: list[Row], clean: list[Row]) -> None:
    good = {line.clean for line in verdict.case.lines if line.untouched}
    found = Counter(_content(row) for row in kept)
    for number in sorted(number for number in good if number is not None):
        copies = found[_content(clean[number])]
        if copies != 1:
            verdict.lost += not copies
            verdict.violations.append(f"the good row {number + 1} is kept {copies} times")


def _content(row: Row) -> tuple[tuple[str, Any], ...]:
    return tuple((name, value) for name, value in row.items() if name != "row_number")


def _judge_touched(verdict: Verdict, line: Line, kept: Row, clean: Row, told: set[str]) -> None:
    """Check a row whose cells were touched: nothing else of it changed, and nothing is read as what it does not say.

    `told` holds what the quarantine says was done with the row: a rule may empty another cell or repair one, and says so.
    """
    table = verdict.case.extract.table
    columns = {column.name: column for column in sender_columns(table)}
    repaired = {name for rule in table.row_rules if rule.repair for name in rule.columns} if "repaired" in told else set()
    for name, value in kept.items():
        if name == "row_number" or value == clean[name] or name in repaired:
            continue
        text = line.touched.get(name)
        if value is None:
            if not told and (text is None or text.strip() not in ("", "NULL")):
                verdict.violations.append(f"{name} was emptied without a reason")
        elif text is None:
            verdict.violations.append(f"{name} was not touched and was changed")
        elif name == "person_id" and re.match(r"[=+@]|-.*[^0-9]", str(value)):
            verdict.violations.append("a spreadsheet's formula was kept as a pseudonym")
        elif not says(columns[name], text, value):
            verdict.violations.append(f"{name} was read as something that its text does not say")


def says(column: Column, text: str, value: object) -> bool:
    """Tell whether a cell's text can be read as a value: written apart from how Strata reads it."""
    plain = text.strip(" \t\xa0")
    if column.name == "postcode_status":  # what a postcode led to, not what it is
        return str(value) in column.allowed
    if column.kind in (Kind.INTEGER, Kind.NUMBER):
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", plain, re.ASCII):
            return False
        return float(plain) == float(str(value)) and (column.minimum is None or float(plain) >= column.minimum)
    if column.kind is Kind.DATE and isinstance(value, date):
        digits = re.findall(r"[0-9]+", plain)
        wanted = {str(value.year), f"{value.year:04d}"}
        return any(digit in wanted or digit.startswith(f"{value.year:04d}") for digit in digits) or plain.endswith(
            str(value.year)
        )
    if column.allowed:
        return str(value) in column.allowed and plain.upper() == str(value).upper()
    return plain.upper() == str(value).upper()

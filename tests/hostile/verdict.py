"""Run one hostile input through ingest and validation, and evaluate the result.

Each row of the file must be kept or set aside with a reason, or the file must be refused with a message. An unchanged row is kept exactly
as in the clean extract. A changed cell has its original value, no value, or the value that its text states.
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
from pipelines.extracts.extract_records import current_extracts
from pipelines.extracts.ingest import ingest_feed
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.storage import Lake
from pipelines.sources.nhs import NhsSettings
from pipelines.validation.validate import ValidationSettings, validate_feed
from pipelines.validation.validated_rows import validated_rows_sql

SHORTEST_MESSAGE = 40
SHORTEST_IDENTIFIER = 6  # shorter values can be part of a message by chance
# A row of objections that names no one stops a delivery. Its place and reason are checked here, and the stop in the unit tests.
SETTINGS = ValidationSettings(limits={"objections_lost": 1})
Row = dict[str, Any]


@dataclass
class Verdict:
    """The result of a case: how it ended, its counts of rows, and every violation."""

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
        """Return the stored rows by number."""
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
        """Return the typed rows that go on to the core tables."""
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
    """Return the kept rows of the clean extract, in order; all its rows must be kept."""
    outcome, refused = _run(Case("clean", "", extract, extract.lines(), extract.heading), folder)
    if refused is not None:
        raise refused
    assert len(outcome.kept) == len(extract.rows), f"not all rows of the clean extract of {extract.feed} are kept"
    return outcome.kept


def evaluate(case: Case, baselines: Mapping[str, list[Row]], folder: Path) -> Verdict:
    """Run a case in a separate folder and return the verdict."""
    verdict = Verdict(case)
    try:
        outcome, refused = _run(case, folder)
        if refused is not None:
            _check_refusal(verdict, outcome, str(refused))
            return verdict
        _check_rows(verdict, outcome, baselines[case.extract.feed])
    except Exception:
        verdict.traceback = traceback.format_exc()
        verdict.violations.append(f"an unexpected error instead of a message: {verdict.traceback.splitlines()[-1][:300]}")
    return verdict


def _run(case: Case, folder: Path) -> tuple[Outcome, StrataError | None]:
    """Ingest and validate a case, and return the tables and the error if it was refused."""
    landing, lake, extract = folder / "landing", Lake(folder / "lake"), case.extract
    case.write(landing)
    outcome = Outcome(lake, case, NhsSettings(feeds={extract.feed: case.feed_settings}))
    try:
        with connect() as con:
            ingest_feed(lake, con, extract.table, outcome.nhs, landing)
            validate_feed(lake, con, extract.table, outcome.nhs, SETTINGS)
    except StrataError as error:
        return outcome, error
    return outcome, None


def _check_refusal(verdict: Verdict, outcome: Outcome, message: str) -> None:
    case = verdict.case
    verdict.refused = message
    verdict.set_aside = len(outcome.set_aside)
    if case.end is End.ACCEPTED:
        verdict.violations.append(f"the file was refused, and its good rows were lost: {message[:300]}")
        verdict.lost += len(case.lines)
    if (case.expected_name or Path(case.file_name).name) not in message or len(message) < SHORTEST_MESSAGE:
        verdict.violations.append(f"the message does not name the file: {message[:300]}")
    changed_values = {value for line in case.lines for value in line.changes.values()} - {DELIVERED}
    row_values = case.extract.identifiers | changed_values
    leaks = [value for value in row_values if len(value) >= SHORTEST_IDENTIFIER and value in message]
    if leaks:
        verdict.violations.append(f"the message shows {len(leaks)} values of rows: {message[:200]}")
    if current_extracts(outcome.lake, case.extract.feed):
        _check_count(verdict, outcome)  # refused by validation: all rows must be stored


def _check_rows(verdict: Verdict, outcome: Outcome, clean: list[Row]) -> None:
    case = verdict.case
    if case.end is End.REFUSED:
        verdict.violations.append("the file was accepted, and it should have been refused")
    _check_count(verdict, outcome)
    kept = outcome.kept
    verdict.kept, verdict.set_aside = len(kept), len(outcome.set_aside)
    _check_unchanged_rows(verdict, kept, clean)
    actions_by_row: dict[int, set[str]] = {}
    for row in outcome.quarantine:
        actions_by_row.setdefault(row["row_number"], set()).add(row["action"])
    by_number = {row["row_number"]: row for row in kept}
    for number, line in enumerate(case.lines, start=1):
        if line.clean_row is not None and line.changes and number in by_number:
            actions = actions_by_row.get(number, set())
            _check_changed_row(verdict, line, by_number[number], clean[line.clean_row], actions)
        elif line.clean_row is None and not line.plausible and line.text.strip() and number not in actions_by_row:
            verdict.violations.append(f"line {number} is not a good row and was kept without a reason")


def _check_count(verdict: Verdict, outcome: Outcome) -> None:
    """Check that each line is either stored or set aside with a reason, and not both."""
    lines = verdict.case.lines
    unreadable = outcome.numbers(*PARSING_REASONS)
    for number, line in enumerate(lines, start=1):
        places = (number in outcome.stored) + (number in unreadable)
        blank = not line.text.strip(b"\r")
        if places != (not blank):
            verdict.lost += not places
            verdict.violations.append(f"line {number} is in {places} of the two tables raw and quarantine, and should be in one")
    beyond = {number for number in (*outcome.stored, *unreadable) if not 1 <= number <= len(lines)}
    if beyond:
        verdict.violations.append(f"{len(beyond)} rows have no line in the file")


def _check_unchanged_rows(verdict: Verdict, kept: list[Row], clean: list[Row]) -> None:
    good = {line.clean_row for line in verdict.case.lines if line.is_unchanged}
    counts = Counter(_content(row) for row in kept)
    for number in sorted(number for number in good if number is not None):
        copies = counts[_content(clean[number])]
        if copies != 1:
            verdict.lost += not copies
            verdict.violations.append(f"the good row {number + 1} is kept {copies} times")


def _content(row: Row) -> tuple[tuple[str, Any], ...]:
    return tuple((name, value) for name, value in row.items() if name != "row_number")


def _check_changed_row(verdict: Verdict, line: Line, kept: Row, clean: Row, actions: set[str]) -> None:
    """Check a row with changed cells: other cells are unchanged, and each changed cell has the value its text states.

    `actions` are the actions that the quarantine records for the row: a rule may empty or repair other cells if it is recorded.
    """
    table = verdict.case.extract.table
    columns = {column.name: column for column in sender_columns(table)}
    repaired = {name for rule in table.row_rules if rule.repair for name in rule.columns} if "repaired" in actions else set()
    for name, value in kept.items():
        if name == "row_number" or value == clean[name] or name in repaired:
            continue
        text = line.changes.get(name)
        if value is None:
            if not actions and (text is None or text.strip() not in ("", "NULL")):
                verdict.violations.append(f"{name} was emptied without a reason")
        elif text is None:
            verdict.violations.append(f"{name} differs although it was not changed in the file")
        elif name == "person_id" and re.match(r"[=+@]|-.*[^0-9]", str(value)):
            verdict.violations.append("a spreadsheet formula was kept as a pseudonym")
        elif not states(columns[name], text, value):
            verdict.violations.append(f"{name} was read as a value that its text does not state")


def states(column: Column, text: str, value: object) -> bool:
    """Return whether a cell's text states a value; this does not use Strata's own parsing."""
    plain = text.strip(" \t\xa0")
    if column.name == "postcode_status":  # the status of the postcode, not the postcode
        return str(value) in column.allowed
    if column.kind in (Kind.INTEGER, Kind.NUMBER):
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", plain, re.ASCII):
            return False
        return float(plain) == float(str(value)) and (column.minimum is None or float(plain) >= column.minimum)
    if column.kind is Kind.DATE and isinstance(value, date):
        digits = re.findall(r"[0-9]+", plain)
        years = {str(value.year), f"{value.year:04d}"}
        return any(digit in years or digit.startswith(f"{value.year:04d}") for digit in digits) or plain.endswith(str(value.year))
    if column.allowed:
        return str(value) in column.allowed and plain.upper() == str(value).upper()
    return plain.upper() == str(value).upper()

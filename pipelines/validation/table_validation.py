"""The table rules of one delivery: evaluated on its summary, run as a suite, recorded with their figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from expectations.delivery_figures import Answer, Finding, Summary
from expectations.table import Severity, Table, TableRule
from expectations.table_checks import CHECKS
from expectations.tables.records import VALIDATION
from pipelines.lake.storage import Lake
from pipelines.validation.row_validation import CountMismatch, RowOutcome
from pipelines.validation.validation_settings import AcceptedBreach, ValidationSettings

if TYPE_CHECKING:
    from expectations.validation import Engine

MOST_RECORDED = 500  # of one rule in one delivery


@dataclass(frozen=True)
class Breach:
    """The result of a table rule in one delivery; without a finding the rule is kept."""

    feed: str
    delivery: date
    rule: TableRule
    limit: float | None
    figure: float
    finding: Finding | None = None
    accepted: AcceptedBreach | None = None

    @property
    def stops(self) -> bool:
        return self.finding is not None and self.accepted is None and self.rule.severity is Severity.STOP

    @property
    def words(self) -> str:
        """Return what is broken, where, by how much and against which limit."""
        if self.finding is None:
            return ""
        limit = "" if self.limit is None else f" (limit {self.limit:g})"
        return f"{self.rule.name}, delivery of {self.delivery}: {self.finding.message}{limit}"


def answer_table_rules(
    engine: Engine, table: Table, day: date, summary: Summary, outcomes: list[RowOutcome], settings: ValidationSettings
) -> list[Breach]:
    """Evaluate every table rule. The suite that runs on the figures must find the same places."""
    limits = {rule.name: settings.limit(table.feed, rule.name, rule.limit) for rule in table.table_rules}
    answers = {rule.name: CHECKS[rule.check](summary, limits[rule.name] or 0.0, rule.columns) for rule in table.table_rules}
    _run_as_suite(engine, table, day, answers, outcomes)
    breaches = []
    for rule in table.table_rules:
        answer, limit = answers[rule.name], limits[rule.name]
        if not answer.findings:
            breaches.append(Breach(table.feed, day, rule, limit, answer.figure))
        breaches += [
            Breach(table.feed, day, rule, limit, answer.figure, finding, _accepted(settings, table.feed, rule.name, day, finding))
            for finding in answer.findings
        ]
    return breaches


def _run_as_suite(engine: Engine, table: Table, day: date, answers: dict[str, Answer], outcomes: list[RowOutcome]) -> None:
    """Run the figures of the delivery as a suite: those of the table rules, and the rows that break each row rule."""
    from expectations.suites import summary_suite  # its import takes seconds

    checks = {check.name: check for outcome in outcomes for check in outcome.checks}
    rows_broken = Counter(dict.fromkeys(checks, 0))
    for outcome in outcomes:
        rows_broken.update(outcome.broken)
    figures = {**{name: answer.figure for name, answer in answers.items()}, **rows_broken}
    limits = {rule.name: (answers[rule.name].least, answers[rule.name].most, rule.description) for rule in table.table_rules}
    limits |= {name: (None, 0, f"{check.description} ({check.action.value})") for name, check in checks.items()}
    broken = engine.check_summary(pd.DataFrame(figures, index=[0]), summary_suite(f"{table.name}__delivery_{day}", limits))
    found = {name for name, answer in answers.items() if answer.findings} | (+rows_broken).keys()
    if broken != found:
        raise CountMismatch(
            f"{table.name}: the engine finds {sorted(broken - found)} broken, the summaries {sorted(found - broken)}"
        )


def _accepted(settings: ValidationSettings, feed: str, rule: str, day: date, finding: Finding) -> AcceptedBreach | None:
    for breach in settings.accepted:
        if (breach.feed, breach.rule, breach.delivery) == (feed, rule, day) and breach.organisation in ("", finding.organisation):
            return breach
    return None


def record_results(lake: Lake, table: Table, day: date, outcomes: list[RowOutcome], breaches: list[Breach]) -> None:
    """Replace the recorded results of a delivery: row rules by extract, table rules by the day of the delivery."""
    for outcome in outcomes:
        _put(lake, table.feed, outcome.profile.extract.extract_id, _row_results(outcome))
    counted: dict[str, int] = {}
    rows = []
    for breach in breaches:
        counted[breach.rule.name] = counted.get(breach.rule.name, 0) + 1
        if counted[breach.rule.name] <= MOST_RECORDED:
            rows.append(_table_result(breach))
    _put(lake, table.feed, day.isoformat(), rows)


def _row_results(outcome: RowOutcome) -> list[dict[str, Any]]:
    return [
        {
            "rule": check.reason, "column_name": check.column, "organisation_code": "", "month": None, "severity": check.action.value,
            "rows_broken": outcome.broken[check.name], "share": outcome.broken[check.name] / outcome.rows if outcome.rows else None,
            "limit": None, "passed": not outcome.broken[check.name], "note": "",
        }
        for check in outcome.checks
    ]  # fmt: skip


def _table_result(breach: Breach) -> dict[str, Any]:
    finding = breach.finding or Finding("")
    accepted = f" Accepted: {breach.accepted.reason}" if breach.accepted else ""
    return {
        "rule": breach.rule.name, "column_name": finding.column, "organisation_code": finding.organisation, "month": finding.month,
        "severity": breach.rule.severity.value, "rows_broken": finding.rows, "share": breach.figure if finding.share is None else finding.share,
        "limit": breach.limit, "passed": breach.finding is None or breach.accepted is not None, "note": finding.message + accepted,
    }  # fmt: skip


def _put(lake: Lake, feed: str, extract_id: str, rows: list[dict[str, Any]]) -> None:
    lake.write(VALIDATION, rows, {"feed": feed, "extract_id": extract_id})

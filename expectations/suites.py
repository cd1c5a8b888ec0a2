"""Great Expectations suites derived from the declarations: what is checked, in the engine's words."""

from __future__ import annotations

import re

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from expectations.row_checks import RowCheck
from expectations.table import Column, Table

NATIVE = ("missing_value", "not_in_vocabulary")
UNREAD = ("missing_value", "unreadable_number", "unreadable_date", "second_date_format")
COUNTS = "checks"  # the key of an expectation's meta that names the checks whose rows it counts


def row_suite(table: Table, checks: list[RowCheck]) -> gx.ExpectationSuite:
    """Give the suite of a batch: a column's vocabulary and presence on what was read, every other check on its flag.

    A batch holds the `shown_columns` (the read values where there is a vocabulary, else 1 or null) and a boolean column for
    each check. Ranges are flags because the engine compares values one by one in Python, at ten times the cost.
    """
    expectations = [_native(table.column(check.column), check, checks) for check in checks if check.reason in NATIVE]
    expectations += [_flag(check) for check in checks if check.reason not in NATIVE]
    return gx.ExpectationSuite(name=f"{table.name}__rows", expectations=expectations)


def shown_columns(checks: list[RowCheck]) -> list[str]:
    """List the columns that a batch must show."""
    return list(dict.fromkeys(check.column for check in checks if check.reason in NATIVE))


def summary_suite(name: str, limits: dict[str, tuple[float | None, float | None, str]]) -> gx.ExpectationSuite:
    """Give the suite of a one-row summary: each figure between its limits, with the rule in words."""
    expectations: list[Expectation] = [
        gxe.ExpectColumnMaxToBeBetween(column=figure, min_value=low, max_value=high, notes=words)
        for figure, (low, high, words) in limits.items()
    ]
    return gx.ExpectationSuite(name=name, expectations=expectations)


def _native(column: Column, check: RowCheck, checks: list[RowCheck]) -> Expectation:
    """State a column's rule natively; an empty read value is one that was missing or could not be read."""
    if check.reason == "missing_value":
        counted = [other.name for other in checks if other.column == column.name and other.reason in UNREAD]
        return gxe.ExpectColumnValuesToNotBeNull(column=column.name, notes=check.description, meta={COUNTS: counted})
    meta = {COUNTS: [check.name]}
    if column.allowed:
        return gxe.ExpectColumnValuesToBeInSet(
            column=column.name, value_set=list(column.allowed), notes=check.description, meta=meta
        )
    return gxe.ExpectColumnValuesToMatchRegex(
        column=column.name, regex=f"^(?:{_without_groups(column.pattern)})$", notes=check.description, meta=meta
    )


def _without_groups(pattern: str) -> str:
    """Give a pattern whose groups capture nothing: pandas warns of those that do."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)


def _flag(check: RowCheck) -> Expectation:
    return gxe.ExpectColumnValuesToBeInSet(
        column=check.name, value_set=[False], notes=check.description, meta={COUNTS: [check.name]}
    )

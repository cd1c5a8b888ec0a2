"""Great Expectations suites derived from the declarations: what is checked, in the engine's words."""

from __future__ import annotations

from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from expectations.cheap_expectations import ExpectCodesToMatchPattern, ExpectFlagToBeUnset
from expectations.row_checks import RowCheck
from expectations.table import Column, Table

NATIVE = ("missing_value", "not_in_vocabulary", "out_of_range")
UNREAD = ("missing_value", "unreadable_number", "unreadable_date", "second_date_format")
COUNTS = "checks"  # the key of an expectation's meta that names the checks whose rows it counts


def value_suite(table: Table, checks: list[RowCheck]) -> gx.ExpectationSuite:
    """Give the suite of a batch's read values: presence, vocabulary and range of a column.

    A batch holds the `shown_columns`: categories where there is a vocabulary, numbers where there is a range, else 1 or null.
    """
    expectations = [_native(table.column(check.column), check, checks) for check in checks if check.reason in NATIVE]
    return gx.ExpectationSuite(name=f"{table.name}__values", expectations=expectations)


def flag_suite(table: Table, checks: list[RowCheck]) -> gx.ExpectationSuite:
    """Give the suite of a batch's flags: the checks on what was written or on several columns, each a boolean column of its name."""
    expectations: list[Expectation] = [
        ExpectFlagToBeUnset(column=check.name, notes=check.description, meta={COUNTS: [check.name]})
        for check in flagged_checks(checks)
    ]
    return gx.ExpectationSuite(name=f"{table.name}__flags", expectations=expectations)


def flagged_checks(checks: list[RowCheck]) -> list[RowCheck]:
    """List the checks that the engine sees as flags."""
    return [check for check in checks if check.reason not in NATIVE]


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
    told: dict[str, Any] = {"column": column.name, "notes": check.description, "meta": {COUNTS: [check.name]}}
    if check.reason == "out_of_range":
        return gxe.ExpectColumnValuesToBeBetween(min_value=column.minimum, max_value=column.maximum, **told)
    if column.allowed:
        return gxe.ExpectColumnValuesToBeInSet(value_set=list(column.allowed), **told)
    return ExpectCodesToMatchPattern(pattern=column.pattern, **told)

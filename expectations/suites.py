"""Great Expectations suites, derived from the declarations."""

from __future__ import annotations

from typing import Any

import great_expectations as gx
from great_expectations.expectations.expectation import Expectation

from expectations.cheap_expectations import (
    ExpectCodesToMatchPattern,
    ExpectFigureWithinLimits,
    ExpectFlagToBeUnset,
    ExpectValuesInRange,
    ExpectValuesInVocabulary,
    ExpectValuesPresent,
)  # fmt: skip
from expectations.row_checks import RowCheck
from expectations.table import Column, Table

NATIVE = ("missing_value", "not_in_vocabulary", "out_of_range")
UNREAD = ("missing_value", "unreadable_number", "unreadable_date", "second_date_format")
COUNTS = "checks"  # key in the metadata of an expectation: the checks whose rows it counts


def value_suite(table: Table, checks: list[RowCheck]) -> gx.ExpectationSuite:
    """Return the suite of the values of a batch: presence, vocabulary and range of each column.

    A batch has the `shown_columns`: categories for a vocabulary, numbers for a range, otherwise 1 or null.
    """
    expectations = [_native(table.column(check.column), check, checks) for check in checks if check.reason in NATIVE]
    return gx.ExpectationSuite(name=f"{table.name}__values", expectations=expectations)


def flag_suite(table: Table, checks: list[RowCheck]) -> gx.ExpectationSuite:
    """Return the suite of the flags of a batch: checks on the text or on several columns, each a boolean column with its name."""
    expectations: list[Expectation] = [
        ExpectFlagToBeUnset(column=check.name, notes=check.description, meta={COUNTS: [check.name]})
        for check in flagged_checks(checks)
    ]
    return gx.ExpectationSuite(name=f"{table.name}__flags", expectations=expectations)


def flagged_checks(checks: list[RowCheck]) -> list[RowCheck]:
    """Return the checks that are flags in a batch."""
    return [check for check in checks if check.reason not in NATIVE]


def shown_columns(checks: list[RowCheck]) -> list[str]:
    """Return the columns that a batch must have."""
    return list(dict.fromkeys(check.column for check in checks if check.reason in NATIVE))


def summary_suite(name: str, limits: dict[str, tuple[float | None, float | None, str]]) -> gx.ExpectationSuite:
    """Return the suite of a summary with one row: each figure between its limits, with the text of its rule."""
    expectations: list[Expectation] = [
        ExpectFigureWithinLimits(column=figure, min_value=low, max_value=high, notes=text)
        for figure, (low, high, text) in limits.items()
    ]
    return gx.ExpectationSuite(name=name, expectations=expectations)


def _native(column: Column, check: RowCheck, checks: list[RowCheck]) -> Expectation:
    """Return the expectation of a column's check. A null value was missing or could not be read."""
    if check.reason == "missing_value":
        counted = [other.name for other in checks if other.column == column.name and other.reason in UNREAD]
        return ExpectValuesPresent(column=column.name, notes=check.description, meta={COUNTS: counted})
    arguments: dict[str, Any] = {"column": column.name, "notes": check.description, "meta": {COUNTS: [check.name]}}
    if check.reason == "out_of_range":
        return ExpectValuesInRange(min_value=column.minimum, max_value=column.maximum, **arguments)
    if column.allowed:
        return ExpectValuesInVocabulary(value_set=list(column.allowed), **arguments)
    return ExpectCodesToMatchPattern(pattern=column.pattern, **arguments)

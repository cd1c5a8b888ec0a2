"""Checks on the values of columns: which columns they name, and with which share."""

import pandas as pd
import pytest

from expectations.delivery_figures import Summary, Thresholds
from expectations.value_checks import (
    columns_present,
    share_of_values,
    single_value,
    unknown_codes,
    unknown_codes_in_lists,
    values_emptied,
)

EXTRACTS = pd.DataFrame({"file_name": ["a.csv"], "rows": [100], "set_aside": [5], "columns_missing": [""]})


def test_a_missing_column_is_named() -> None:
    found = columns_present(Summary(EXTRACTS.assign(columns_missing="person_id")), 0.0, ())
    assert [finding.message for finding in found.findings] == ["a.csv has no column person_id"]
    assert columns_present(Summary(EXTRACTS), 0.0, ()).findings == []


@pytest.mark.parametrize(("now", "before", "broken"), [(1, 2, 1), (1, None, 0), (2, 2, 0), (0, 2, 1)])
def test_a_column_is_frozen_only_against_the_delivery_before(now: int, before: float | None, broken: int) -> None:
    columns = pd.DataFrame(
        {"column": ["sex"], "rows": [100], "values": [100], "outside": [0], "different": [now], "different_before": [before]}
    )
    summary = Summary(EXTRACTS, columns=columns.astype({"different_before": float}), thresholds=Thresholds(10, 10))
    assert len(single_value(summary, 0.0, ("sex",)).findings) == broken


def test_too_many_unknown_codes_are_named_with_their_share() -> None:
    columns = pd.DataFrame(
        {"column": ["sex"], "rows": [100], "values": [80], "outside": [40], "different": [2], "different_before": [2.0]}
    )
    found = unknown_codes(Summary(EXTRACTS, columns=columns), 0.3, ("sex",))
    assert found.findings[0].message == "40 of 80 values of sex are outside its vocabulary (50.0%)"


def test_too_many_lists_without_some_of_their_codes_are_named_with_their_share() -> None:
    columns = pd.DataFrame({"column": ["diagnoses", "other"], "values": [80, 80], "incomplete": [20, 7]})
    found = unknown_codes_in_lists(Summary(EXTRACTS, columns=columns), 0.1, ("diagnoses", "other"))
    assert [(finding.column, finding.rows, finding.share) for finding in found.findings] == [("diagnoses", 20, 0.25)]
    assert found.findings[0].message.startswith("20 of 80 values of diagnoses have some codes outside its vocabulary (25.0%).")


def test_a_provider_that_sends_no_ethnicity_is_named() -> None:
    groups = pd.DataFrame(
        {"organisation": ["RX1", "RX2"], "column": ["ethnic_category"] * 2, "rows": [100, 100], "not_known": [60, 10]}
    )
    found = share_of_values(Summary(EXTRACTS, not_known=groups, thresholds=Thresholds(10, 10)), 0.4, ("ethnic_category",))
    assert [finding.organisation for finding in found.findings] == ["RX1"]


def test_an_empty_column_is_named_where_an_unused_header_may_have_its_values() -> None:
    found = columns_present(Summary(EXTRACTS.assign(columns_hidden="death_date (DEATH_DATE)")), 0.0, ())
    assert [finding.message for finding in found.findings] == [
        "a.csv has no value in the column death_date (DEATH_DATE), and a header that is not used may be that column"
    ]


def test_a_column_that_the_previous_delivery_had_is_named() -> None:
    found = columns_present(Summary(EXTRACTS.assign(columns_gone="sex (SEX)")), 0.0, ())
    assert [finding.message for finding in found.findings] == ["a.csv has no column sex (SEX), which the previous delivery had"]


@pytest.mark.parametrize(
    ("organisation", "rows", "filled", "expected", "by_chance", "broken"),
    [
        ("", 200, 0, 80.0, 0.0, 1), ("", 200, 39, 80.0, 0.0, 1), ("", 200, 40, 80.0, 0.0, 0), ("", 200, 90, 80.0, 0.0, 0),
        ("", 30, 0, 9.0, 0.0, 1), ("", 30, 0, 3.0, 0.0, 0), ("", 30, 0, 9.0, 9.0, 0), ("", 100, 0, 0.0, 0.0, 0),
        ("Y00001", 200, 0, 80.0, 0.0, 1), ("Y00001", 30, 0, 9.0, 0.0, 0),
    ],
)  # fmt: skip
def test_a_column_that_is_no_longer_filled_is_named(
    organisation: str, rows: int, filled: int, expected: float, by_chance: float, broken: int
) -> None:
    frame = pd.DataFrame([("end_date", organisation, rows, filled, expected, by_chance)], columns=["column", "organisation", "rows", "filled", "expected", "by_chance"])  # fmt: skip
    found = values_emptied(Summary(EXTRACTS, filled=frame, thresholds=Thresholds(10, 10)), 0.5, ("end_date",))
    assert [(finding.organisation, finding.column) for finding in found.findings] == [(organisation, "end_date")] * broken
    assert values_emptied(Summary(EXTRACTS, filled=frame), 0.5, ("death_date",)).findings == []

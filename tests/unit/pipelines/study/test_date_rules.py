"""Index dates that contradict each other or the data cut, whether they are named or follow from the data cut."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipelines.study.date_rules import DELIVERIES, contradictory_dates
from pipelines.study.settings import StudySettings

CUT = date(2026, 1, 1)  # the derived dates are 2023-01-01 and 2023-07-01 for training, and 2024-10-01 for the test
TRAIN, TEST, SCORE = "study.index_dates.train", "study.index_dates.test", "study.index_dates.score"
DERIVED_TEST = "the test date 2024-10-01 (from the data cut 2026-01-01)"


def messages(data_cut: date | None = CUT, **study: Any) -> list[str]:
    return contradictory_dates(StudySettings.model_validate(study), data_cut, DELIVERIES)


@pytest.mark.parametrize(
    ("study", "texts"),
    [
        (
            {"index_dates": {"train": ["2024-07-01"]}},
            (f"{TRAIN} 2024-07-01", DERIVED_TEST, "up to 2023-07-04, or a later data cut"),
        ),
        ({"index_dates": {"train": ["2025-12-01"]}}, (f"{TRAIN} 2025-12-01", DERIVED_TEST, "Choose training dates up to")),
        ({"index_dates": {"train": ["2024-10-01"]}}, (DERIVED_TEST, TRAIN, "Remove the date from one of the two")),
        (
            {"index_dates": {"score": "2024-01-01"}},
            (f"{SCORE} 2024-01-01", DERIVED_TEST, "Choose a scoring date on or after the test date"),
        ),
        (
            {"index_dates": {"score": "2023-02-01", "test": None}},
            (SCORE, "the training dates 2023-07-01 (from the data cut 2026-01-01)", "earlier training dates"),
        ),
        (
            {"index_dates": {"test": "2025-06-01"}},
            (f"{TEST} 2025-06-01 and the data cut 2026-01-01", "up to 2024-10-02", "a later data cut"),
        ),
        (
            {"index_dates": {"test": "2026-01-02"}},
            ("study.index_dates.test has 2026-01-02", "after the data cut 2026-01-01", "an earlier date"),
        ),
        (
            {"index_dates": {"score": "2026-01-02"}},
            ("study.index_dates.score has 2026-01-02", "after the data cut", "a later data cut"),
        ),
        (
            {"validation": {"rolling_origins": 1}},
            (
                "study.validation.rolling_origins 1",
                "the training dates 2023-01-01, 2023-07-01 (from the data cut",
                "further apart",
            ),
        ),
    ],
)
def test_dates_that_contradict_those_of_the_data_cut_are_named_with_a_remedy(study: dict, texts: tuple[str, ...]) -> None:
    found = "; ".join(messages(**study))
    assert [text for text in texts if text not in found] == []
    assert messages(None, **study) == []  # without a data cut there is nothing to compare with


@pytest.mark.parametrize(
    "study",
    [
        {}, {"index_dates": {"train": ["2023-07-04"]}}, {"index_dates": {"test": "2024-10-02"}}, {"index_dates": {"score": "2024-10-01"}},
        {"index_dates": {"training_dates": 24, "months_between": 1}}, {"outcome": {"horizon_days": 30, "maturity_days": 0}},
        {"validation": {"rolling_origins": 1}, "index_dates": {"months_between": 15}}, {"validation": {"kind": "person_folds"}},
    ],
)  # fmt: skip
def test_dates_that_fit_the_data_cut_are_accepted(study: dict) -> None:
    assert messages(**study) == []

from calendar import monthrange
from datetime import date, timedelta

import pytest

from expectations.maturity import has_matured
from pipelines.study.index_dates import months_before, planned_index_dates
from pipelines.study.settings import StudySettings


def test_index_dates_are_derived_from_the_data_cut() -> None:
    plan = planned_index_dates(StudySettings(), date(2026, 1, 1))
    # The horizon of the test date and its 90 days of maturity end before the data cut. Training ends equally long before the test date.
    assert plan == {
        "train": (date(2023, 1, 1), date(2023, 7, 1)),
        "test": (date(2024, 10, 1),),
        "score": (date(2026, 1, 1),),
    }
    # From 1 September 2024, a year and 90 days end on 30 November 2025. A data cut on that day is one day too early.
    assert planned_index_dates(StudySettings(), date(2025, 11, 30))["test"] == (date(2024, 8, 30),)
    assert planned_index_dates(StudySettings(), date(2025, 12, 1))["test"] == (date(2024, 9, 1),)


@pytest.mark.parametrize("cut", [date(2025, 11, 15), date(2026, 1, 31), date(2026, 2, 28), date(2024, 2, 29)])
def test_derived_dates_are_as_long_after_a_monthly_delivery_as_the_data_cut(cut: date) -> None:
    plan = planned_index_dates(StudySettings(), cut)
    horizon, maturity = StudySettings().outcome.horizon_days, StudySettings().outcome.maturity_days
    dates = [*plan["train"], *plan["test"]]
    assert [day.day for day in dates] == [min(cut.day, monthrange(day.year, day.month)[1]) for day in dates]
    assert has_matured(plan["test"][0], cut, horizon, maturity)
    assert max(plan["train"]) + timedelta(days=horizon + maturity) <= plan["test"][0]
    next_month = plan["test"][0] + timedelta(days=31)
    assert not has_matured(next_month, cut, horizon, maturity)  # there is no later one


def test_index_dates_of_the_settings_are_used() -> None:
    dates = {"train": ["2023-02-01"], "test": "2024-09-15", "score": "2025-12-01"}
    study = StudySettings.model_validate({"index_dates": dates})
    assert planned_index_dates(study, date(2026, 1, 1)) == {
        "train": (date(2023, 2, 1),),
        "test": (date(2024, 9, 15),),
        "score": (date(2025, 12, 1),),
    }


def test_the_number_of_training_dates_and_the_months_between_them_are_settings() -> None:
    study = StudySettings.model_validate({"index_dates": {"training_dates": 3, "months_between": 4}})
    assert planned_index_dates(study, date(2026, 1, 1))["train"] == (date(2022, 11, 1), date(2023, 3, 1), date(2023, 7, 1))


@pytest.mark.parametrize(
    ("day", "months", "first"),
    [
        (date(2026, 3, 31), 0, date(2026, 3, 1)),
        (date(2026, 3, 31), 3, date(2025, 12, 1)),
        (date(2026, 12, 5), 12, date(2025, 12, 1)),
        (date(2026, 1, 1), 25, date(2023, 12, 1)),
    ],
)
def test_months_are_counted_back_to_the_first_day_of_a_month(day: date, months: int, first: date) -> None:
    assert months_before(day, months) == first

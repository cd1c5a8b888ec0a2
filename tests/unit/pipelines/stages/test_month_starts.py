from datetime import date

import pytest

from pipelines.errors import RefusalError
from pipelines.stages.run_plan import month_starts


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(2024, 1, 31), date(2024, 1, 1), [date(2024, 1, 1)]),
        (date(2023, 11, 5), date(2024, 2, 29), [date(2023, 11, 1), date(2023, 12, 1), date(2024, 1, 1), date(2024, 2, 1)]),
    ],
)
def test_each_month_between_two_dates_has_its_first_day(first: date, last: date, days: list[date]) -> None:
    assert list(month_starts(first, last)) == days


def test_twelve_months_are_twelve_dates() -> None:
    assert len(month_starts(date(2024, 1, 1), date(2024, 12, 1))) == 12


def test_dates_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(RefusalError, match="lies before the first"):
        month_starts(date(2024, 2, 1), date(2024, 1, 1))

from datetime import date, timedelta

import pytest

from expectations.maturity import has_matured, last_day_awaited, latest_matured

CUT = date(2026, 1, 1)


def test_horizon_and_maturity_end_before_the_data_cut() -> None:
    assert last_day_awaited(date(2024, 10, 2), 365, 90) == date(2025, 12, 31)
    assert has_matured(date(2024, 10, 2), CUT, 365, 90)
    assert not has_matured(date(2024, 10, 3), CUT, 365, 90)  # ends on the day of the data cut


def test_without_days_to_wait_only_days_before_the_data_cut_have_matured() -> None:
    assert not has_matured(CUT, CUT, 0, 0)
    assert has_matured(date(2025, 12, 31), CUT, 0, 0)


@pytest.mark.parametrize(("horizon", "maturity"), [(365, 90), (30, 0), (1, 365), (0, 0)])
def test_the_latest_matured_date_is_the_last_that_has_matured(horizon: int, maturity: int) -> None:
    latest = latest_matured(CUT, horizon, maturity)
    assert last_day_awaited(latest, horizon, maturity) < CUT
    assert last_day_awaited(latest + timedelta(days=1), horizon, maturity) >= CUT
    matured = [has_matured(latest + timedelta(days=days), CUT, horizon, maturity) for days in range(-2, 3)]
    assert matured == [True, True, True, False, False]

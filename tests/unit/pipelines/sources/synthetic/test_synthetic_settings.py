from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from pipelines.sources.synthetic.settings import DefectSettings, SyntheticSettings


def test_the_default_board_has_six_years_and_one_delivery() -> None:
    settings = SyntheticSettings()
    assert settings.months == 72
    assert settings.deliveries == (date(2026, 1, 1),)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start_date": date(2020, 1, 15)}, "first day of a month"),
        ({"data_cut_date": date(2020, 6, 1)}, "at least twelve months"),
        ({"delivery_dates": (date(2025, 7, 1), date(2025, 1, 1))}, "ascending order"),
        ({"delivery_dates": (date(2027, 1, 1),)}, "not after data_cut_date"),
        ({"defects": DefectSettings(collapsed_provider_month=True)}, "Set two delivery_dates"),
        ({"poeple": 100}, "poeple"),
    ],
)
def test_invalid_settings_are_refused_with_the_reason(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SyntheticSettings(**settings)

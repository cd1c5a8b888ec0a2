"""A window that is not longer than the lag of its events counts nothing, so its feature is not computed."""

import pytest

from features.catalogue import Catalogue, build_catalogue
from features.code_lists import load_code_lists
from features.short_windows import never_known


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue(load_code_lists(None), 2025)


def test_a_window_within_the_lag_is_not_computed_and_says_why(catalogue: Catalogue) -> None:
    reasons = never_known(catalogue, {"outpatient_attended": 30})
    assert reasons == {"outpatient_attended_30d": "its events are known after 30 days, and it counts those of the last 30 days"}
    assert not never_known(catalogue, {"outpatient_attended": 29})
    assert not never_known(catalogue, {})


def test_a_feature_of_several_types_counts_what_the_fastest_one_shows(catalogue: Catalogue) -> None:
    assert "zero_day_emergency_care_30d" not in never_known(catalogue, {"emergency_discharge_zero_day": 45})
    both = {"emergency_discharge_zero_day": 45, "same_day_emergency_care": 45}
    assert "zero_day_emergency_care_30d" in never_known(catalogue, both)


def test_a_feature_computed_from_one_that_is_not_computed_is_not_computed_either(catalogue: Catalogue) -> None:
    reasons = never_known(catalogue, {"ae_attendance": 730})
    assert reasons["ae_attendances_730d"] == "its events are known after 730 days, and it counts those of the last 730 days"
    assert reasons["ambulance_share_730d"].startswith("ae_attendances_730d is not computed: ")
    assert "ae_attendances_1095d" not in reasons

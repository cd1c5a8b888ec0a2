from collections import Counter

import pytest

from features.catalogue import NAME, Catalogue, build_catalogue, catalogue_rows, unavailable
from features.code_lists import load_code_lists

FAMILIES = {
    "demographics",
    "utilisation",
    "long-term conditions",
    "medicines",
    "frailty",
    "measurements",
    "deprivation",
    "inequality",
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue(load_code_lists(), 2025)


def test_there_are_at_least_180_features_over_all_families(catalogue: Catalogue) -> None:
    families = Counter(feature.family for feature in catalogue.features if feature.role == "predictor")
    assert set(families) >= FAMILIES
    assert sum(families.values()) - families["OMOP source"] >= 180


def test_names_are_plain_and_a_column_that_counts_carries_its_window(catalogue: Catalogue) -> None:
    for feature in catalogue.features:
        assert NAME.fullmatch(feature.name)
        if feature.statistic in ("count", "sum", "maximum", "trend", "distinct_codes", "distinct_days"):
            assert feature.name.endswith(f"_{feature.window_days}d"), feature.name


def test_no_ethnicity_is_among_the_predictors(catalogue: Catalogue) -> None:
    assert not [feature.name for feature in catalogue.features if "ethnic" in feature.name]


def test_deprivation_is_marked_and_carries_its_edition(catalogue: Catalogue) -> None:
    marked = [feature.name for feature in catalogue.features if feature.uses_deprivation]
    assert "imd_2025_decile" in marked
    assert all("2025" in name for name in marked)


def test_a_feature_whose_feed_is_absent_or_not_allowed_says_why(catalogue: Catalogue) -> None:
    reasons = unavailable(catalogue, ("patients", "admissions", "gp_observations"), ("patients", "admissions"))
    assert reasons["gp_contacts_365d"] == "the purpose does not allow the feed gp_observations"
    assert "emergency_overnight_spells_365d" not in reasons
    rows = {str(row["name"]): row for row in catalogue_rows(catalogue, unavailable(catalogue, ("patients",), None))}
    assert rows["ae_attendances_365d"]["reason"] == "the feed emergency_attendances is absent"


def test_what_is_derived_needs_the_feeds_of_its_inputs(catalogue: Catalogue) -> None:
    assert set(catalogue.by_name["ae_without_gp_contact_365d"].feeds) == {"emergency_attendances", "gp_observations"}
    assert set(catalogue.by_name["asthma_ever"].feeds) == {"admissions", "gp_observations"}


def test_two_codes_of_one_substance_are_one_medicine(catalogue: Catalogue) -> None:
    substances = catalogue.substances()
    assert substances["777537002"] == substances["96304005"]  # simvastatin before and after 2019
    assert substances["777537002"] != substances["773455007"]  # atorvastatin

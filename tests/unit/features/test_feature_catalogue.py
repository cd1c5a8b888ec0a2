import re
from collections import Counter
from typing import get_args

import pandas as pd
import pytest

from expectations.time_window import in_the_last
from features.catalogue import NAME, Catalogue, build_catalogue, catalogue_rows, not_chosen, unavailable
from features.code_lists import load_code_lists
from models.explanation import concepts, plain_name
from models.predictors import Predictor, predictors_from_catalogue
from pipelines.study.settings import FeatureFamily

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

WITHOUT_WINDOW_IN_LABEL = ("days_since_last", "trend", "score")  # a trend names two windows, a score has a name


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


def test_each_label_is_unique_and_names_its_window_as_people_say_it(catalogue: Catalogue) -> None:
    labels = Counter(feature.label for feature in catalogue.features)
    assert [label for label, number in labels.items() if number > 1] == []
    own_events = [feature for feature in catalogue.features if feature.statistic not in WITHOUT_WINDOW_IN_LABEL]
    for feature in own_events:
        if feature.window_days is not None:
            assert feature.label.endswith(f" {in_the_last(feature.window_days)}"), feature.name
    assert not [feature.label for feature in catalogue.features if re.search(r"\d{3,} days", feature.label)]


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (1, "in the last day"),
        (30, "in the last 30 days"),
        (365, "in the last 12 months"),
        (1095, "in the last 3 years"),
        (36525, "in the last 36,525 days"),
    ],
)
def test_a_window_is_a_length_of_time_that_the_name_of_a_driver_leaves_out(days: int, text: str) -> None:
    assert in_the_last(days) == text
    assert plain_name([Predictor("falls", label=f"Falls {text}")]) == "Falls"


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


FEEDS = ("patients", "registrations", "addresses", "admissions", "emergency_attendances", "outpatient_appointments", "gp_observations",
         "gp_medication_orders")  # fmt: skip


@pytest.mark.parametrize("dropped", FEEDS)
def test_without_a_feed_exactly_the_features_that_need_it_are_left_out_with_the_reason(
    catalogue: Catalogue, dropped: str
) -> None:
    others = tuple(feed for feed in FEEDS if feed != dropped)
    needing = {feature.name for feature in catalogue.features if dropped in feature.feeds}
    omop = {feature.name for feature in catalogue.features if feature.family == "OMOP source"}
    assert needing
    not_allowed, absent = unavailable(catalogue, (*FEEDS, "omop"), others), unavailable(catalogue, others, None)
    assert {name for name, reason in not_allowed.items() if reason == f"the purpose does not allow the feed {dropped}"} == needing
    assert {name for name, reason in absent.items() if reason == f"the feed {dropped} is absent"} == needing
    assert set(not_allowed) == set(absent) == needing | omop
    status = {str(row["name"]): row["status"] for row in catalogue_rows(catalogue, absent)}
    assert {name for name, said in status.items() if said == "not_computed"} == needing | omop


def test_every_row_says_what_it_is_from_which_feed_on_which_basis_and_whence(catalogue: Catalogue) -> None:
    for row in catalogue_rows(catalogue, {}):
        columns = (
            "name",
            "label",
            "family",
            "statistic",
            "feed",
            "legal_basis",
            "unit",
            "description",
            "source",
            "role",
            "kind",
            "status",
        )
        assert [column for column in columns if not row[column]] == [], row["name"]
        assert row["concept"] or row["statistic"] == "attribute", row["name"]


def test_what_is_derived_needs_the_feeds_of_its_inputs(catalogue: Catalogue) -> None:
    assert set(catalogue.by_name["ae_without_gp_contact_365d"].feeds) == {"emergency_attendances", "gp_observations"}
    assert set(catalogue.by_name["asthma_ever"].feeds) == {"admissions", "gp_observations"}


def test_two_codes_of_one_substance_are_one_medicine(catalogue: Catalogue) -> None:
    substances = catalogue.substances()
    assert substances["777537002"] == substances["96304005"]  # simvastatin before and after 2019
    assert substances["777537002"] != substances["773455007"]  # atorvastatin


def test_a_study_may_ask_for_some_families_and_gets_what_they_are_made_of(catalogue: Catalogue) -> None:
    left_out = not_chosen(catalogue, ["frailty"])
    computed = {feature.name: feature for feature in catalogue.features if feature.name not in left_out}
    assert "age_years" in left_out
    assert "emergency_admissions_730d" in computed  # no predictor: the audit needs it
    assert {feature.family for feature in computed.values()} > {"frailty"}  # deficits that are conditions
    assert all(name in computed for feature in computed.values() for name in feature.inputs)
    assert set(left_out.values()) >= {"the study does not ask for the family demographics"}
    assert not_chosen(catalogue, None) == {}


def test_the_settings_name_the_families_there_are(catalogue: Catalogue) -> None:
    assert set(get_args(FeatureFamily)) == {feature.family for feature in catalogue.features}


def test_a_driver_is_of_one_concept_and_what_has_several_inputs_has_its_own_label(catalogue: Catalogue) -> None:
    predictors = predictors_from_catalogue(pd.DataFrame(catalogue_rows(catalogue, {})))
    declared = [catalogue.by_name[predictor.name] for predictor in predictors]
    labels = {feature.name: plain_name([predictor]) for feature, predictor in zip(declared, predictors, strict=True)}
    composites = {feature.name for feature in declared if len(feature.inputs) > 1 or len(feature.groups) > 1}
    assert {"inclusion_health_groups", "long_term_conditions", "gp_contact_lapsed_365d"} <= composites
    topics = {topic: [declared[place] for place in places] for topic, places in concepts(predictors).items()}
    for topic, members in topics.items():
        sources = {feature.concept for feature in members if feature.concept}
        assert sources <= {topic} or len(members) == 1, topic
        made_of_several = [feature for feature in members if feature.name in composites]
        if made_of_several:
            assert len({labels[feature.name] for feature in made_of_several}) == 1, topic
            single = [feature for feature in members if feature.name not in composites]
            assert all(feature.inputs[0] in composites for feature in single), topic  # a band of a score
    others = {name: label.casefold() for name, label in labels.items() if name not in composites}
    for name in composites:
        assert labels[name].casefold().rstrip("s") not in {label.rstrip("s") for label in others.values()}, name
    first_labels = [labels[members[0].name] for members in topics.values()]
    assert len(set(first_labels)) == len(first_labels)


def test_a_rate_of_the_practice_or_area_is_never_part_of_a_persons_own_spells(catalogue: Catalogue) -> None:
    predictors = predictors_from_catalogue(pd.DataFrame(catalogue_rows(catalogue, {})))
    for name in ("practice_emergency_rate_365d", "area_emergency_rate_365d"):
        (members,) = [places for places in concepts(predictors).values() if name in {predictors[place].name for place in places}]
        assert [predictors[place].name for place in members] == [name]

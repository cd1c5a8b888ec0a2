"""A list that matches no one makes its features unknown, unless too few people are expected."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from features.catalogue import Catalogue, build_catalogue, catalogue_rows
from features.code_list_matches import (
    EVENTS_OF,
    FAR,
    LEAST_EXPECTED,
    ListMatch,
    Match,
    PracticeMatch,
    against_conditions,
    compared,
    unmatched,
)
from features.code_lists import load_code_lists
from features.prevalence import FLOORS, PREVALENCE

LARGE = 1_000_000


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue(load_code_lists(), 2025)


def matches(catalogue: Catalogue, *nothing: tuple[str, str], all_people: int = LARGE) -> list[ListMatch]:
    """Return lists that match a tenth of everyone, except some of a terminology that match no one."""
    return [
        ListMatch(name, half.system, 0 if (name, half.system) in nothing else all_people // 10, all_people)
        for name, code_list in catalogue.code_lists.items()
        for half in code_list.halves
        if half.system in EVENTS_OF
    ]


@pytest.mark.parametrize(
    ("people", "all_people", "share", "result"),
    [
        (0, 0, 0.1, Match.NO_ENTRIES),
        (0, 100, 0.1, Match.NOTHING),
        (0, 99, 0.1, Match.FEW_PEOPLE),
        (1, 99, 0.1, Match.MATCHED),
        (0, 99_999, None, Match.FEW_PEOPLE),
        (0, 100_000, None, Match.NOTHING),
        (1, 100_000, None, Match.MATCHED),
        (33, 1000, 0.1, Match.BELOW_EXPECTED),
        (34, 1000, 0.1, Match.MATCHED),
        (300, 1000, 0.1, Match.MATCHED),
        (301, 1000, 0.1, Match.ABOVE_EXPECTED),
        (9_000, 10_000, None, Match.MATCHED),
    ],
)
def test_people_are_compared_with_those_expected(people: int, all_people: int, share: float | None, result: Match) -> None:
    assert FAR == 3
    assert compared(people, all_people, share) is result


def test_a_published_share_is_that_of_gp_records() -> None:
    assert ListMatch("asthma", "snomed", 1, 10).expected == PREVALENCE["asthma"]
    assert ListMatch("asthma", "icd10", 1, 10).expected is None
    assert ListMatch("asthma_annual_review", "snomed", 1, 10).expected is None


def test_lists_that_match_change_nothing(catalogue: Catalogue) -> None:
    for given in (matches(catalogue), [], matches(catalogue, all_people=0)):
        found = unmatched(catalogue, given)
        assert found.catalogue is catalogue
        assert found.reasons == {}


def test_a_condition_that_no_gp_code_matches_is_unknown_although_hospitals_record_it(catalogue: Catalogue) -> None:
    reasons = unmatched(catalogue, matches(catalogue, ("hypertension", "snomed"))).reasons
    why = "the code list hypertension matches no entry of the feed gp_observations"
    assert {name for name, reason in reasons.items() if reason == why} >= {
        "hypertension_ever", "hypertension_current", "hypertension_new_365d", "hypertension_years",
    }  # fmt: skip
    assert reasons["long_term_conditions"] == f"hypertension_current is not computed: {why}"
    assert "asthma_current" not in reasons
    rows = {row["name"]: row for row in catalogue_rows(catalogue, dict(reasons))}
    assert (rows["hypertension_current"]["status"], rows["hypertension_current"]["reason"]) == ("not_computed", why)


def test_everything_that_is_computed_has_its_inputs(catalogue: Catalogue) -> None:
    nothing = [(name, system) for name in PREVALENCE for system in ("snomed", "icd10")]
    found = unmatched(catalogue, matches(catalogue, *nothing))
    for feature in found.catalogue.features:
        if feature.name not in found.reasons:
            assert not set(feature.inputs) & set(found.reasons), feature.name


def test_a_condition_without_a_hospital_code_is_computed_from_the_gp_record(catalogue: Catalogue) -> None:
    assert unmatched(catalogue, matches(catalogue, ("hypertension", "icd10"))).reasons == {}


def test_in_a_feed_of_few_people_none_is_an_observation(catalogue: Catalogue) -> None:
    few = matches(catalogue, ("multiple_sclerosis", "snomed"), ("multiple_sclerosis", "icd10"), all_people=4_900)
    assert unmatched(catalogue, few).reasons == {}
    more = matches(catalogue, ("multiple_sclerosis", "snomed"), all_people=5_000)
    assert "multiple_sclerosis_ever" in unmatched(catalogue, more).reasons


def test_a_concept_of_several_lists_is_unknown_only_if_none_of_them_matches(catalogue: Catalogue) -> None:
    one = unmatched(catalogue, matches(catalogue, ("type_2_diabetes", "snomed"))).reasons
    assert "type_2_diabetes_ever" in one
    assert "diabetes_ever" not in one
    lists = ("type_1_diabetes", "type_2_diabetes", "diabetes")
    every = unmatched(catalogue, matches(catalogue, *((name, "snomed") for name in lists))).reasons
    assert every["diabetes_ever"].startswith("the code lists type_1_diabetes, type_2_diabetes, diabetes match no entry")


def test_a_count_leaves_out_a_rare_condition_and_says_so(catalogue: Catalogue) -> None:
    found = unmatched(catalogue, matches(catalogue, ("hiv", "snomed"), ("hiv", "icd10")))
    assert "hiv_ever" in found.reasons
    assert "long_term_conditions" not in found.reasons
    count = found.catalogue.by_name["long_term_conditions"]
    assert set(catalogue.by_name["long_term_conditions"].inputs) - set(count.inputs) == {"hiv_ever"}
    assert count.description.endswith("Without hiv_ever, whose code lists match nothing.")
    assert unmatched(catalogue, matches(catalogue, ("hiv", "snomed"))).reasons == {}  # hospitals record it


def test_a_count_is_unknown_without_a_condition_of_several_lists_that_is_published(catalogue: Catalogue) -> None:
    lists = ("type_1_diabetes", "type_2_diabetes", "diabetes")
    reasons = unmatched(catalogue, matches(catalogue, *((name, "snomed") for name in lists))).reasons
    assert reasons["long_term_conditions"].startswith("diabetes_current is not computed")


def test_medicines_that_no_product_code_matches_are_unknown(catalogue: Catalogue) -> None:
    concept = next(one for one in catalogue.concepts.values() if one.event_types == ("gp_medication",) and one.code_lists)
    nothing = [(name.partition("/")[0], "dmd") for name in concept.code_lists]
    reasons = unmatched(catalogue, matches(catalogue, *nothing)).reasons
    named = [feature.name for feature in catalogue.features if feature.concept == concept.name]
    assert named
    assert set(named) <= set(reasons)
    assert all("of the feed gp_medication_orders" in reasons[name] for name in named)


def test_a_score_is_unknown_only_if_no_group_matches(catalogue: Catalogue) -> None:
    (score,) = [feature for feature in catalogue.features if feature.name.startswith("charlson_shmi")]
    lists = [name.partition("/")[0] for group in score.groups for name in catalogue.concepts[group].code_lists]
    nothing = [(name, "icd10") for name in lists]
    assert score.name in unmatched(catalogue, matches(catalogue, *nothing)).reasons
    assert score.name not in unmatched(catalogue, matches(catalogue, *nothing[1:])).reasons


def test_stays_for_listed_conditions_are_unknown_if_no_diagnosis_matches_their_lists(catalogue: Catalogue) -> None:
    lists = list(catalogue.concepts["ambulatory_care_sensitive_spell"].list_names)
    nothing = [(name, "icd10") for name in lists]
    reasons = unmatched(catalogue, matches(catalogue, *nothing, all_people=1_000)).reasons
    for days in (365, 730, 1095):
        assert reasons[f"ambulatory_care_sensitive_spells_{days}d"].endswith("match no entry of the feed admissions")
    assert unmatched(catalogue, matches(catalogue, *nothing[1:], all_people=1_000)).reasons == {}
    assert unmatched(catalogue, matches(catalogue, *nothing, all_people=499)).reasons == {}


def test_a_match_of_another_terminology_does_not_count_for_a_concept(catalogue: Catalogue) -> None:
    given = [replace(match, people=0) if match.system != "dmd" else match for match in matches(catalogue)]
    assert "asthma_ever" in unmatched(catalogue, given).reasons


COMMON = (
    ("hba1c", "snomed", "hba1c_overdue"), ("blood_pressure_any", "snomed", "blood_pressure_overdue"),
    ("systolic_blood_pressure", "snomed", "systolic_blood_pressure_latest_1095d"), ("bmi", "snomed", "bmi_latest_1095d"),
    ("egfr", "snomed", "egfr_latest_1095d"), ("gp_contact", "snomed", "ae_without_gp_contact_365d"),
    ("long_term_condition_review", "snomed", "review_overdue"), ("statins", "dmd", "statins_180d"),
    ("antibiotics", "dmd", "antibiotics_issues_365d"), ("metformin", "dmd", "metformin_180d"),
    ("hospital_frailty_risk_score", "icd10", "hospital_frailty_score_730d"), ("ae_major_department", "department_type", "ae_major_attendances_365d"),
)  # fmt: skip


@pytest.mark.parametrize("all_people", [1_000, 5_000, 50_000, 99_999])
@pytest.mark.parametrize(("name", "system", "feature"), COMMON)
def test_a_common_measurement_contact_or_medicine_that_matches_no_one_is_unknown(
    catalogue: Catalogue, name: str, system: str, feature: str, all_people: int
) -> None:
    assert name not in PREVALENCE
    found = unmatched(catalogue, matches(catalogue, (name, system), all_people=all_people)).reasons
    assert f"the code list {name} matches no entry of the feed" in found[feature]
    few = matches(catalogue, (name, system), all_people=int(LEAST_EXPECTED / FLOORS[system][name]) - 1)
    assert unmatched(catalogue, few).reasons == {}


def test_every_group_of_medicines_and_every_measurement_has_a_floor(catalogue: Catalogue) -> None:
    inputs = {feature.concept for feature in catalogue.features if feature.family == "measurements"} - {"smoking_status"}
    lists = {name.partition("/")[0] for concept in inputs if concept for name in catalogue.concepts[concept].code_lists}
    assert lists - set(FLOORS["snomed"]) == set()
    medicines = {name for one in catalogue.concepts.values() if one.event_types == ("gp_medication",) for name in one.code_lists}
    assert len(lists) > 5
    assert len(medicines) > 20
    assert medicines - set(FLOORS["dmd"]) == set()


def test_a_floor_is_no_published_share_that_people_can_be_far_from() -> None:
    assert ListMatch("hba1c", "snomed", 9_000, 10_000).result is ListMatch("hba1c", "snomed", 1, 10_000).result is Match.MATCHED
    assert (ListMatch("hba1c", "snomed", 0, 500).result, ListMatch("hba1c", "snomed", 0, 499).result) == (
        Match.NOTHING,
        Match.FEW_PEOPLE,
    )
    assert ListMatch("hba1c", "snomed", 0, 500).expected is None
    silent = PracticeMatch(ListMatch("hba1c", "snomed", 0, 500), ListMatch("hba1c", "snomed", 0, 9_000))
    assert (silent.expected, silent.result) == (None, Match.NOTHING)


def ended(catalogue: Catalogue, condition: str, ends: str, people: int) -> dict[str, str]:
    """Return what is unknown where a list matches some people, and the list of codes that end it no one."""
    given = matches(catalogue, (ends, "snomed"), all_people=5_000)
    given = [replace(one, people=people) if (one.name, one.system) == (condition, "snomed") else one for one in given]
    return dict(unmatched(catalogue, given).reasons)


@pytest.mark.parametrize(
    ("condition", "ends", "people"),
    [
        ("asthma", "asthma_resolved", 1_000), ("type_2_diabetes", "diabetes_resolved", 1_000), ("chronic_kidney_disease", "ckd_resolved", 1_000),
        ("osteoporosis", "osteoporosis_resolved", 10_000), ("carer", "no_longer_carer", 10_000),
    ],
)  # fmt: skip
def test_a_condition_that_no_code_ends_is_not_known_to_be_current(
    catalogue: Catalogue, condition: str, ends: str, people: int
) -> None:
    why = f"the code list {ends} matches no entry of the feed gp_observations"
    reasons = ended(catalogue, condition, ends, people)
    assert reasons[f"{condition}_current"] == why
    for name in (f"{condition}_new_365d", f"{condition}_years"):
        assert name not in catalogue.by_name or reasons[name] == why
    assert f"{condition}_ever" not in reasons
    assert ended(catalogue, condition, ends, people - 1) == {}


def test_a_count_of_conditions_is_unknown_if_no_code_ends_one_of_them(catalogue: Catalogue) -> None:
    reasons = ended(catalogue, "asthma", "asthma_resolved", 1_000)
    assert reasons["long_term_conditions"].startswith("asthma_current is not computed: the code list asthma_resolved")
    deficit = "deficit_respiratory_disease_current is not computed: asthma_current is not computed: the code list asthma_resolved"
    assert reasons["deficit_index"].startswith(deficit)


def test_a_list_that_ends_several_conditions_is_compared_with_the_people_of_the_most_common_one(catalogue: Catalogue) -> None:
    given = matches(catalogue, ("diabetes_resolved", "snomed"), all_people=50_000)
    people = {"type_1_diabetes": 300, "type_2_diabetes": 3_000, "diabetes": 40}
    given = [replace(match, people=people.get(match.name, match.people)) for match in given]
    (ends,) = (match for match in against_conditions(catalogue, given) if match.name == "diabetes_resolved")
    assert (ends.ended, ends.expected_people, ends.result) == (3_000, 30.0, Match.NOTHING)
    reasons = unmatched(catalogue, given).reasons
    assert {
        "type_1_diabetes_current",
        "type_2_diabetes_current",
        "diabetes_current",
        "diabetes_years",
        "diabetes_new_365d",
    } <= set(reasons)


def test_an_ended_list_is_compared_with_its_condition_and_any_other_list_with_everyone(catalogue: Catalogue) -> None:
    ends = {feature.ended_by for feature in catalogue.features if feature.ended_by}
    lists = {name for concept in ends for name in catalogue.concepts[concept].list_names}
    assert len(lists) > 8
    for match in against_conditions(catalogue, matches(catalogue, all_people=1_000)):
        assert (match.ended is not None) == (match.name in lists), match.name


# Types of event whose codes are those of counted events: a stay for a listed condition has the code of one of its diagnoses.
WITH_CODES_OF_OTHERS = {"ambulatory_care_sensitive_discharge"}


def test_the_lists_of_every_concept_are_compared(catalogue: Catalogue) -> None:
    listed = [concept for concept in catalogue.concepts.values() if concept.code_lists]
    assert len(listed) > 200
    for concept in listed:
        assert set(concept.event_types) <= {*EVENTS_OF.values(), *WITH_CODES_OF_OTHERS}, concept.name
        for name in concept.list_names:
            halves = {half.system for half in catalogue.code_lists[name].halves}
            assert halves & concept.code_systems & set(EVENTS_OF), (concept.name, name)


def depend_on_lists(catalogue: Catalogue) -> dict[str, set[str]]:
    """Return the lists that each feature depends on, by itself or through its inputs; none of those that need no list."""
    found: dict[str, set[str]] = {}
    for feature in catalogue.features:
        concepts = [catalogue.concepts[name] for name in feature.concepts]
        lists = {name for concept in concepts for name in concept.list_names}
        found[feature.name] = lists.union(*(found[name] for name in feature.inputs))
    return {name: lists for name, lists in found.items() if lists}


def test_every_feature_that_depends_on_a_list_is_unknown_where_no_list_matches_anyone(catalogue: Catalogue) -> None:
    given = [replace(match, people=0) for match in matches(catalogue)]
    reasons = unmatched(catalogue, given).reasons
    depending = depend_on_lists(catalogue)
    assert len(depending) > 200
    assert set(reasons) == set(depending)
    for name, lists in depending.items():
        assert any(listed in reasons[name] for listed in lists), name


def test_every_feature_of_a_concept_is_unknown_where_only_its_lists_match_no_one(catalogue: Catalogue) -> None:
    """The lists of a score, and of a status that is one of several, are those of all its groups."""
    depending = depend_on_lists(catalogue)
    features = [feature for feature in catalogue.features if feature.concepts and feature.name in depending]
    assert {"ambulatory_care_sensitive_spells_365d", "ae_major_attendances_90d", "charlson_shmi_1095d", "smoking_current"} <= {
        feature.name for feature in features
    }
    for feature in features:
        for concepts in ([feature.concept], [feature.after], feature.groups):
            read = [catalogue.concepts[name] for name in concepts if name and catalogue.concepts[name].code_lists]
            nothing = [(name, system) for concept in read for name in concept.list_names for system in concept.code_systems]
            reasons = unmatched(catalogue, matches(catalogue, *nothing)).reasons
            assert not nothing or any(f" {name} " in f"{reasons[feature.name]} ".replace(",", " ") for name, _ in nothing), (
                feature.name
            )


@pytest.mark.parametrize("seed", range(40))
def test_features_are_unknown_where_lists_match_nothing_and_only_there(catalogue: Catalogue, seed: int) -> None:
    draw = random.Random(seed)
    size = draw.choice((500, 5_000, 20_000, 99_999, 150_000, 1_000_000))
    share_silent = draw.choice((0.1, 0.4, 0.8))
    given = [
        replace(match, people=0 if draw.random() < share_silent else draw.randint(1, size // 5))
        for match in matches(catalogue, all_people=size)
    ]
    result = {(match.name, match.system): match.result for match in against_conditions(catalogue, given)}
    people = {(match.name, match.system): match.people for match in given}
    found = unmatched(catalogue, given)
    for name, lack in found.lacks.items():
        assert lack.lists, name
        assert {result[key] for key in lack.lists} == {Match.NOTHING}, name
        assert any(f" {listed}" in lack.reason for listed, _ in lack.lists), name
    assert {key for lack in found.lacks.values() for key in lack.lists} == {
        key for key, lost in found.features_by_list.items() if lost
    }
    for feature in catalogue.features:
        for concept in (catalogue.concepts[name] for name in (feature.concept, feature.after) if name):
            keys = [(name, system) for name in concept.list_names for system in concept.code_systems if (name, system) in people]
            is_silent = keys and not any(people[key] for key in keys) and any(result[key] is Match.NOTHING for key in keys)
            assert not is_silent or feature.name in found.reasons, (feature.name, keys)

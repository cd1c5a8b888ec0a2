"""A list that matches no one makes its features unknown, unless too few people are expected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from features.catalogue import Catalogue, build_catalogue, catalogue_rows
from features.code_list_matches import EVENTS_OF, FAR, ListMatch, Match, compared, unmatched
from features.code_lists import load_code_lists
from features.prevalence import PREVALENCE

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


def test_a_match_of_another_terminology_does_not_count_for_a_concept(catalogue: Catalogue) -> None:
    given = [replace(match, people=0) if match.system != "dmd" else match for match in matches(catalogue)]
    assert "asthma_ever" in unmatched(catalogue, given).reasons

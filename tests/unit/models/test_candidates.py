from typing import get_args

import pytest

from models.candidates import CANDIDATES, Candidate, CandidateName, without_deprivation


def test_every_name_of_the_settings_is_one_candidate() -> None:
    assert set(CANDIDATES) == set(get_args(CandidateName))
    assert len(set(CANDIDATES.values())) == len(CANDIDATES)


@pytest.mark.parametrize(
    ("name", "candidate", "codes", "curated"),
    [
        ("age_sex", Candidate("logistic", "age_sex"), False, False),
        ("charlson_age_sex", Candidate("logistic", "comorbidity_age_sex"), False, True),
        ("lightgbm_no_deprivation", Candidate("lightgbm", "curated", deprivation=False), False, True),
        ("lightgbm_code_level", Candidate("lightgbm", "codes_age_sex"), True, False),
        ("logistic_both", Candidate("logistic", "curated_codes"), True, True),
    ],
)
def test_a_name_says_what_the_candidate_learns_from(
    name: CandidateName, candidate: Candidate, codes: bool, curated: bool
) -> None:
    assert CANDIDATES[name] == candidate
    assert (candidate.uses_codes, candidate.uses_curated) == (codes, curated)


def test_a_candidate_is_compared_with_the_same_one_without_deprivation() -> None:
    assert without_deprivation("logistic_both") == "logistic_both_no_deprivation"
    assert without_deprivation("logistic_no_deprivation") is None
    assert without_deprivation("logistic_code_level") is None
    assert without_deprivation("incumbent") is None

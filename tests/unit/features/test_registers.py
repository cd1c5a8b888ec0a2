from pathlib import Path

import pandas as pd
import pytest

from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from features.registers import REGISTERS, SHARE_FROM_AGE

LISTS = load_code_lists()


def test_every_register_has_a_feature_and_its_own_condition() -> None:
    features = build_catalogue(LISTS, 2025).by_name
    assert all(register.feature(LISTS) in features for register in REGISTERS)
    assert len({register.condition for register in REGISTERS}) == len({register.code for register in REGISTERS}) == len(REGISTERS)


def test_a_register_counts_the_people_with_the_condition_now() -> None:
    features = {register.code: register.feature(LISTS) for register in REGISTERS}
    assert (features["AST"], features["CHD"]) == ("asthma_current", "coronary_heart_disease_ever")


def test_a_share_is_expected_among_people_of_the_ages_of_the_register() -> None:
    expected = {register.code: round(register.expected_share, 3) for register in REGISTERS}
    assert (expected["CHD"], expected["DEP"], expected["DM"]) == (0.030, 0.134, 0.075)
    assert all(register.least_age in SHARE_FROM_AGE for register in REGISTERS)


def test_a_register_uses_the_feature_that_is_computed() -> None:
    register = next(register for register in REGISTERS if register.code == "AST")
    computed = (["asthma_ever", "asthma_current"], ["asthma_ever"], ["copd_ever"])
    assert [register.feature_among(names, names) for names in computed] == ["asthma_current", "asthma_ever", ""]


def test_a_register_does_not_count_who_ever_had_a_condition_where_its_ending_cannot_be_found() -> None:
    register = next(register for register in REGISTERS if register.code == "AST")
    assert register.feature_among(["asthma_ever", "asthma_current"], ["asthma_ever"]) == ""


POPULATION = Path("../shared/data/area/population20_lsoa11.parquet")


@pytest.mark.skipif(not POPULATION.is_file(), reason=f"the open data are not next to the project: {POPULATION}")
def test_shares_of_ages_are_those_of_the_published_population() -> None:
    areas = pd.read_parquet(POPULATION)
    england = areas[areas["lsoa11_code"].str.startswith("E")].filter(regex=r"^\d+").sum()
    ages = pd.Series(england.to_numpy(), index=[int(name.rstrip("+")) for name in england.index])
    published = {age: ages[ages.index >= age].sum() / ages.sum() for age in SHARE_FROM_AGE}
    assert published == pytest.approx(SHARE_FROM_AGE, abs=0.0005)

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
    assert (expected["CHD"], expected["DEP"], expected["DM"]) == (0.030, 0.132, 0.075)
    assert all(register.least_age in SHARE_FROM_AGE for register in REGISTERS)


def test_ages_and_shares_are_those_of_the_published_registers_of_2022_23() -> None:
    published = {register.code: (register.least_age, f"{register.expected_share:.1%}") for register in REGISTERS}
    assert published == {
        "AF": (0, "2.1%"), "AST": (6, "6.5%"), "CAN": (0, "3.5%"), "CHD": (0, "3.0%"), "CKD": (18, "4.2%"), "COPD": (0, "1.8%"), "DEM": (0, "0.7%"),
        "DEP": (18, "13.2%"), "DM": (17, "7.5%"), "EP": (18, "0.8%"), "HF": (0, "1.0%"), "HTN": (0, "14.4%"), "LD": (0, "0.6%"), "OB": (18, "11.4%"),
        "OST": (50, "1.0%"), "PAD": (0, "0.6%"), "RA": (16, "0.8%"), "SMI": (0, "1.0%"), "STIA": (0, "1.8%"),
    }  # fmt: skip


AGES = Path("../shared/data/segments/ncl_register_age_rules.csv")


@pytest.mark.skipif(not AGES.is_file(), reason=f"the open data are not next to the project: {AGES}")
def test_ages_are_those_of_the_open_register_rules_except_hypertension() -> None:
    open_rules = pd.read_csv(AGES, index_col="condition_code")["least_age"]
    assert [register.code for register in REGISTERS if register.least_age != open_rules[register.code]] == ["HTN"]


def test_a_board_at_the_national_share_of_a_register_is_as_expected() -> None:
    register = next(register for register in REGISTERS if register.code == "OST")
    people, on_it = 62_400_000 * SHARE_FROM_AGE[50], 223_326
    assert register.expected_share == pytest.approx(on_it / people, rel=0.01)
    assert [one.code for one in REGISTERS if one.is_least] == ["OST"]


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

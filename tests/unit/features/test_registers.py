from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from features.registers import REGISTERS

LISTS = load_code_lists()


def test_every_register_has_a_feature_and_its_own_condition() -> None:
    features = build_catalogue(LISTS, 2025).by_name
    assert all(register.feature(LISTS) in features for register in REGISTERS)
    assert len({register.condition for register in REGISTERS}) == len({register.code for register in REGISTERS}) == len(REGISTERS)


def test_a_register_counts_the_people_with_the_condition_now() -> None:
    features = {register.code: register.feature(LISTS) for register in REGISTERS}
    assert (features["AST"], features["CHD"]) == ("asthma_current", "coronary_heart_disease_ever")

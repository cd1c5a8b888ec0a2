from features.code_lists import load_code_lists
from features.prevalence import PREVALENCE
from features.registers import REGISTERS


def test_every_published_share_is_of_a_list_of_gp_codes() -> None:
    lists = load_code_lists()
    assert [name for name in PREVALENCE if not lists[name].codes("snomed")] == []
    assert all(0 < share < 0.2 for share in PREVALENCE.values())


def test_every_register_but_that_of_all_diabetes_has_a_share() -> None:
    assert {register.condition for register in REGISTERS} - set(PREVALENCE) == {"diabetes"}

from features.code_lists import load_code_lists
from features.prevalence import ENDED_FLOORS, FLOORS, PREVALENCE, RAREST, floor_of
from features.registers import REGISTERS


def test_every_published_share_is_of_a_list_of_gp_codes() -> None:
    lists = load_code_lists()
    assert [name for name in PREVALENCE if not lists[name].codes("snomed")] == []
    assert all(0 < share < 0.2 for share in PREVALENCE.values())


def test_every_register_but_that_of_all_diabetes_has_a_share() -> None:
    assert {register.condition for register in REGISTERS} - set(PREVALENCE) == {"diabetes"}


def test_every_floor_is_low_and_of_a_list_without_a_published_share() -> None:
    lists = load_code_lists()
    for system, floors in FLOORS.items():
        assert [name for name in floors if not lists[name].codes(system)] == []
        assert set(floors) & set(PREVALENCE) == set()
        assert all(RAREST < share <= 0.05 for share in floors.values())
    assert [name for name in ENDED_FLOORS if not lists[name].codes("snomed")] == []
    assert (floor_of("hba1c", "snomed"), floor_of("hba1c", "dmd"), floor_of("asthma_annual_review", "snomed")) == (
        0.02,
        RAREST,
        RAREST,
    )

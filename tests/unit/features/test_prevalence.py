import pytest

from features.code_lists import load_code_lists
from features.long_term_conditions import lists_of
from features.prevalence import ENDED_FLOORS, FLOORS, PREVALENCE, RAREST, floor_of, published_share
from features.registers import REGISTERS


def test_every_published_share_is_of_a_list_of_gp_codes() -> None:
    lists = load_code_lists()
    assert [name for name in PREVALENCE if not lists[name].codes("snomed")] == []
    assert all(0 < share < 0.2 for share in PREVALENCE.values())


def test_every_register_has_a_share_that_adds_up_those_of_its_lists() -> None:
    assert all(register.expected_share > 0 for register in REGISTERS)
    assert published_share(lists_of("diabetes")) == pytest.approx(PREVALENCE["type_1_diabetes"] + PREVALENCE["type_2_diabetes"])
    assert published_share(["asthma", "asthma"]) == PREVALENCE["asthma"]
    assert published_share(["hba1c"]) is None


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

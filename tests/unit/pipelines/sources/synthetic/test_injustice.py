import numpy as np

from pipelines.sources.synthetic.areas_and_practices import made_up_places
from pipelines.sources.synthetic.block import Block, draw_block
from pipelines.sources.synthetic.conditions import NAMES
from pipelines.sources.synthetic.gp_record import observation_codes
from pipelines.sources.synthetic.injustice import wronged
from pipelines.sources.synthetic.settings import InjusticeSettings, SyntheticSettings
from pipelines.sources.synthetic.spells import EMERGENCY


def drawn(**injustice: object) -> tuple[Block, np.ndarray]:
    settings = SyntheticSettings(people=3_000, injustice=InjusticeSettings.model_validate(injustice))
    block = draw_block(settings, made_up_places(settings), 0)
    return block, wronged(SyntheticSettings(people=3_000, injustice=InjusticeSettings(group="asian")), block.people, block.lives)


def emergencies(block: Block, people: np.ndarray) -> int:
    return int(((block.stays.kind == EMERGENCY) & ~block.stays.died & people[block.stays.person]).sum())


def conditions_in_the_record(block: Block, people: np.ndarray) -> int:
    _, places = observation_codes()
    diagnoses = np.isin(block.observations.code, np.concatenate([places[name] for name in NAMES]))
    return int((diagnoses & people[block.observations.person]).sum())


def test_a_group_that_is_not_served_keeps_its_conditions_and_loses_its_emergencies() -> None:
    fair, group = drawn()
    unjust, _ = drawn(group="asian", served=0.25)

    assert 0.1 < emergencies(unjust, group) / emergencies(fair, group) < 0.4
    assert emergencies(unjust, ~group) == emergencies(fair, ~group)
    assert conditions_in_the_record(unjust, group) == conditions_in_the_record(fair, group)


def test_a_group_that_needs_more_is_iller_and_nobody_else_is() -> None:
    fair, group = drawn()
    unjust, _ = drawn(group="asian", need=2.0, served=0.4)

    ill, iller = fair.lives.onset < fair.lives.month_starts[-1], unjust.lives.onset < unjust.lives.month_starts[-1]
    assert 1.5 < iller[group].sum() / ill[group].sum() < 2.5
    np.testing.assert_array_equal(unjust.lives.onset[~group], fair.lives.onset[~group])
    assert conditions_in_the_record(unjust, group) > 1.5 * conditions_in_the_record(fair, group)
    assert emergencies(unjust, group) < 1.3 * emergencies(fair, group)


def test_a_group_whose_conditions_nobody_records_is_as_ill_and_dies_as_before() -> None:
    fair, group = drawn()
    unjust, _ = drawn(group="asian", recorded=0.0)

    assert conditions_in_the_record(fair, group) > 100
    assert conditions_in_the_record(unjust, group) == 0
    assert emergencies(unjust, group) == emergencies(fair, group)
    np.testing.assert_array_equal(unjust.lives.death, fair.lives.death)

import numpy as np

from pipelines.sources.synthetic.areas_and_practices import made_up_places
from pipelines.sources.synthetic.block import Block, draw_block
from pipelines.sources.synthetic.conditions import NAMES
from pipelines.sources.synthetic.gp_record import observation_codes
from pipelines.sources.synthetic.injustice import injustice_group
from pipelines.sources.synthetic.settings import InjusticeSettings, SyntheticSettings
from pipelines.sources.synthetic.spells import EMERGENCY


def board_with(**injustice: object) -> tuple[Block, np.ndarray]:
    settings = SyntheticSettings(people=3_000, injustice=InjusticeSettings.model_validate(injustice))
    block = draw_block(settings, made_up_places(settings), 0)
    return block, injustice_group(
        SyntheticSettings(people=3_000, injustice=InjusticeSettings(group="asian")), block.people, block.lives
    )


def emergencies(block: Block, people: np.ndarray) -> int:
    return int(((block.stays.kind == EMERGENCY) & ~block.stays.died & people[block.stays.person]).sum())


def recorded_conditions(block: Block, people: np.ndarray) -> int:
    _, places = observation_codes()
    diagnoses = np.isin(block.observations.code, np.concatenate([places[name] for name in NAMES]))
    return int((diagnoses & people[block.observations.person]).sum())


def test_an_unserved_group_has_the_same_conditions_and_fewer_emergency_stays() -> None:
    fair, group = board_with()
    unjust, _ = board_with(group="asian", served=0.25)

    assert 0.1 < emergencies(unjust, group) / emergencies(fair, group) < 0.4
    assert emergencies(unjust, ~group) == emergencies(fair, ~group)
    assert recorded_conditions(unjust, group) == recorded_conditions(fair, group)


def test_greater_need_makes_only_the_group_iller() -> None:
    fair, group = board_with()
    unjust, _ = board_with(group="asian", need=2.0, served=0.4)

    onsets, more_onsets = (block.lives.onset < block.lives.month_starts[-1] for block in (fair, unjust))
    assert 1.5 < more_onsets[group].sum() / onsets[group].sum() < 2.5
    np.testing.assert_array_equal(unjust.lives.onset[~group], fair.lives.onset[~group])
    assert recorded_conditions(unjust, group) > 1.5 * recorded_conditions(fair, group)
    assert emergencies(unjust, group) < 1.3 * emergencies(fair, group)


def test_a_group_without_recorded_conditions_is_as_ill_and_has_the_same_deaths() -> None:
    fair, group = board_with()
    unjust, _ = board_with(group="asian", recorded=0.0)

    assert recorded_conditions(fair, group) > 100
    assert recorded_conditions(unjust, group) == 0
    assert emergencies(unjust, group) == emergencies(fair, group)
    np.testing.assert_array_equal(unjust.lives.death, fair.lives.death)

"""A complete board of 20,000 people matches the figures that it is calibrated to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from pipelines.sources.synthetic.areas_and_practices import Places, made_up_places
from pipelines.sources.synthetic.block import Block, block_count, draw_block
from pipelines.sources.synthetic.calibration import TARGETS
from pipelines.sources.synthetic.conditions import CONDITIONS
from pipelines.sources.synthetic.people import FAR, RESOLVED
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.sources.synthetic.spells import EMERGENCY, METHOD

INDEX_DAY = int(np.datetime64("2024-10-01").astype(np.int64))


@dataclass
class Board:
    settings: SyntheticSettings
    places: Places
    blocks: list[Block]

    @property
    def person_years(self) -> float:
        return sum(block.lives.present.sum() for block in self.blocks) / 12


@pytest.fixture(scope="module")
def board() -> Board:
    settings = SyntheticSettings(people=20_000, seed=7)
    places = made_up_places(settings)
    return Board(settings, places, [draw_block(settings, places, number) for number in range(block_count(settings))])


def emergencies(block: Block) -> np.ndarray:
    return (block.stays.kind == EMERGENCY) & (block.stays.method != METHOD["81"])


def with_emergency(block: Block, start: int, days: int, night: bool) -> np.ndarray:
    stays = block.stays
    counts = emergencies(block) & (stays.admitted > start) & (stays.admitted <= start + days)
    counts &= (stays.nights > 0) | stays.died if night else True
    has_emergency = np.zeros(len(block.people), bool)
    has_emergency[stays.person[counts]] = True
    return has_emergency


def on_list(block: Block) -> np.ndarray:
    return (block.lives.first <= INDEX_DAY) & (block.lives.last > INDEX_DAY)


def test_share_of_people_with_an_emergency_admission_within_a_year(board: Board) -> None:
    listed = np.concatenate([on_list(block) for block in board.blocks])
    for night, target in ((False, "share_with_emergency_admission"), (True, "share_with_night")):
        has_emergency = np.concatenate([with_emergency(block, INDEX_DAY, 365, night) for block in board.blocks])
        assert has_emergency[listed].mean() == pytest.approx(TARGETS[target], abs=0.006)


def test_emergency_rates_rise_with_deprivation_at_equal_age(board: Board) -> None:
    stays = np.zeros((10, 19))
    years = np.zeros((10, 19))
    for block in board.blocks:
        present, age, tenth = block.lives.present, block.lives.age, (block.lives.deprivation * 10).astype(int).clip(0, 9)
        bands = (age // 5).clip(0, 18)
        np.add.at(years, (tenth[present], bands[present]), 1 / 12)
        rows = np.flatnonzero(emergencies(block) & (block.stays.admitted < block.lives.month_starts[-1]))
        month = np.searchsorted(block.lives.month_starts, block.stays.admitted[rows], side="right") - 1
        person = block.stays.person[rows]
        np.add.at(stays, (tenth[person, month], bands[person, month]), 1)
    weight = years.sum(axis=0)
    rate = (np.divide(stays, years, out=np.zeros_like(stays), where=years > 0) * weight).sum(axis=1) / weight.sum()
    assert (rate[8] + rate[9]) / (rate[0] + rate[1]) == pytest.approx(TARGETS["ratio_most_to_least_deprived"], abs=0.3)


def test_events_per_person_year(board: Board) -> None:
    start = board.blocks[0].lives.month_starts[0]
    events = sum(
        len(block.stays)
        + len(block.attendances)
        + len(block.appointments)
        + len(block.issues)
        + (block.observations.day >= start).sum()
        for block in board.blocks
    )
    assert events / board.person_years == pytest.approx(TARGETS["events_per_person_year"], abs=0.6)


def test_death_rate_and_share_of_deaths_in_hospital(board: Board) -> None:
    deaths = sum((block.lives.death < FAR).sum() for block in board.blocks)
    assert deaths / board.person_years == pytest.approx(TARGETS["crude_death_rate"], rel=0.15)
    died = [block.stays.person[block.stays.died] for block in board.blocks]
    assert 0.35 < sum(len(rows) for rows in died) / deaths < 0.5
    for block, rows in zip(board.blocks, died, strict=True):
        assert (block.stays.discharged[block.stays.died] == block.lives.death[rows]).all()
    assert any((block.stays.nights[block.stays.died] == 0).any() for block in board.blocks)


def test_winter_is_busier_than_summer(board: Board) -> None:
    months = np.concatenate([block.stays.admitted[emergencies(block)] for block in board.blocks]).astype("datetime64[D]")
    after_pandemic = months[months >= np.datetime64("2022-01-01")]
    counts = np.bincount(after_pandemic.astype("datetime64[M]").astype(int) % 12, minlength=12)
    assert counts[[11, 0, 1]].sum() > 1.04 * counts[[5, 6, 7]].sum()


def test_prevalence_is_close_to_published_figures(board: Board) -> None:
    prevalence = np.concatenate([(block.lives.onset <= INDEX_DAY)[on_list(block)] for block in board.blocks]).mean(axis=0)
    for condition, share in zip(CONDITIONS, prevalence, strict=True):
        if condition.prevalence >= 0.01:
            assert share == pytest.approx(condition.prevalence, rel=0.5), condition.name


def test_shares_of_births_moves_missing_addresses_unlinked_people_and_opt_outs(board: Board) -> None:
    people = [block.people for block in board.blocks]
    everyone = board.settings.people
    assert 0.03 < sum(group.born_here.sum() for group in people) / everyone < 0.08
    assert 0.15 < sum((group.moves[:, 0] < FAR).sum() for group in people) / everyone < 0.4
    assert 0.004 < sum((group.residence != RESOLVED).sum() for group in people) / everyone < 0.02
    assert sum(group.unlinked.sum() for group in people) / everyone == pytest.approx(0.015, abs=0.004)
    assert sum((block.opt_outs.type == 0).sum() for block in board.blocks) / everyone == pytest.approx(0.04, abs=0.012)


def test_no_one_has_activity_after_death_or_two_stays_at_once(board: Board) -> None:
    for block in board.blocks:
        stays, death = block.stays, block.lives.death
        assert (stays.discharged <= death[stays.person]).all()
        assert (block.attendances.day <= death[block.attendances.person]).all()
        assert (block.issues.day <= death[block.issues.person]).all()
        same = np.diff(stays.person) == 0
        assert (stays.admitted[1:][same] >= stays.discharged[:-1][same]).all()

"""Reviews and influenza vaccinations of the synthetic ICB: of the people who are due them, most but not all, and nothing else changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from features.code_lists import load_code_lists
from pipelines.sources.synthetic.admissions import age_on
from pipelines.sources.synthetic.areas_and_practices import made_up_places
from pipelines.sources.synthetic.block import Block, draw_block
from pipelines.sources.synthetic.conditions import NAMES, POSITION
from pipelines.sources.synthetic.defects import plant
from pipelines.sources.synthetic.extracts import Delivery
from pipelines.sources.synthetic.gp_extracts import gp_observations
from pipelines.sources.synthetic.gp_record import is_routine, observation_codes
from pipelines.sources.synthetic.people import day
from pipelines.sources.synthetic.routine_care import AT_RISK, YEARLY_REVIEWS, routine_codes
from pipelines.sources.synthetic.settings import SyntheticSettings

LISTS = load_code_lists()
SETTINGS = SyntheticSettings(people=10_000)
PLACES = made_up_places(SETTINGS)
FIFTEEN_MONTHS = 455
SEASON = day(np.datetime64("2024-09-01"))
END_OF_SEASON = day(np.datetime64("2025-03-01"))
VACCINATION, REVIEW = "influenza_vaccination_clinical", "long_term_condition_review"


@dataclass
class Record:
    """A block, and the codes and days of its entries."""

    block: Block
    code: np.ndarray

    def people(self, listed: str, first: int, end: int) -> np.ndarray:
        """Flag the people with an entry of a list from `first` up to, not including, `end`."""
        seen = self.block.observations
        found = np.zeros(len(self.block.people), bool)
        found[seen.person[self.on_list(listed) & (seen.day >= first) & (seen.day < end)]] = True
        return found

    def on_list(self, listed: str) -> np.ndarray:
        return np.isin(self.code, LISTS[listed].codes("snomed"))

    def has(self, names: tuple[str, ...], when: int) -> np.ndarray:
        """Flag the people who have any of some conditions on a day."""
        everyone = np.arange(len(self.block.people))
        return self.block.lives.has_each(everyone, np.full(len(everyone), when))[:, [POSITION[name] for name in names]].any(
            axis=1
        )

    def present(self, first: int, end: int) -> np.ndarray:
        return (self.block.lives.first <= first) & (self.block.lives.last >= end)


@pytest.fixture(scope="module")
def record() -> Record:
    block = draw_block(SETTINGS, PLACES, 0)
    return Record(block, np.array(observation_codes()[0])[block.observations.code])


@pytest.mark.parametrize(
    ("listed", "conditions"),
    [
        ("asthma_annual_review", ("asthma",)),
        ("copd_review", ("copd",)),
        (REVIEW, ("type_1_diabetes", "type_2_diabetes")),
        (REVIEW, ("hypertension",)),
    ],
)
def test_most_people_with_a_reviewed_condition_are_reviewed_within_15_months_and_some_are_overdue(
    record: Record, listed: str, conditions: tuple[str, ...]
) -> None:
    end = record.block.lives.month_starts[-1]
    due = record.present(end - FIFTEEN_MONTHS, end) & record.has(conditions, end - FIFTEEN_MONTHS) & record.has(conditions, end)
    reviewed = record.people(listed, end - FIFTEEN_MONTHS, end)[due]
    assert len(reviewed) > 80
    assert 0.6 < reviewed.mean() < 0.95


def test_only_people_with_a_condition_are_reviewed(record: Record) -> None:
    seen = record.block.observations
    reviews = record.on_list(REVIEW)
    ever = (record.block.lives.onset[seen.person] <= seen.day[:, None])[
        :, [POSITION[name] for _, names, _ in YEARLY_REVIEWS for name in names]
    ]
    assert reviews.sum() > 5_000
    assert ever[reviews].any(axis=1).all()


def test_people_who_were_overdue_are_more_often_overdue_again(record: Record) -> None:
    end = record.block.lives.month_starts[-1]
    due = record.present(end - 2 * FIFTEEN_MONTHS, end) & record.has(("hypertension",), end - 2 * FIFTEEN_MONTHS)
    before, now = (record.people(REVIEW, end - turn * FIFTEEN_MONTHS, end - (turn - 1) * FIFTEEN_MONTHS)[due] for turn in (2, 1))
    assert now[before].mean() > now[~before].mean() + 0.15


def test_people_of_65_and_over_and_at_risk_are_vaccinated_as_published_and_no_one_else(record: Record) -> None:
    everyone = np.arange(len(record.block.people))
    age = age_on(record.block.people, everyone, np.full(len(everyone), day(np.datetime64("2025-03-31"))))
    present = record.present(SEASON, END_OF_SEASON)
    vaccinated = record.people(VACCINATION, SEASON, END_OF_SEASON)
    at_risk = (age < 65) & (age >= 1) & record.has(AT_RISK, SEASON) & record.has(AT_RISK, END_OF_SEASON)
    assert vaccinated[present & (age >= 65)].mean() == pytest.approx(0.79, abs=0.04)
    assert vaccinated[present & at_risk].mean() == pytest.approx(0.43, abs=0.05)
    never = (record.block.lives.onset[:, [POSITION[name] for name in AT_RISK]] >= END_OF_SEASON).all(axis=1)
    assert not vaccinated[(age < 65) & never].any()


def test_fewer_people_are_vaccinated_where_areas_are_deprived(record: Record) -> None:
    everyone = np.arange(len(record.block.people))
    old = record.present(SEASON, END_OF_SEASON) & (
        age_on(record.block.people, everyone, np.full(len(everyone), END_OF_SEASON)) >= 65
    )
    deprivation = PLACES.areas["deprivation"].to_numpy()[record.block.people.area_at(everyone, np.full(len(everyone), SEASON))]
    vaccinated = record.people(VACCINATION, SEASON, END_OF_SEASON)
    least, most = (vaccinated[old & of].mean() for of in (deprivation < 0.3, deprivation > 0.7))
    assert 0.02 < least - most < 0.2


def test_vaccinations_are_given_from_september_to_january(record: Record) -> None:
    days = record.block.observations.day[record.on_list(VACCINATION)]
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    assert set(months.tolist()) <= {9, 10, 11, 12, 1}
    assert np.bincount(months).argmax() == 10


def test_the_codes_of_routine_care_are_on_its_lists_and_on_those_of_no_condition(record: Record) -> None:
    codes = {code for found in routine_codes().values() for code in found}
    assert codes == set(LISTS[REVIEW].codes("snomed")) | set(LISTS[VACCINATION].codes("snomed"))
    others = [
        name for name in LISTS if name in NAMES or name.endswith("_resolved") or name in ("gp_contact", "frailty", "care_home")
    ]
    assert [(code, name) for code in sorted(codes) for name in others if LISTS[name].covers("snomed", code)] == []
    written = set(record.code[is_routine(record.block.observations)])
    assert written <= codes
    assert len(written) > 0.7 * len(codes)


def test_routine_care_follows_the_other_entries_and_has_no_planted_defect(record: Record) -> None:
    routine = is_routine(record.block.observations)
    assert (np.diff(routine.astype(int)) >= 0).all()
    delivery = Delivery(int(record.block.lives.month_starts[-1]), 0, True)
    extract = gp_observations(SETTINGS, PLACES, record.block, delivery)
    draft = plant(SETTINGS, 0, delivery, extract)
    sent = extract.facts["without_defects"]
    assert 0 < sent.sum() < len(sent)
    changed = {item.row for item in draft.planted if item.row < len(sent)}
    assert len(changed) > 100
    assert not sent[sorted(changed)].any()

"""The codes that the synthetic ICB writes: of whole lists, and read back as what was planted."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from recount.calendar_age import birthdays_reached

from expectations.age import completed_years
from features.anchoring import IndexRows
from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from features.events import NUMBER_OF
from features.long_term_conditions import lists_of
from features.plan import compile_plan
from features.registers import REGISTERS
from features.window_counts import Events, window_counts
from pipelines.sources.synthetic.admissions import age_on
from pipelines.sources.synthetic.areas_and_practices import made_up_places
from pipelines.sources.synthetic.block import Block, draw_block
from pipelines.sources.synthetic.condition_codes import TYPED, WITHOUT_TYPE, codes_of_conditions, complete_code, resolved_codes
from pipelines.sources.synthetic.conditions import NAMES, POSITION, RESOLVES
from pipelines.sources.synthetic.diagnoses import (
    ACUTE_REASONS,
    CHILD_REASONS,
    ELECTIVE_REASONS,
    MATERNITY_REASONS,
    diagnosis_codes,
)
from pipelines.sources.synthetic.diagnoses import WITHOUT_TYPE_SHARE as IN_HOSPITAL
from pipelines.sources.synthetic.gp_record import NO_UNIT, UNITS, WITHOUT_TYPE_SHARE, observation_codes
from pipelines.sources.synthetic.medicines import LONG_COURSES, medicine_codes
from pipelines.sources.synthetic.settings import SyntheticSettings

LISTS = load_code_lists()
PEOPLE = 10_000


@pytest.fixture(scope="module")
def block() -> Block:
    settings = SyntheticSettings(people=PEOPLE)
    return draw_block(settings, made_up_places(settings), 0)


@pytest.fixture(scope="module")
def read_back(block: Block) -> dict[str, np.ndarray]:
    """Return each register's feature of every person of the block on the last day, computed from codes by the kernel."""
    catalogue = build_catalogue(LISTS, 2025)
    names = {register.feature(LISTS) for register in REGISTERS}
    gp, hospital = observation_codes()[0], diagnosis_codes().codes
    codes = [(number, system, code) for number, (system, code) in enumerate(
        sorted({*(("snomed", code) for code in gp), *(("icd10", code) for code in hospital)}), start=1)]  # fmt: skip
    number_of = {(system, code): number for number, system, code in codes}
    plan = compile_plan(catalogue, codes, {feature.name for feature in catalogue.features} - names)
    seen, stays = block.observations, block.stays
    stay, place = np.nonzero(stays.codes >= 0)
    person = np.concatenate([seen.person, stays.person[stay]]).astype(np.int32)
    day = np.concatenate([seen.day, stays.discharged[stay]]).astype(np.int32)
    kind = np.repeat([NUMBER_OF["gp_observation"], NUMBER_OF["hospital_diagnosis"]], [len(seen), len(stay)]).astype(np.int16)
    of_gp, of_hospital = (
        np.array([number_of[system, code] for code in found]) for system, found in (("snomed", gp), ("icd10", hospital))
    )
    code = np.concatenate([of_gp[seen.code], of_hospital[stays.codes[stay, place]]]).astype(np.int32)
    values = np.full(len(person), np.nan, np.float32)
    events = Events(person, day, day, kind, code, values, np.zeros(len(person), np.int32)).in_order()
    end = np.full(PEOPLE, block.lives.month_starts[-1], np.int32)
    rows = IndexRows(np.arange(PEOPLE, dtype=np.int32), end, block.people.birth.astype(np.int32))
    return dict(zip((feature.name for feature in plan.features), window_counts(events, rows, plan), strict=True))


@pytest.mark.parametrize("register", REGISTERS, ids=lambda register: register.code)
def test_the_prevalence_of_a_register_is_what_was_planted(register, block: Block, read_back: dict[str, np.ndarray]) -> None:
    lives, end = block.lives, block.lives.month_starts[-1]
    age = completed_years(block.people.birth, end)
    counted = (lives.last >= end) & (age >= register.least_age)
    has = lives.has_each(np.arange(PEOPLE), np.full(PEOPLE, end))
    planted = has[:, [POSITION[name] for name in lists_of(register.condition) if name in POSITION]].any(axis=1) & counted
    assert planted.sum() >= 20
    assert 0.9 <= (read_back[register.feature(LISTS)] > 0)[counted].sum() / planted.sum() <= 1.1


def test_the_ages_that_hospitals_send_are_birthdays_reached(block: Block) -> None:
    stays = block.stays
    zero = date(1970, 1, 1)
    expected = [
        birthdays_reached(zero + timedelta(days=int(birth)), zero + timedelta(days=int(day)))
        for birth, day in zip(block.people.birth[stays.person], stays.admitted, strict=True)
    ]
    assert age_on(block.people, stays.person, stays.admitted).tolist() == expected
    assert max(expected) > 90
    months = block.lives.month_starts[:-1] + 15
    assert block.lives.age[7].tolist() == completed_years(int(block.people.birth[7]), months).clip(0, 120).tolist()


def test_conditions_end_and_the_end_is_coded(block: Block) -> None:
    _, places = observation_codes()
    assert set(RESOLVES) <= set(resolved_codes())
    for name in ("asthma", "depression"):
        ended = (block.lives.resolved[:, POSITION[name]] < block.lives.last).sum()
        recorded = np.isin(block.observations.code, places[f"{name}_resolved"]).sum()
        assert 0.85 * ended < recorded <= ended, name


def test_the_codes_of_a_condition_are_on_its_list_and_on_that_of_no_other() -> None:
    for system in ("snomed", "icd10"):
        for name, codes in codes_of_conditions(system).items():
            assert codes and all(LISTS[name].covers(system, code) for code in codes), name
    codes = codes_of_conditions("snomed")
    assert not [code for code in codes["copd"] for other in NAMES if other != "copd" and LISTS[other].covers("snomed", code)]


def test_a_share_of_the_diagnoses_of_diabetes_names_no_type(block: Block) -> None:
    gp, places = observation_codes()
    hospital, stays = diagnosis_codes(), block.stays.codes
    for codes, typed, untyped, share in (
        (block.observations.code, np.concatenate([places[name] for name in TYPED]), places[WITHOUT_TYPE], WITHOUT_TYPE_SHARE),
        (stays, hospital.typed, hospital.without_type, IN_HOSPITAL),
    ):
        named, unnamed = np.isin(codes, typed).sum(), np.isin(codes, untyped).sum()
        assert 0.6 * share < unnamed / (named + unnamed) < 1.6 * share
    written = [("snomed", gp[place]) for place in places[WITHOUT_TYPE]] + [
        ("icd10", hospital.codes[place]) for place in hospital.without_type
    ]
    assert all(LISTS["diabetes"].covers(*code) for code in written)
    assert not [code for code in written for name in NAMES if LISTS[name].covers(*code)]


def test_no_other_reason_for_a_stay_is_a_condition() -> None:
    reasons = [code for reason in ACUTE_REASONS for code in reason.codes]
    reasons += [*ELECTIVE_REASONS, *CHILD_REASONS, *MATERNITY_REASONS]
    assert [(code, name) for code in reasons for name in NAMES if LISTS[name].covers("icd10", complete_code(code))] == []


def test_most_codes_of_a_list_are_written(block: Block) -> None:
    _, places = observation_codes()
    written = np.unique(block.observations.code)
    for name in ("hypertension", "depression", "asthma"):
        assert np.isin(places[name], written).mean() > 0.8, name


def test_medicines_are_products_of_the_whole_lists(block: Block) -> None:
    vocabulary, places = medicine_codes()
    assert {name for course in LONG_COURSES.values() for name in course} <= set(places)
    assert all(LISTS[name].covers("dmd", vocabulary[position]) for name, positions in places.items() for position in positions)
    assert "773455007" not in vocabulary  # a moiety
    assert len(np.unique(block.issues.code)) > 5_000


def test_units_are_missing_and_mixed(block: Block) -> None:
    valued = block.observations.unit[~np.isnan(block.observations.value)]
    shares = {unit: (valued == position).mean() for position, unit in enumerate((*UNITS,))}
    assert 0.03 < (valued == NO_UNIT).mean() < 0.07
    assert all(share > 0 for share in shares.values())
    percent = block.observations.value[block.observations.unit == UNITS.index("%")]
    assert ((percent > 3) & (percent < 16)).all()


@pytest.mark.parametrize(("prefix", "code"), [("I10", "I10X"), ("I50", "I509"), ("F051", "F051")])
def test_codes_of_three_characters_get_a_fourth(prefix: str, code: str) -> None:
    assert complete_code(prefix) == code

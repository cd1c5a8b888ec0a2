from __future__ import annotations

import numpy as np

from features.code_lists import load_code_lists
from pipelines.sources.synthetic.conditions import CONDITIONS, NEVER, POSITION, onset_ages
from pipelines.sources.synthetic.diagnoses import ACUTE_REASONS, diagnosis_codes, join_codes
from pipelines.sources.synthetic.medicines import LONG_COURSES
from pipelines.sources.synthetic.random_streams import stream


def test_every_condition_has_snomed_and_icd10_codes_and_every_medicine_has_dmd_codes() -> None:
    lists = load_code_lists()
    for condition in CONDITIONS:
        assert lists[condition.name].codes("snomed"), condition.name
        assert lists[condition.name].codes("icd10"), condition.name
    for group in {name for course in LONG_COURSES.values() for name in course}:
        assert lists[group].codes("dmd"), group


def test_the_codes_of_a_condition_are_in_its_code_list() -> None:
    lists, codes = load_code_lists(), diagnosis_codes()
    for condition, positions in zip(CONDITIONS, codes.of_condition, strict=True):
        assert all(lists[condition.name].covers("icd10", codes.codes[position]) for position in positions), condition.name


def test_deprived_and_frail_people_get_conditions_more_often() -> None:
    count = 20_000
    half = np.zeros(count, bool)
    half[: count // 2] = True
    ages = onset_ages(stream(1, 0), np.where(half, 0.95, 0.05), np.zeros(count), ~half, half)
    copd = ages[:, POSITION["copd"]] < NEVER
    assert copd[half].mean() > 2 * copd[~half].mean()
    frail = onset_ages(stream(1, 0), np.full(count, 0.5), np.where(half, 1.0, -1.0), half, half)[:, POSITION["frailty"]] < 85
    assert frail[half].mean() > 2 * frail[~half].mean()


def test_codes_are_joined_in_order_and_null_if_there_are_none() -> None:
    first, second = diagnosis_codes().codes[:2]
    table = np.array([[0, -1, 1], [-1, -1, -1], [1, -1, -1]])
    assert join_codes(table).to_pylist() == [f"{first},{second}", None, second]
    assert len(ACUTE_REASONS) == len(diagnosis_codes().of_reason)

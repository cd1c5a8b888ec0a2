from __future__ import annotations

from itertools import pairwise

import pytest

from features.analytes import ANALYTES, NO_UNIT, SPELLINGS, Analyte, Reading, analyte_of_code, check_spellings
from features.code_halves import CodeEntry, CodeList
from features.code_lists import load_code_lists

LISTS = load_code_lists()


def in_own_unit(analyte: str, unit: str, value: float) -> float:
    declared = ANALYTES[analyte]
    return declared.rounded(next(reading for reading in declared.readings if reading.unit == unit), value)


# The pairs are from tables of clinical laboratories and from the definitions of the units, not from the declared factors.
@pytest.mark.parametrize(
    ("analyte", "unit", "value", "expected"),
    [
        ("hba1c", "%", 6.5, 48), ("hba1c", "%", 7.0, 53), ("hba1c", "%", 8.1, 65), ("hba1c", "%", 12.0, 108), ("hba1c", "mmol/mol", 48, 48),
        ("cholesterol", "mg/dL", 200, 5.2), ("cholesterol", "mg/dL", 240, 6.2), ("creatinine", "mg/dL", 1.0, 88),
        ("creatinine", "mmol/L", 0.088, 88), ("weight", "lb", 180, 81.6), ("weight", "st", 12, 76.2), ("weight", "g", 3_400, 3.4),
        ("height", "m", 1.72, 172), ("height", "in", 70, 178), ("height", "ft", 6, 183), ("systolic_blood_pressure", "kPa", 18.7, 140),
        ("diastolic_blood_pressure", "kPa", 10.7, 80), ("albumin_creatinine_ratio", "mg/g", 30, 3.4), ("bmi", "kg/m2", 27.55, 27.55),
    ],
)  # fmt: skip
def test_a_value_is_converted_as_laboratories_do(analyte, unit, value, expected):
    assert in_own_unit(analyte, unit, value) == expected


@pytest.mark.parametrize("analyte", ANALYTES.values(), ids=lambda analyte: analyte.name)
def test_every_analyte_has_a_code_list_and_converted_limits_near_its_own(analyte):
    assert LISTS[analyte.name].codes("snomed")
    own = analyte.readings[0]
    for reading in analyte.readings:
        assert own.low / 2.3 <= analyte.rounded(reading, reading.low) < analyte.rounded(reading, reading.high) <= own.high * 1.01
    assert analyte.low <= own.low < own.high <= analyte.high


def test_hba1c_without_a_unit_is_plausible_in_one_unit():
    own, percent = ANALYTES["hba1c"].readings
    assert (own.low, percent.low, percent.high) == (20, 3, 18)
    assert own.assumed and percent.assumed


def test_the_readings_that_may_be_assumed_do_not_overlap():
    for analyte in ANALYTES.values():
        assumed = sorted((reading.low, reading.high) for reading in analyte.readings if reading.assumed)
        assert all(first[1] < second[0] for first, second in pairwise(assumed))


def _reading(**changes: object) -> Reading:
    return Reading(**{"unit": "kg", "low": 1, "high": 2, "assumed": True, **changes})


@pytest.mark.parametrize(
    ("readings", "problem"),
    [
        ([_reading(unit="hundredweight")], "units without spellings: hundredweight"),
        ([_reading(), _reading()], "the same unit twice"),
        ([_reading(factor=2)], "its own unit first"),
        ([_reading(assumed=False)], "its own unit first"),
        ([], "its own unit first"),
        ([_reading(), _reading(unit="g", low=5)], "a range without values"),
        ([_reading(), _reading(unit="g", factor=0)], "a factor that is not above 0"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(readings, problem):
    with pytest.raises(ValueError, match=problem):
        Analyte("weight", "Weight", 1, tuple(readings))


def test_a_spelling_has_one_meaning_and_is_in_plain_form():
    check_spellings(SPELLINGS, NO_UNIT)
    with pytest.raises(ValueError, match="two meanings: kg"):
        check_spellings({**SPELLINGS, "t": ("kg",)}, NO_UNIT)
    with pytest.raises(ValueError, match="two meanings: kg"):
        check_spellings(SPELLINGS, ("kg",))
    with pytest.raises(ValueError, match="not in plain form: K G"):
        check_spellings({**SPELLINGS, "t": ("K G",)}, NO_UNIT)


def test_each_unit_is_used_by_an_analyte():
    assert {reading.unit for analyte in ANALYTES.values() for reading in analyte.readings} == set(SPELLINGS)


def test_a_code_belongs_to_one_analyte():
    analytes = analyte_of_code(LISTS)
    assert (analytes["999791000000106"], analytes["27113001"], analytes["271649006"]) == (
        "hba1c",
        "weight",
        "systolic_blood_pressure",
    )
    entries = (*LISTS["height"].entries, CodeEntry("snomed", "27113001", "exact", "Weight", "test"))
    with pytest.raises(ValueError, match="the code 27113001 is in the code lists weight and height"):
        analyte_of_code({**LISTS, "height": CodeList("height", entries)})

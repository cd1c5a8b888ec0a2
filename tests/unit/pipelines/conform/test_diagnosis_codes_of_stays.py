"""By which diagnosis a stay counts as one for an ambulatory-care-sensitive condition."""

import pytest

from features.code_lists import CodeEntry, CodeList, load_code_lists
from features.diagnosis_rules import (
    AMBULATORY_CARE_SENSITIVE,
    CHRONIC_AMBULATORY_CARE_SENSITIVE,
    DiagnosisRule,
    Position,
)
from pipelines.conform.diagnosis_codes_of_stays import deciding_code_sql
from pipelines.lake.duckdb_connection import connect

LISTS = load_code_lists()


def deciding_code(rules, primary, others=(), lists=LISTS):
    """Return the code for one row of core__spell, whose diagnoses are sorted and include the primary one."""
    diagnoses = ",".join(sorted({*others, *([primary] if primary else [])})) or None
    with connect() as con:
        query = f"SELECT {deciding_code_sql(rules, lists)} FROM (SELECT ? AS primary_diagnosis, ? AS diagnoses)"
        return con.execute(query, [primary, diagnoses]).fetchall()[0][0]


@pytest.mark.parametrize(
    ("primary", "others", "expected"),
    [
        ("J459", (), "J459"),  # asthma counts by the primary diagnosis
        ("I219", ("J459",), None),
        ("I219", ("E113",), "E113"),  # diabetes complications, gangrene and vaccine-preventable conditions count in any position
        ("I219", ("E119",), None),  # diabetes without complications
        ("I702", ("R02",), "R02"),
        ("Z380", ("B181",), "B181"),
        ("S720", ("J181",), "J181"),
        ("S720", ("J181", "D571"), None),  # not with sickle-cell disorders
        ("D570", ("J181",), None),
        ("J181", ("D573",), None),
        ("I702", ("R02", "D571"), "R02"),  # that exclusion is one of influenza and pneumonia alone
        ("J189", (), None),  # pneumonia, unspecified, is not in the source
        ("J209", (), None),  # acute bronchitis counts with COPD alone
        ("J209", ("J449",), "J209"),
        ("R074", ("J209", "J449"), None),
        ("J449", ("E113", "J181"), "J449"),  # once, by the first rule
        (None, ("E113",), "E113"),
        (None, (), None),
    ],
)
def test_the_position_of_a_diagnosis_counts_as_in_the_source(primary, others, expected):
    assert deciding_code(AMBULATORY_CARE_SENSITIVE, primary, others) == expected


@pytest.mark.parametrize(
    ("primary", "others", "expected"),
    [("E113", (), "E113"), ("I219", ("E113",), None), ("J209", ("J440",), "J209"), ("J209", ("J459",), None)],
)
def test_chronic_conditions_of_the_outcomes_framework_count_by_the_primary_diagnosis(primary, others, expected):
    assert deciding_code(CHRONIC_AMBULATORY_CARE_SENSITIVE, primary, others) == expected


def test_exact_codes_do_not_match_longer_ones_and_a_list_without_icd10_codes_matches_nothing():
    entries = (CodeEntry("icd10", "E11", "exact", "", ""), CodeEntry("snomed", "44054006", "exact", "", ""))
    lists = {"mine": CodeList("mine", entries), "none": CodeList("none", entries[1:])}
    rule = (DiagnosisRule("mine", Position.ANY),)
    assert [deciding_code(rule, code, lists=lists) for code in ("E11", "E119", "XE11")] == ["E11", None, None]
    assert deciding_code((DiagnosisRule("none", Position.ANY),), "E11", lists=lists) is None

"""One small table of events for each family of features, and what the catalogue makes of it: examples to read.

Each line is one event of one person before the index date: how many days before it happened, how many days later it was
known, what it is, its code, its value. The features are those of the real catalogue with its real code lists.
"""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from expectations.age import UNKNOWN_BIRTH
from features.anchoring import IndexRows
from features.catalogue import Catalogue, build_catalogue
from features.code_lists import load_code_lists
from features.declaration import DERIVED
from features.derived import derive
from features.events import EVENT_TYPES, NUMBER_OF
from features.plan import compile_plan
from features.window_counts import Events, window_counts

INDEX = date(2024, 3, 1)
SYSTEM_OF = {event_type.name: event_type.code_system for event_type in EVENT_TYPES}
NOT_KNOWN = None  # null

EXAMPLES = {
    # The window of 30 days is days 30 to 1 before; a discharge is known weeks later; same-day care of both feeds is one concept.
    "utilisation": (
        """
        days before | known after | event                        | code | value
        365         | 20          | emergency_discharge_overnight | I500 | 4
        31          | 0           | ae_attendance                 | 01   |
        30          | 0           | ae_attendance                 | 03   |
        12          | 5           | emergency_discharge_zero_day  | R074 |
        10          | 0           | same_day_emergency_care       | 05   |
        2           | 30          | emergency_discharge_overnight | J181 | 2
        365         | 20          | ambulatory_care_sensitive_discharge | I500 | 4
        2           | 30          | ambulatory_care_sensitive_discharge | J181 | 2
        0           | 0           | ae_attendance                 | 01   |
        """,
        {
            "ae_attendances_30d": 1, "ae_attendances_90d": 2, "ae_major_attendances_90d": 1, "days_since_ae_attendance": 30,
            "zero_day_emergency_care_30d": 2, "emergency_overnight_spells_30d": 0, "emergency_overnight_spells_365d": 1,
            "emergency_bed_days_365d": 4, "ambulatory_care_sensitive_spells_365d": 1, "days_since_elective_spell": NOT_KNOWN,
            "ambulance_share_730d": 0, "emergency_overnight_spells_180d": 0,
        },
    ),
    # ICD-10 of a stay and SNOMED CT of the GP record are one condition; the first record of all says since when.
    "long-term conditions": (
        """
        days before | known after | event              | code      | value
        800         | 0           | gp_observation     | 44054006  |
        90          | 40          | hospital_diagnosis | E112      |
        90          | 40          | hospital_diagnosis | J449      |
        50          | 0           | gp_observation     | 35489007  |
        9           | 9           | hospital_diagnosis | I10       |
        """,
        {
            "type_2_diabetes_ever": 1, "type_2_diabetes_new_365d": 0, "type_2_diabetes_years": 800 / 365.25, "diabetes_ever": 1,
            "copd_ever": 1, "copd_new_365d": 1, "hypertension_ever": 0, "depression_ever": 1, "long_term_conditions": 3,
            "physical_conditions": 2, "mental_conditions": 1, "new_conditions_365d": 2, "physical_mental_multimorbidity": 1,
            "hypertension_years": NOT_KNOWN,
        },
    ),
    # Asthma that was resolved is not present: not newly recorded, and without years. COPD was diagnosed again after it was resolved.
    "conditions that ended": (
        """
        days before | known after | event              | code               | value
        300         | 0           | gp_observation     | 195967001          |
        100         | 0           | gp_observation     | 162660004          |
        900         | 0           | gp_observation     | 13645005           |
        700         | 0           | gp_observation     | 941201000000103    |
        200         | 0           | hospital_diagnosis | J449               |
        """,
        {
            "asthma_ever": 1, "asthma_current": 0, "asthma_new_365d": 0, "asthma_years": NOT_KNOWN, "copd_current": 1, "copd_new_365d": 0,
            "copd_years": 900 / 365.25, "long_term_conditions": 1, "new_conditions_365d": 0, "deficit_respiratory_disease_current": 1,
        },
    ),
    # Diabetes counts once, with codes of both types and also without a type.
    "diabetes of both types": (
        """
        days before | known after | event              | code     | value
        800         | 0           | gp_observation     | 44054006 |
        90          | 0           | hospital_diagnosis | E109     |
        """,
        {
            "type_1_diabetes_current": 1, "type_2_diabetes_current": 1, "diabetes_current": 1, "long_term_conditions": 1,
            "physical_conditions": 1, "conditions_for_review": 1, "new_conditions_365d": 0, "diabetes_years": 800 / 365.25,
        },
    ),
    "diabetes without a type": (
        """
        days before | known after | event              | code     | value
        90          | 0           | gp_observation     | 73211009 |
        """,
        {
            "type_1_diabetes_current": 0, "type_2_diabetes_current": 0, "diabetes_current": 1, "long_term_conditions": 1,
            "physical_conditions": 1, "conditions_for_review": 1, "new_conditions_365d": 1, "blood_pressure_overdue": 1,
            "review_overdue": 1, "hba1c_overdue": 1,
        },
    ),
    # Substances count, not codes: simvastatin before and after 2019 is one. An issue 181 days ago is no issue of the last 180.
    "medicines": (
        """
        days before | known after | event         | code      | value
        181         | 0           | gp_medication | 777947006 | 28
        80          | 0           | gp_medication | 96304005  | 28
        20          | 0           | gp_medication | 777537002 | 28
        20          | 0           | gp_medication | 776713006 | 56
        1           | 1           | gp_medication | 774656009 | 28
        """,
        {
            "distinct_medicines_90d": 2, "distinct_medicines_365d": 3, "medicine_issues_90d": 3, "statins_180d": 1,
            "anticoagulants_180d": 0, "metformin_180d": 1, "antiplatelets_180d": 0, "polypharmacy_8_90d": 0,
            "medicine_issues_trend_180d": 3 - 1,
        },
    ),
    # Points of the diagnoses of two years, each once, for people with a stay; severe liver disease would replace mild.
    "frailty": (
        """
        days before | known after | event                         | code | value
        1000        | 30          | emergency_discharge_overnight | I500 | 9
        400         | 30          | emergency_discharge_overnight | F009 | 7
        400         | 30          | hospital_diagnosis            | F009 |
        400         | 30          | hospital_diagnosis            | R296 |
        300         | 0           | gp_observation                | 397540003 |
        """,
        {
            "hospital_frailty_score_730d": 7.1 + 3.6, "hospital_frailty_band": 1, "charlson_shmi_1095d": 14, "charlson_band": 2,
            "falls_365d": 0, "deficit_fall_ever": 1, "deficit_memory_problems_ever": 1, "deficit_visual_impairment_ever": 1,
            "polypharmacy_5_365d": 0, "deficit_index": 3 / 33,
        },
    ),
    # A person without a hospital stay has no score, not a low one.
    "frailty without a stay": (
        """
        days before | known after | event          | code     | value
        300         | 0           | gp_observation | 52448006 |
        """,
        {"hospital_frailty_score_730d": NOT_KNOWN, "hospital_frailty_band": NOT_KNOWN, "charlson_shmi_1095d": NOT_KNOWN, "dementia_ever": 1},
    ),
    # The mean of the latest day; an implausible value (HbA1c of 6.8, a pressure of 16) is no value; what is missing stays missing.
    "measurements": (
        """
        days before | known after | event          | code            | value
        700         | 0           | gp_observation | 271649006       | 150
        60          | 0           | gp_observation | 271649006       | 138
        60          | 0           | gp_observation | 271649006       | 134
        30          | 0           | gp_observation | 271649006       | 16
        40          | 0           | gp_observation | 999791000000106 | 6.8
        400         | 0           | gp_observation | 77176002        |
        20          | 0           | gp_observation | 8517006         |
        """,
        {
            "systolic_blood_pressure_latest_1095d": 136, "systolic_blood_pressure_change_1095d": 136 - 150,
            "days_since_systolic_blood_pressure": 30, "hba1c_latest_1095d": NOT_KNOWN, "days_since_hba1c": 40, "bmi_latest_1095d": NOT_KNOWN,
            "smoking_current": 0, "smoking_ex": 1, "smoking_never": 0,
        },
    ),
    # A&E without a GP contact; a condition without its review, blood pressure or HbA1c within 15 months (455 days).
    "inequality": (
        """
        days before | known after | event              | code      | value
        456         | 0           | gp_observation     | 271649006 | 140
        400         | 0           | gp_observation     | 44054006  |
        366         | 0           | gp_observation     | 308335008 |
        100         | 0           | outpatient_missed  | 300       |
        90          | 0           | outpatient_attended | 300      |
        60          | 0           | ae_attendance      | 01        |
        50          | 30          | hospital_diagnosis | Z590      |
        """,
        {
            "blood_pressure_overdue": 1, "hba1c_overdue": 1, "review_overdue": 1, "outpatient_missed_share_365d": 0.5,
            "ae_without_gp_contact_365d": 1, "gp_contact_lapsed_365d": 1, "condition_without_gp_contact_365d": 1,
            "gp_missed_share_365d": NOT_KNOWN, "homelessness_ever": 1, "inclusion_health_groups": 1, "outpatient_lapsed_365d": 0,
        },
    ),
    # Conditions and drugs of an OMOP source keep their own vocabulary.
    "OMOP source": (
        """
        days before | known after | event          | code   | value
        31          | 0           | omop_condition | 320128 |
        30          | 0           | omop_condition | 201826 |
        3           | 0           | omop_condition | 201826 |
        3           | 0           | omop_drug      | 1503297 |
        """,
        {"omop_conditions_30d": 2, "distinct_omop_conditions_30d": 1, "distinct_omop_conditions_365d": 2, "omop_drugs_365d": 1},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return build_catalogue(load_code_lists(), 2025)


@pytest.mark.parametrize("family", EXAMPLES)
def test_an_example_of_each_family(family: str, catalogue: Catalogue) -> None:
    table, expected = EXAMPLES[family]
    found = features_of(read(table), catalogue)
    assert {name: found[name] for name in expected} == {
        name: pytest.approx(np.nan if value is NOT_KNOWN else value, rel=1e-6, nan_ok=True) for name, value in expected.items()
    }


def test_every_family_that_is_counted_from_events_has_its_example(catalogue: Catalogue) -> None:
    read_not_counted = {"demographics", "deprivation"}  # see test_person_attributes.py
    assert {feature.family for feature in catalogue.features} - read_not_counted <= set(EXAMPLES)


def read(table: str) -> list[tuple[int, int, str, str, float | None]]:
    """Read the lines of an example's table."""
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()[1:]]
    return [(int(days), int(later), event, code, float(value) if value else None) for days, later, event, code, value in lines]


def features_of(events: list[tuple[int, int, str, str, float | None]], catalogue: Catalogue) -> dict[str, float]:
    """Compute the catalogue's event features, and those derived from them, for one person with these events."""
    events = sorted(events, key=lambda event: -event[0])
    codes = sorted({(SYSTEM_OF[event], code) for _, _, event, code, _ in events})
    number = {code: place for place, code in enumerate(codes, start=1)}
    day = [INDEX - timedelta(days=event[0]) for event in events]
    table = pa.table(
        {
            "person_key": pa.array([1] * len(events), pa.int32()),
            "event_date": pa.array(day, pa.date32()),
            "available_date": pa.array(
                [then + timedelta(days=event[1]) for then, event in zip(day, events, strict=True)], pa.date32()
            ),
            "event_type": pa.array([NUMBER_OF[event[2]] for event in events], pa.int16()),
            "code": pa.array([number[SYSTEM_OF[event[2]], event[3]] for event in events], pa.int32()),
            "value": pa.array([event[4] for event in events], pa.float32()),
            "provider": pa.array([0] * len(events), pa.int32()),
        }
    )
    index_day = np.array([(INDEX - date(1970, 1, 1)).days], dtype=np.int32)
    rows = IndexRows(np.array([1], dtype=np.int32), index_day, np.array([UNKNOWN_BIRTH], dtype=np.int32))
    plan = compile_plan(catalogue, [(place, *code) for code, place in number.items()])
    counted = window_counts(Events.from_arrow(table), rows, plan)
    known = {feature.name: counted[place] for place, feature in enumerate(plan.features)}
    for feature in catalogue.features:
        if feature.statistic in DERIVED and set(feature.inputs) <= set(known):
            known[feature.name] = derive(feature, known)
    return {name: float(values[0]) for name, values in known.items()}

"""The share of people whom a code list is expected to match: published for conditions, and floors chosen by Strata.

Sources of the published shares: NHS Digital, Quality and Outcomes Framework 2022-23 (registers, rounded). Where it has no register (anxiety,
hypothyroidism, osteoarthritis, alcohol, substance misuse and the rarer conditions) after Head et al., Lancet Healthy Longevity 2021, tables of
long-term conditions. Frailty after Clegg et al., Age and Ageing 2016 (moderate or severe in 15% from 65). The share of osteoporosis is no
register's: Strata chose it, 3% of people from 50, because the register counts only people who also had a fragility fracture.

The floors are no published figures. Strata chose them for common measurements, contacts, reviews, vaccinations and medicines, far below what a GP
record of England has, also one of few months, and for common hospital diagnoses and major A&E departments. They only serve to recognise a list that
matches no one. A list without a floor, such as that of missed appointments, is not recorded everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable

PREVALENCE = {
    "obesity": 0.0896, "learning_disability": 0.006, "asthma": 0.0605, "hypertension": 0.144, "type_1_diabetes": 0.005,
    "type_2_diabetes": 0.055, "alcohol_problems": 0.014, "severe_mental_illness": 0.010, "substance_misuse": 0.006,
    "depression": 0.1038, "anxiety": 0.06, "epilepsy": 0.0063, "multiple_sclerosis": 0.002, "rheumatoid_arthritis": 0.0065,
    "hypothyroidism": 0.035, "psoriasis": 0.02, "inflammatory_bowel_disease": 0.007, "osteoarthritis": 0.06, "gout": 0.016,
    "osteoporosis": 0.012, "chronic_liver_disease": 0.005, "copd": 0.018, "bronchiectasis": 0.003,
    "coronary_heart_disease": 0.030, "atrial_fibrillation": 0.021, "heart_failure": 0.010, "stroke_tia": 0.018, "chronic_kidney_disease": 0.033,
    "peripheral_arterial_disease": 0.006, "cancer": 0.035, "parkinsons_disease": 0.0022, "dementia": 0.0074, "frailty": 0.028,
}  # fmt: skip

# The shares are of people of all ages, also where a register counts only some ages. `features/registers.py` divides by the share of these ages.

# The share of people on a register that counts less than half of the people with a diagnosis. OST004 of 2022-23: 223,326 of 62.4 million.
REGISTER_SHARE = {"osteoporosis": 0.0036}
RAREST = 1 / 10_000  # the floor of any other list

# By terminology: the least share of the people with any entry in it.
FLOORS = {
    "snomed": {
        "gp_contact": 0.05, "blood_pressure_any": 0.03, "systolic_blood_pressure": 0.03, "diastolic_blood_pressure": 0.03, "hba1c": 0.02, "bmi": 0.02, "egfr": 0.02,
        "smoking_current": 0.01, "smoking_ex": 0.01, "smoking_never": 0.02, "long_term_condition_review": 0.01,
        "influenza_vaccination_clinical": 0.01,
    },
    "dmd": {
        "antibiotics": 0.05, "antihypertensives": 0.03, "statins": 0.03, "antidepressants": 0.03, "ppis": 0.03, "opioids": 0.02, "nsaids": 0.02,
        "inhaled_bronchodilators": 0.02, "antiplatelets": 0.01, "metformin": 0.01, "inhaled_corticosteroids": 0.01, "oral_corticosteroids": 0.01,
        "thyroid_hormones": 0.01, "anticoagulants": 0.01, "loop_diuretics": 0.005, "gabapentinoids": 0.005, "benzodiazepines": 0.005,
        "hypnotics": 0.005, "antipsychotics": 0.003, "antiepileptics": 0.003, "insulin": 0.003, "levodopa": 0.001,
    },
    "icd10": {
        "ambulatory_care_sensitive": 0.02, "ambulatory_care_sensitive_any_position": 0.005, "influenza_and_pneumonia": 0.01,
        "hospital_frailty_risk_score": 0.05, "charlson_diabetes": 0.02, "charlson_pulmonary_disease": 0.02, "charlson_cancer": 0.01,
        "charlson_renal_disease": 0.01, "charlson_congestive_heart_failure": 0.01,
    },
    "department_type": {"ae_major_department": 0.05},
}  # fmt: skip

# The least share of the people with a condition whose record has a code that ends it.
ENDED_FLOORS = {
    "asthma_resolved": 0.01, "depression_resolved": 0.01, "epilepsy_resolved": 0.01, "hypertension_resolved": 0.01, "diabetes_resolved": 0.01,
    "ckd_resolved": 0.01, "atrial_fibrillation_resolved": 0.01,
}  # fmt: skip
RARELY_ENDED = 1 / 1000  # the floor of any other list of codes that end a condition


def published_share(lists: Iterable[str]) -> float | None:
    """Return the published share of people with the condition of any of some code lists; None if none is published.

    The lists of one condition exclude one another, as the types of diabetes do, so their shares add up.
    """
    return sum(PREVALENCE.get(name, 0.0) for name in dict.fromkeys(lists)) or None


def floor_of(name: str, system: str) -> float:
    """Return the least share of people whom a list is expected to match in a terminology, where none is published."""
    return FLOORS.get(system, {}).get(name, RAREST)


def ended_floor_of(name: str) -> float:
    """Return the least share of the people with a condition whom a list of codes that end it is expected to match."""
    return ENDED_FLOORS.get(name, RARELY_ENDED)

"""Frailty and comorbidity scores from hospital diagnoses, and frailty in the GP record.

Someone without a hospital stay in a score's window has no score, not a low one.
"""

from __future__ import annotations

from features.code_lists import CodeList
from features.declaration import Concept, Feature, Statistic

HFRS = "hospital_frailty_risk_score"
HFRS_BANDS = (5.0, 15.01)  # under 5 low, 5 to 15 intermediate, over 15 high: points have one decimal
HFRS_DAYS = 730  # each code counts once per person over two years
CHARLSON_DAYS = 1095  # as far back as the earliest training date has data, so that dates compare
# methods: severe replaces mild, complicated replaces plain diabetes, metastatic replaces cancer
CHARLSON_REPLACED = (
    ("charlson_mild_liver_disease", "charlson_severe_liver_disease"),
    ("charlson_diabetes", "charlson_diabetes_complications"),
    ("charlson_cancer", "charlson_metastatic_cancer"),
)
SIGNS = {
    "frailty": "Frailty", "falls": "Falls", "fragility_fracture": "Fragility fracture", "pressure_ulcer": "Pressure ulcer",
    "delirium": "Delirium", "palliative_care": "Palliative care", "urinary_tract_infection": "Urinary tract infection",
    "pneumonia": "Pneumonia",
}  # fmt: skip
_BOTH_RECORDS = ("hospital_diagnosis", "gp_observation")
_HOSPITAL_ONLY = ("fragility_fracture",)
# The deficits of the index beside conditions that have a feature of their own: name, label and code lists, each ever recorded.
_DEFICITS = (
    ("anaemia", "Anaemia", ("anaemia",)),
    ("arthritis", "Arthritis", ("osteoarthritis", "rheumatoid_arthritis", "gout")),
    ("care_need", "Need for care", ("care_need",)),
    ("dizziness", "Dizziness", ("dizziness",)),
    ("dyspnoea", "Dyspnoea", ("dyspnoea",)),
    ("fall", "Falls", ("falls",)),
    ("fracture", "Fragility fracture", ("fragility_fracture",)),
    ("hearing_impairment", "Hearing impairment", ("hearing_impairment",)),
    ("heart_valve_disease", "Heart valve disease", ("heart_valve_disease",)),
    ("hypotension_or_syncope", "Hypotension or syncope", ("hypotension_or_syncope",)),
    ("memory_problems", "Memory and cognitive problems", ("dementia", "memory_problems")),
    ("mobility_problems", "Mobility problems, housebound", ("mobility_problems",)),
    ("peptic_ulcer", "Peptic ulcer", ("peptic_ulcer",)),
    ("respiratory_disease", "Respiratory disease", ("asthma", "copd", "bronchiectasis")),
    ("skin_ulcer", "Skin ulcer", ("pressure_ulcer", "leg_ulcer")),
    ("sleep_disturbance", "Sleep disturbance", ("sleep_disturbance",)),
    ("social_vulnerability", "Living alone, as recorded, or homeless", ("living_alone", "homelessness")),
    ("thyroid_disease", "Thyroid disease", ("hypothyroidism", "hyperthyroidism")),
    ("urinary_disease", "Urinary tract infection", ("urinary_tract_infection",)),
    ("urinary_incontinence", "Urinary incontinence", ("urinary_incontinence",)),
    ("visual_impairment", "Visual impairment", ("visual_impairment",)),
    ("weight_loss", "Weight loss", ("weight_loss",)),
)
_CONDITIONS = (
    "atrial_fibrillation", "chronic_kidney_disease", "coronary_heart_disease", "diabetes", "heart_failure", "hypertension",
    "osteoporosis", "parkinsons_disease", "peripheral_arterial_disease", "stroke_tia",
)  # fmt: skip
MEDICINES = 5  # as many distinct medicines within a year are a deficit


def concepts(lists: dict[str, CodeList]) -> tuple[Concept, ...]:
    """Give the concepts of this family: signs, and one concept for each scoring group of the lists."""
    signs = (Concept(name, _BOTH_RECORDS[:1] if name in _HOSPITAL_ONLY else _BOTH_RECORDS, (name,)) for name in SIGNS)
    frailty = (
        Concept(f"hfrs_{code.lower()}", ("hospital_diagnosis",), (f"{HFRS}/{code}",)) for code in lists[HFRS].codes("icd10")
    )
    charlson = (Concept(name, ("hospital_diagnosis",), (name,)) for name in lists if name.startswith("charlson_"))
    deficits = (Concept(f"deficit_{name}", _BOTH_RECORDS, named) for name, _, named in _DEFICITS)
    return (*signs, *frailty, *charlson, *deficits)


def features(lists: dict[str, CodeList]) -> tuple[Feature, ...]:
    """Give the features of this family; the points come with the code lists."""
    return (*_hospital_frailty(lists), *_charlson(lists), *_signs(), *_deficit_index())


def _hospital_frailty(lists: dict[str, CodeList]) -> tuple[Feature, ...]:
    entries = lists[HFRS].entries
    score = Feature(
        f"hospital_frailty_score_{HFRS_DAYS}d", "Hospital Frailty Risk Score", "frailty", Statistic.SCORE, "", HFRS_DAYS, "points",
        "Made for age 75 and over, unvalidated below. Null for people without a hospital stay in the window.", "Gilbert et al. 2018",
        after="hospital_stay", groups=tuple(f"hfrs_{entry.code.lower()}" for entry in entries),
        points=tuple(entry.points or 0.0 for entry in entries),
    )  # fmt: skip
    band = Feature(
        "hospital_frailty_band", "Hospital Frailty Risk Score band: 0 low, 1 intermediate, 2 high", "frailty", Statistic.BAND,
        unit="band", inputs=(score.name,), thresholds=HFRS_BANDS, source="Gilbert et al. 2018",
    )  # fmt: skip
    return score, band


def _charlson(lists: dict[str, CodeList]) -> tuple[Feature, ...]:
    groups = tuple(name for name in lists if name.startswith("charlson_"))
    score = Feature(
        f"charlson_shmi_{CHARLSON_DAYS}d", "Charlson comorbidity score with the SHMI weights", "frailty", Statistic.SCORE, "", CHARLSON_DAYS,
        "points", "A negative total counts as 0. Null for people without a hospital stay in the window.", "SHMI specification",
        after="hospital_stay", groups=groups, points=tuple(lists[name].entries[0].points or 0.0 for name in groups),
        replaced_by=CHARLSON_REPLACED,
    )  # fmt: skip
    band = Feature(
        "charlson_band", "Charlson score band: 0 none, 1 from 1 to 9, 2 from 10", "frailty", Statistic.BAND, unit="band",
        inputs=(score.name,), thresholds=(1.0, 10.0), source="SHMI specification",
    )  # fmt: skip
    return score, band


def _signs() -> tuple[Feature, ...]:
    return tuple(
        Feature(
            f"{name}_{days}d",
            f"{label}, last {days} days",
            "frailty",
            Statistic.FLAG,
            name,
            days,
            "yes/no",
            source=f"Code list {name}",
        )
        for name, label in SIGNS.items()
        for days in ((1095,) if name in ("frailty", "palliative_care") else (365,))
    )


def _deficit_index() -> tuple[Feature, ...]:
    """Give the deficits and their share: those of the electronic frailty index, by code lists of our own.

    Of its 36, activity limitation and foot problems are left out, and being housebound is one with mobility problems.
    """
    deficits = tuple(
        Feature(f"deficit_{name}_ever", f"Deficit: {label}, ever recorded", "frailty", Statistic.FLAG, f"deficit_{name}", None, "yes/no",
                source=f"Code list {', '.join(lists)}")
        for name, label, lists in _DEFICITS
    )  # fmt: skip
    medicines = Feature(
        f"polypharmacy_{MEDICINES}_365d", f"{MEDICINES} or more distinct medicines, last 365 days", "frailty", Statistic.AT_LEAST,
        unit="yes/no", inputs=("distinct_medicines_365d",), thresholds=(MEDICINES,), source="Clegg et al. 2016",
    )  # fmt: skip
    counted = (*(feature.name for feature in deficits), *(f"{name}_ever" for name in _CONDITIONS), medicines.name)
    index = Feature(
        "deficit_index", f"Frailty-style deficit index: share of {len(counted)} deficits that are there", "frailty", Statistic.SHARE_OF,
        unit="share", inputs=counted, source="After Clegg et al. 2016",
        description="Like the electronic frailty index in kind, but with code lists of our own: not that index, and its bands do not apply.",
    )  # fmt: skip
    return (*deficits, medicines, index)

"""Frailty and comorbidity: two scores from hospital diagnoses, signs of frailty in either record, and a deficit index.

* Hospital Frailty Risk Score (Gilbert et al. 2018, Lancet 391:1775): 109 three-character ICD-10 codes, each counted once per person
  over two years. Bands: under 5 low, 5 to 15 intermediate, over 15 high. It was made for people aged 75 and over and has not been
  validated for younger people.
* Charlson score with the weights of the Summary Hospital-level Mortality Indicator (SHMI specification, NHS England). A severe condition
  replaces its milder form, and a negative total counts as 0. Bands: 0, 1 to 9, and 10 or more.
* Deficit index: the share of deficits that a person has, in the manner of the electronic frailty index (Clegg et al. 2016, Age and
  Ageing 45:353). It uses Strata's own code lists, so the published bands of that index do not apply.

Both hospital scores are null, not low, for a person without a hospital stay in the window: no diagnosis could have been recorded.
"""

from __future__ import annotations

from expectations.time_window import in_the_last
from features.code_lists import CodeList
from features.declaration import Concept, Feature, Statistic
from features.long_term_conditions import CONDITIONS, can_end, current_name

HFRS = "hospital_frailty_risk_score"
HFRS_BANDS = (5.0, 15.01)  # under 5 low, 5 to 15 intermediate, over 15 high; points have one decimal, so 15.01 is above 15
HFRS_DAYS = 730  # two years, as published
CHARLSON_DAYS = 1095  # three years: every training date has data for as long, so that the dates can be compared
# A severe condition replaces its milder form (SHMI specification).
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
# Deficits of the index that are not features elsewhere: name, label and code lists. Each counts if it was ever recorded, or if the person
# has it now where it consists of conditions of which one can end.
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
    ("mobility_problems", "Mobility problems or housebound", ("mobility_problems",)),
    ("peptic_ulcer", "Peptic ulcer", ("peptic_ulcer",)),
    ("respiratory_disease", "Respiratory disease", ("asthma", "copd", "bronchiectasis")),
    ("skin_ulcer", "Skin ulcer", ("pressure_ulcer", "leg_ulcer")),
    ("sleep_disturbance", "Sleep disturbance", ("sleep_disturbance",)),
    ("social_vulnerability", "Living alone or homeless", ("living_alone", "homelessness")),
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
MEDICINES = 5  # distinct medicines within a year that are a deficit (Clegg et al. 2016)


def concepts(lists: dict[str, CodeList]) -> tuple[Concept, ...]:
    """Return the concepts of the family: the signs, the deficits and one concept for each scoring group of the code lists."""
    signs = (Concept(name, _BOTH_RECORDS, (name,)) for name in SIGNS)
    frailty = (
        Concept(f"hfrs_{code.lower()}", ("hospital_diagnosis",), (f"{HFRS}/{code}",)) for code in lists[HFRS].codes("icd10")
    )
    charlson = (Concept(name, ("hospital_diagnosis",), (name,)) for name in lists if name.startswith("charlson_"))
    deficits = (
        Concept(f"deficit_{name}", _BOTH_RECORDS, lists_read) for name, _, lists_read in _DEFICITS if not _ends(lists_read, lists)
    )
    return (*signs, *frailty, *charlson, *deficits)


def features(lists: dict[str, CodeList]) -> tuple[Feature, ...]:
    """Return the features of the family. The points of the scores are in the code lists."""
    return (*_hospital_frailty(lists), *_charlson(lists), *_signs(), *_deficit_index(lists))


def _hospital_frailty(lists: dict[str, CodeList]) -> tuple[Feature, ...]:
    entries = lists[HFRS].entries
    score = Feature(
        f"hospital_frailty_score_{HFRS_DAYS}d", "Hospital Frailty Risk Score", "frailty", Statistic.SCORE, "", HFRS_DAYS, "points",
        "From diagnoses of hospital stays in the last 2 years. Made for people aged 75 and over; not validated for younger people. "
        "Null for people without a hospital stay in the window.", "Gilbert et al. 2018",
        after="hospital_stay", groups=tuple(f"hfrs_{entry.code.lower()}" for entry in entries),
        points=tuple(entry.points or 0.0 for entry in entries),
    )  # fmt: skip
    band = Feature(
        "hospital_frailty_band", "Hospital Frailty Risk Score band", "frailty", Statistic.BAND,
        unit="band", inputs=(score.name,), thresholds=HFRS_BANDS, source="Gilbert et al. 2018",
        description="0 low (under 5), 1 intermediate (5 to 15), 2 high (over 15).",
    )  # fmt: skip
    return score, band


def _charlson(lists: dict[str, CodeList]) -> tuple[Feature, ...]:
    groups = tuple(name for name in lists if name.startswith("charlson_"))
    score = Feature(
        f"charlson_shmi_{CHARLSON_DAYS}d", "Charlson comorbidity score", "frailty", Statistic.SCORE, "", CHARLSON_DAYS,
        "points", "SHMI weights, from diagnoses of hospital stays in the last 3 years. A negative total counts as 0. "
        "Null for people without a hospital stay in the window.", "SHMI specification",
        after="hospital_stay", groups=groups, points=tuple(lists[name].entries[0].points or 0.0 for name in groups),
        replaced_by=CHARLSON_REPLACED,
    )  # fmt: skip
    band = Feature(
        "charlson_band", "Charlson comorbidity score band", "frailty", Statistic.BAND, unit="band",
        description="0 no points, 1 from 1 to 9 points, 2 from 10 points.",
        inputs=(score.name,), thresholds=(1.0, 10.0), source="SHMI specification",
    )  # fmt: skip
    return score, band


def _signs() -> tuple[Feature, ...]:
    return tuple(
        Feature(
            f"{name}_{days}d",
            f"{label} recorded {in_the_last(days)}",
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


def _deficit_index(lists: dict[str, CodeList]) -> tuple[Feature, ...]:
    """Return the deficits and their share.

    The deficits follow the 36 of the electronic frailty index. Activity limitation and foot problems are excluded because Strata has no
    code list for them. Being housebound and mobility problems are one deficit.
    """
    deficits = tuple(_deficit(name, label, lists_read, lists) for name, label, lists_read in _DEFICITS)
    medicines = Feature(
        f"polypharmacy_{MEDICINES}_365d", f"{MEDICINES} or more different medicines {in_the_last(365)}", "frailty", Statistic.AT_LEAST,
        unit="yes/no", inputs=("distinct_medicines_365d",), thresholds=(MEDICINES,), source="Clegg et al. 2016",
    )  # fmt: skip
    counted = (*(feature.name for feature in deficits), *(current_name(name, lists) for name in _CONDITIONS), medicines.name)
    index = Feature(
        "deficit_index", "Share of health deficits that the person has (deficit index)", "frailty", Statistic.SHARE_OF,
        unit="share", inputs=counted, source="After Clegg et al. 2016",
        description=f"{len(counted)} deficits, in the manner of the electronic frailty index but with Strata's own code lists. "
        "The published bands of that index do not apply.",
    )  # fmt: skip
    return (*deficits, medicines, index)


def _ends(lists_read: tuple[str, ...], lists: dict[str, CodeList]) -> bool:
    """Return whether a deficit consists of long-term conditions of which one can end."""
    return all(name in CONDITIONS for name in lists_read) and any(can_end(name, lists) for name in lists_read)


def _deficit(name: str, label: str, lists_read: tuple[str, ...], lists: dict[str, CodeList]) -> Feature:
    source = f"Code list {', '.join(lists_read)}"
    if not _ends(lists_read, lists):
        return Feature(
            f"deficit_{name}_ever", f"{label}, ever recorded", "frailty", Statistic.FLAG, f"deficit_{name}", None, "yes/no", source=source,
        )  # fmt: skip
    return Feature(
        f"deficit_{name}_current", f"{label}, current", "frailty", Statistic.NUMBER_OF, unit="conditions",
        inputs=tuple(current_name(one, lists) for one in lists_read), source=source,
    )  # fmt: skip

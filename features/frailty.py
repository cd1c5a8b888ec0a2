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


def concepts(lists: dict[str, CodeList]) -> tuple[Concept, ...]:
    """Give the concepts of this family: signs, and one concept for each scoring group of the lists."""
    signs = (Concept(name, _BOTH_RECORDS[:1] if name in _HOSPITAL_ONLY else _BOTH_RECORDS, (name,)) for name in SIGNS)
    frailty = (
        Concept(f"hfrs_{code.lower()}", ("hospital_diagnosis",), (f"{HFRS}/{code}",)) for code in lists[HFRS].codes("icd10")
    )
    charlson = (Concept(name, ("hospital_diagnosis",), (name,)) for name in lists if name.startswith("charlson_"))
    return (*signs, *frailty, *charlson)


def features(lists: dict[str, CodeList]) -> tuple[Feature, ...]:
    """Give the features of this family; the points come with the code lists."""
    return (*_hospital_frailty(lists), *_charlson(lists), *_signs())


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

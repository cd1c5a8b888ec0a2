"""Long-term conditions: each is one concept of hospital diagnoses (ICD-10) and GP record entries (SNOMED CT).

A condition is present if it was ever recorded, because long-term conditions are not cured. It is null, not 0, where the practice's GP
record or the hospital feed is not covered: without data, absence is not known. Obesity is a risk factor and learning disability
a lifelong disability, so neither is included in the number of conditions. Each code of a list has its source.
"""

from __future__ import annotations

from expectations.time_window import in_the_last
from features.declaration import Concept, Feature, Statistic

_SOURCES = ("hospital_diagnosis", "gp_observation")
PHYSICAL = {
    "hypertension": "Hypertension", "type_1_diabetes": "Type 1 diabetes", "type_2_diabetes": "Type 2 diabetes", "asthma": "Asthma",
    "copd": "COPD", "coronary_heart_disease": "Coronary heart disease", "heart_failure": "Heart failure",
    "atrial_fibrillation": "Atrial fibrillation", "stroke_tia": "Stroke or transient ischaemic attack",
    "chronic_kidney_disease": "Chronic kidney disease", "cancer": "Cancer", "epilepsy": "Epilepsy",
    "rheumatoid_arthritis": "Rheumatoid arthritis", "osteoporosis": "Osteoporosis",
    "peripheral_arterial_disease": "Peripheral arterial disease", "parkinsons_disease": "Parkinson's disease",
    "chronic_liver_disease": "Chronic liver disease", "obesity": "Obesity", "hypothyroidism": "Hypothyroidism",
    "multiple_sclerosis": "Multiple sclerosis", "psoriasis": "Psoriasis", "inflammatory_bowel_disease": "Inflammatory bowel disease",
    "osteoarthritis": "Osteoarthritis", "gout": "Gout", "bronchiectasis": "Bronchiectasis", "hiv": "HIV",
    "sickle_cell_disease": "Sickle cell disease",
}  # fmt: skip
MENTAL = {
    "dementia": "Dementia", "depression": "Depression", "anxiety": "Anxiety", "severe_mental_illness": "Severe mental illness",
    "learning_disability": "Learning disability", "alcohol_problems": "Alcohol problems", "substance_misuse": "Substance misuse",
}  # fmt: skip
CONDITIONS = PHYSICAL | MENTAL
_PROPER_NOUNS = ("COPD", "HIV", "Parkinson's disease")
_NOT_COUNTED = ("obesity", "learning_disability")  # a risk factor, and a lifelong disability with its own feature

CONCEPTS = (
    *(Concept(name, _SOURCES, (name,)) for name in CONDITIONS),
    Concept("diabetes", _SOURCES, ("type_1_diabetes", "type_2_diabetes")),
)


def _condition(name: str, label: str) -> tuple[Feature, ...]:
    source = f"Code list {name}"
    in_text = label if label in _PROPER_NOUNS else label[0].lower() + label[1:]
    return (
        Feature(f"{name}_ever", f"{label}, ever recorded", "long-term conditions", Statistic.FLAG, name, None, "yes/no", source=source),
        Feature(f"{name}_new_365d", f"{label}, newly recorded {in_the_last(365)}", "long-term conditions", Statistic.NEW, name, 365,
                "yes/no", source=source),
        Feature(f"{name}_years", f"Years since the first record of {in_text}",
                "long-term conditions", Statistic.YEARS_SINCE_FIRST, name, None, "years", "Null for people without the condition.", source),
    )  # fmt: skip


def _number(name: str, label: str, conditions: tuple[str, ...], suffix: str = "ever") -> Feature:
    return Feature(
        name, label, "long-term conditions", Statistic.NUMBER_OF, unit="conditions",
        inputs=tuple(f"{condition}_{suffix}" for condition in conditions), source="Code lists of this family",
    )  # fmt: skip


_COUNTED = tuple(name for name in CONDITIONS if name not in _NOT_COUNTED)
FEATURES = (
    *(feature for name, label in CONDITIONS.items() for feature in _condition(name, label)),
    Feature("diabetes_ever", "Diabetes (type 1 or type 2), ever recorded", "long-term conditions", Statistic.FLAG, "diabetes", None, "yes/no",
            source="Code list type_1_diabetes, type_2_diabetes"),
    _number("long_term_conditions", "Number of long-term conditions", _COUNTED),
    _number("physical_conditions", "Number of physical long-term conditions", tuple(name for name in PHYSICAL if name in _COUNTED)),
    _number("mental_conditions", "Number of mental health conditions", tuple(name for name in MENTAL if name in _COUNTED)),
    _number("new_conditions_365d", f"New long-term conditions {in_the_last(365)}", _COUNTED, "new_365d"),
    Feature("physical_mental_multimorbidity", "Both a physical and a mental health condition", "long-term conditions", Statistic.BOTH,
            unit="yes/no", inputs=("physical_conditions", "mental_conditions")),
)  # fmt: skip

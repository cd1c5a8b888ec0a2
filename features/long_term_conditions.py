"""Long-term conditions: hospital diagnoses (ICD-10) and the GP record (SNOMED CT) as one concept each.

A condition is null, not 0, for people whose practice's GP record or whose hospital feed is not covered: what was not
looked for cannot be said to be absent.
"""

from __future__ import annotations

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
_NOT_COUNTED = ("obesity", "learning_disability")  # a risk factor, and a lifelong disability that is shown by itself

CONCEPTS = (
    *(Concept(name, _SOURCES, (name,)) for name in CONDITIONS),
    Concept("diabetes", _SOURCES, ("type_1_diabetes", "type_2_diabetes")),
)


def _condition(name: str, label: str) -> tuple[Feature, ...]:
    source = f"Code list {name}"
    in_text = label if label in _PROPER_NOUNS else label[0].lower() + label[1:]
    return (
        Feature(f"{name}_ever", f"{label}, ever recorded", "long-term conditions", Statistic.FLAG, name, None, "yes/no", source=source),
        Feature(f"{name}_new_365d", f"{label}, first recorded in the last 365 days", "long-term conditions", Statistic.NEW, name, 365,
                "yes/no", source=source),
        Feature(f"{name}_years", f"Years since {in_text} was first recorded",
                "long-term conditions", Statistic.YEARS_SINCE_FIRST, name, None, "years", "Null for people without it.", source),
    )  # fmt: skip


def _number(name: str, label: str, conditions: tuple[str, ...], suffix: str = "ever") -> Feature:
    return Feature(
        name, label, "long-term conditions", Statistic.NUMBER_OF, unit="conditions",
        inputs=tuple(f"{condition}_{suffix}" for condition in conditions), source="Count over the code lists of this family",
    )  # fmt: skip


_COUNTED = tuple(name for name in CONDITIONS if name not in _NOT_COUNTED)
FEATURES = (
    *(feature for name, label in CONDITIONS.items() for feature in _condition(name, label)),
    Feature("diabetes_ever", "Diabetes of either type, ever recorded", "long-term conditions", Statistic.FLAG, "diabetes", None, "yes/no",
            source="Code list type_1_diabetes, type_2_diabetes"),
    _number("long_term_conditions", "Number of long-term conditions", _COUNTED),
    _number("physical_conditions", "Number of physical long-term conditions", tuple(name for name in PHYSICAL if name in _COUNTED)),
    _number("mental_conditions", "Number of mental long-term conditions", tuple(name for name in MENTAL if name in _COUNTED)),
    _number("new_conditions_365d", "Long-term conditions first recorded in the last 365 days", _COUNTED, "new_365d"),
    Feature("physical_mental_multimorbidity", "A physical and a mental long-term condition", "long-term conditions", Statistic.BOTH,
            unit="yes/no", inputs=("physical_conditions", "mental_conditions")),
)  # fmt: skip

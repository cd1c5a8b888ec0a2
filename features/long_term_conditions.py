"""Long-term conditions: each is one concept of hospital diagnoses (ICD-10) and GP record entries (SNOMED CT).

* **Ever**: the condition was recorded at any time.
* **Current**: its latest diagnosis is later than its latest resolved code. A condition has this feature if there is a list of its resolved
  codes, of Strata or of the team (`<condition>_resolved`). Any other condition is current once it was recorded.
* **Newly recorded** and **years**: of a condition that is current. They are 0 and null where it is not.

Models, the number of conditions and overdue checks use `current`. A condition is null, not 0, where the practice's GP record or the
hospital feed is not covered: without data, absence is not known. Obesity is a risk factor and learning disability a lifelong disability,
so neither is included in the number of conditions. Diabetes of any type counts once, also where the type is not recorded.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from expectations.time_window import in_the_last
from features.declaration import Concept, Feature, Statistic

_SOURCES = ("hospital_diagnosis", "gp_observation")
PHYSICAL = {
    "hypertension": "Hypertension", "type_1_diabetes": "Type 1 diabetes", "type_2_diabetes": "Type 2 diabetes",
    "diabetes": "Diabetes of any type", "asthma": "Asthma", "copd": "COPD", "coronary_heart_disease": "Coronary heart disease",
    "heart_failure": "Heart failure", "atrial_fibrillation": "Atrial fibrillation",
    "stroke_tia": "Stroke or transient ischaemic attack", "chronic_kidney_disease": "Chronic kidney disease", "cancer": "Cancer", "epilepsy": "Epilepsy",
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
# A risk factor, a lifelong disability with its own feature, and types of a condition that counts as a whole.
_NOT_COUNTED = ("obesity", "learning_disability", "type_1_diabetes", "type_2_diabetes")
_LISTS_OF = {"diabetes": ("type_1_diabetes", "type_2_diabetes", "diabetes")}  # the list `diabetes` has the codes without a type
_RESOLVED_BY = {
    "type_1_diabetes": "diabetes_resolved", "type_2_diabetes": "diabetes_resolved", "chronic_kidney_disease": "ckd_resolved",
}  # fmt: skip


def lists_of(condition: str) -> tuple[str, ...]:
    """Return the code lists of a condition's diagnoses: its own one, or those of its types."""
    return _LISTS_OF.get(condition, (condition,))


def resolved_list(condition: str) -> str:
    """Return the name of the list of a condition's resolved codes, which need not exist."""
    return _RESOLVED_BY.get(condition, f"{condition}_resolved")


def current_name(condition: str, lists: Container[str]) -> str:
    """Return the feature that says whether a person has a condition now: `ever` for a condition without resolved codes."""
    return f"{condition}_current" if can_end(condition, lists) else f"{condition}_ever"


def can_end(condition: str, lists: Container[str]) -> bool:
    """Return whether a list of codes ends a condition."""
    return bool(_ended_by(condition, lists))


def _ended_by(condition: str, lists: Container[str]) -> str:
    """Return the concept of the resolved codes that end a condition; '' for a condition without them."""
    return resolved if (resolved := resolved_list(condition)) in lists else ""


def concepts(lists: Container[str]) -> tuple[Concept, ...]:
    """Return a concept for each condition, and one for each list of resolved codes."""
    resolved = dict.fromkeys(name for condition in CONDITIONS if (name := resolved_list(condition)) in lists)
    return (
        *(Concept(name, _SOURCES, lists_of(name)) for name in CONDITIONS),
        *(Concept(name, ("gp_observation",), (name,)) for name in resolved),
    )


def features(lists: Container[str]) -> tuple[Feature, ...]:
    """Return the features of every condition, and the numbers of conditions that a person has now."""
    counted = tuple(name for name in CONDITIONS if name not in _NOT_COUNTED)

    def now(names: Iterable[str]) -> Iterable[str]:
        return (current_name(name, lists) for name in names if name in counted)

    return (
        *(feature for name, label in CONDITIONS.items() for feature in _condition(name, label, lists)),
        _number("long_term_conditions", "Number of long-term conditions", now(counted)),
        _number("physical_conditions", "Number of physical long-term conditions", now(PHYSICAL)),
        _number("mental_conditions", "Number of mental health conditions", now(MENTAL)),
        _number("new_conditions_365d", f"New long-term conditions {in_the_last(365)}", (f"{name}_new_365d" for name in counted)),
        Feature("physical_mental_multimorbidity", "Both a physical and a mental health condition", "long-term conditions", Statistic.BOTH,
                unit="yes/no", inputs=("physical_conditions", "mental_conditions")),
    )  # fmt: skip


def _presence(name: str, label: str, lists: Container[str], source: str) -> tuple[Feature, ...]:
    """Return `ever` and, for a condition with resolved codes, `current`, which replaces it as a predictor."""
    ended_by = _ended_by(name, lists)
    ever = Feature(
        f"{name}_ever", f"{label}, ever recorded", "long-term conditions", Statistic.FLAG, name, None, "yes/no", source=source,
        role="audit" if ended_by else "predictor",
    )  # fmt: skip
    if not ended_by:
        return (ever,)
    return ever, Feature(
        current_name(name, lists), f"{label}, current", "long-term conditions", Statistic.CURRENT, name, None, "yes/no",
        "The latest diagnosis is later than the latest resolved code.", f"{source}; {ended_by}", after=ended_by,
    )  # fmt: skip


def _condition(name: str, label: str, lists: Container[str]) -> tuple[Feature, ...]:
    names = lists_of(name)
    source = f"Code list{'s' * (len(names) > 1)} {', '.join(names)}"
    ended_by = _ended_by(name, lists)
    with_end = f"{source}; {ended_by}" if ended_by else source
    in_text = label if label in _PROPER_NOUNS else label[0].lower() + label[1:]
    return (
        *_presence(name, label, lists, source),
        Feature(f"{name}_new_365d", f"{label}, newly recorded {in_the_last(365)}", "long-term conditions", Statistic.NEW, name, 365,
                "yes/no", "0 where it is not current." if ended_by else "", with_end, after=ended_by),
        Feature(f"{name}_years", f"Years since the first record of {in_text}",
                "long-term conditions", Statistic.YEARS_SINCE_FIRST, name, None, "years", "Null for people without the condition, or whose condition is not current." if ended_by else "Null for people without the condition.", with_end,
                after=ended_by),
    )  # fmt: skip


def _number(name: str, label: str, inputs: Iterable[str]) -> Feature:
    return Feature(
        name, label, "long-term conditions", Statistic.NUMBER_OF, unit="conditions", inputs=tuple(inputs), source="Code lists of this family",
    )  # fmt: skip

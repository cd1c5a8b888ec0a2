"""Measurements in the GP record: the latest value, its change and the days since it was recorded.

A value outside the range of `MEASURES` is not used: it is in another unit or an entry error, since no living person has such a value.
A missing measurement stays missing. It is never filled in, because who is measured depends on the practice and the person's health.
Smoking status is the latest of three groups of codes.
"""

from __future__ import annotations

from expectations.time_window import in_the_last
from features.declaration import Concept, Feature, Statistic

# Name: label, unit, lowest and highest plausible value.
MEASURES = {
    "systolic_blood_pressure": ("Systolic blood pressure", "mmHg", 50, 300),
    "diastolic_blood_pressure": ("Diastolic blood pressure", "mmHg", 20, 200),
    "hba1c": ("HbA1c", "mmol/mol", 15, 200),
    "bmi": ("Body mass index", "kg/m2", 10, 90),
    "egfr": ("eGFR", "mL/min/1.73m2", 1, 200),
}
SMOKING = {"smoking_current": "Smoker", "smoking_ex": "Ex-smoker", "smoking_never": "Never smoked"}
_ABBREVIATIONS = ("HbA1c", "eGFR")
WINDOW = 1095  # three years

CONCEPTS = (
    *(Concept(name, ("gp_observation",), (name,), low, high) for name, (_, _, low, high) in MEASURES.items()),
    *(Concept(name, ("gp_observation",), (name,)) for name in SMOKING),
)


def _measure(name: str, label: str, unit: str) -> tuple[Feature, ...]:
    source = f"Code list {name}"
    return (
        Feature(f"{name}_latest_{WINDOW}d", f"{label}, latest value {in_the_last(WINDOW)}", "measurements", Statistic.LATEST_VALUE, name, WINDOW, unit,
                "The mean of the values of the latest day.", source),
        Feature(f"{name}_change_{WINDOW}d", f"{label}, change {in_the_last(WINDOW)}", "measurements",
                Statistic.VALUE_CHANGE, name, WINDOW, unit, "The latest value minus the earliest. Null where only one day has values.", source),
        Feature(f"days_since_{name}", f"Days since the last recorded {label if label in _ABBREVIATIONS else label[0].lower() + label[1:]}", "measurements", Statistic.DAYS_SINCE_LAST, name, WINDOW, "days",
                f"Counts entries without a usable value as well. Null where there is none {in_the_last(WINDOW)}.", source),
    )  # fmt: skip


FEATURES = (
    *(feature for name, (label, unit, _, _) in MEASURES.items() for feature in _measure(name, label, unit)),
    *(
        Feature(name, f"{label} (latest record)", "measurements", Statistic.LATEST_OF, name, None, "yes/no",
                "Null where no smoking status is recorded.", f"Code list {name}", among=tuple(SMOKING))
        for name, label in SMOKING.items()
    ),
)  # fmt: skip

"""Measurements of the GP record: latest value, change and age of the value; what is missing stays missing."""

from __future__ import annotations

from features.declaration import Concept, Feature, Statistic

# name: label, unit, lowest and highest value that can be one; outside it the unit is another one or the entry an error
MEASURES = {
    "systolic_blood_pressure": ("Systolic blood pressure", "mmHg", 50, 300),
    "diastolic_blood_pressure": ("Diastolic blood pressure", "mmHg", 20, 200),
    "hba1c": ("HbA1c", "mmol/mol", 15, 200),
    "bmi": ("Body mass index", "kg/m2", 10, 90),
    "egfr": ("eGFR", "mL/min/1.73m2", 1, 200),
}
SMOKING = {"smoking_current": "Smoker", "smoking_ex": "Ex-smoker", "smoking_never": "Never smoked"}
WINDOW = 1095

CONCEPTS = (
    *(Concept(name, ("gp_observation",), (name,), low, high) for name, (_, _, low, high) in MEASURES.items()),
    *(Concept(name, ("gp_observation",), (name,)) for name in SMOKING),
)


def _measure(name: str, label: str, unit: str) -> tuple[Feature, ...]:
    source = f"Code list {name}"
    return (
        Feature(f"{name}_latest_{WINDOW}d", f"{label}, latest, last {WINDOW} days", "measurements", Statistic.LATEST_VALUE, name, WINDOW, unit,
                "The mean of the latest day's values.", source),
        Feature(f"{name}_change_{WINDOW}d", f"{label}, change from the earliest to the latest value, last {WINDOW} days", "measurements",
                Statistic.VALUE_CHANGE, name, WINDOW, unit, "Null with values on one day only.", source),
        Feature(f"days_since_{name}", f"Days since the last {label}", "measurements", Statistic.DAYS_SINCE_LAST, name, WINDOW, "days",
                f"Any entry, also one without a usable value. Null without one in the last {WINDOW} days.", source),
    )  # fmt: skip


FEATURES = (
    *(feature for name, (label, unit, _, _) in MEASURES.items() for feature in _measure(name, label, unit)),
    *(
        Feature(name, f"{label}, by the latest entry", "measurements", Statistic.LATEST_OF, name, None, "yes/no",
                "Null without an entry on smoking.", f"Code list {name}", among=tuple(SMOKING))
        for name, label in SMOKING.items()
    ),
)  # fmt: skip

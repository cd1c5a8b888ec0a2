"""Measurements in the GP record: the latest value, its change and the days since it was recorded.

`features/analytes.py` has their units and plausible values. Values are stored in the unit of the analyte, without those that are
not plausible in the unit they were sent in. A missing measurement stays missing. It is never filled in, because who is measured
depends on the practice and the person's health. Smoking status is the latest of three groups of codes.
"""

from __future__ import annotations

from expectations.time_window import in_the_last
from features.analytes import ANALYTES, DIASTOLIC, SYSTOLIC
from features.declaration import Concept, Feature, Statistic

MEASURES = tuple(ANALYTES[name] for name in (SYSTOLIC, DIASTOLIC, "hba1c", "bmi", "egfr"))
SMOKING = {"smoking_current": "Smoker", "smoking_ex": "Ex-smoker", "smoking_never": "Never smoked"}
_ABBREVIATIONS = ("HbA1c", "eGFR")
WINDOW = 1095  # three years

CONCEPTS = (
    *(Concept(analyte.name, ("gp_observation",), (analyte.name,), analyte.low, analyte.high) for analyte in MEASURES),
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
                f"Counts entries without a usable value as well. Null where there is none {in_the_last(WINDOW)}, or where the data do not cover that time.", source),
    )  # fmt: skip


FEATURES = (
    *(feature for analyte in MEASURES for feature in _measure(analyte.name, analyte.label, analyte.unit)),
    *(
        Feature(name, f"{label} (latest record)", "measurements", Statistic.LATEST_OF, name, None, "yes/no",
                "Null where no smoking status is recorded.", f"Code list {name}", among=tuple(SMOKING))
        for name, label in SMOKING.items()
    ),
)  # fmt: skip

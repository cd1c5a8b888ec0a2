"""Medicines issued by GPs: distinct medicines, polypharmacy and groups.

A distinct medicine is a substance: codes of the medicine lists that share a name are one, every other code stands for
itself, so a feed that sends product-level codes needs a map to virtual therapeutic moieties.
"""

from __future__ import annotations

from features.declaration import Concept, Feature, Statistic

GROUPS = {
    "statins": "Statins", "antihypertensives": "Antihypertensives", "antidepressants": "Antidepressants", "opioids": "Opioids",
    "antipsychotics": "Antipsychotics", "anticoagulants": "Anticoagulants", "antiplatelets": "Antiplatelets", "insulin": "Insulin",
    "metformin": "Metformin", "inhaled_bronchodilators": "Inhaled bronchodilators",
    "inhaled_corticosteroids": "Inhaled corticosteroids", "nsaids": "Non-steroidal anti-inflammatories",
    "ppis": "Proton pump inhibitors", "loop_diuretics": "Loop diuretics", "antibiotics": "Antibiotics",
    "benzodiazepines": "Benzodiazepines", "hypnotics": "Hypnotics", "gabapentinoids": "Gabapentinoids",
    "antiepileptics": "Antiepileptics", "oral_corticosteroids": "Oral corticosteroids", "thyroid_hormones": "Thyroid hormones",
    "levodopa": "Levodopa",
}  # fmt: skip
_COURSES = ("antibiotics", "oral_corticosteroids")  # given in courses: how many counts, not only whether
POLYPHARMACY = (8, 10, 15, 20)  # the thresholds of the NHS polypharmacy indicators

CONCEPTS = (
    Concept("medicine", ("gp_medication",)),
    *(Concept(name, ("gp_medication",), (name,)) for name in GROUPS),
)

FEATURES = (
    *(
        Feature(f"distinct_medicines_{days}d", f"Distinct medicines, last {days} days", "medicines", Statistic.DISTINCT_CODES, "medicine",
                days, "medicines", "Substances, not BNF paragraphs.", "NHS Business Services Authority polypharmacy indicators")
        for days in (90, 180, 365)
    ),
    *(
        Feature(f"polypharmacy_{number}_90d", f"{number} or more distinct medicines, last 90 days", "medicines", Statistic.AT_LEAST,
                unit="yes/no", inputs=("distinct_medicines_90d",), thresholds=(number,),
                source="NHS Business Services Authority polypharmacy indicators")
        for number in POLYPHARMACY
    ),
    *(
        Feature(f"medicine_issues_{days}d", f"Medicines issued, last {days} days", "medicines", Statistic.COUNT, "medicine", days, "issues")
        for days in (30, 90, 365)
    ),
    Feature("medicine_issues_trend_180d", "Medicines issued: last 180 days less the 180 before", "medicines", Statistic.TREND, "medicine",
            180, "issues"),
    *(
        Feature(f"{name}_180d", f"{label}, last 180 days", "medicines", Statistic.FLAG, name, 180, "yes/no", source=f"Code list {name}")
        for name, label in GROUPS.items()
    ),
    *(
        Feature(f"{name}_issues_365d", f"{GROUPS[name]} issued, last 365 days", "medicines", Statistic.COUNT, name, 365, "issues",
                source=f"Code list {name}")
        for name in _COURSES
    ),
)  # fmt: skip

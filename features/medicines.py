"""Medicines issued by GPs: different medicines, polypharmacy and groups of medicines.

* A different medicine is a different substance. The list `medicines` has the substance of each known product, and any other code counts as a
  medicine by itself. A team's map from products to virtual therapeutic moieties (dm+d) replaces it.
* A group is a list of products (VMP and AMP of dm+d). Lists age, because dm+d renumbers products: see docs/code-lists.md.
* Polypharmacy: 8, 10, 15 and 20 or more medicines (polypharmacy indicators, NHS Business Services Authority). These count chemical
  substances, not BNF paragraphs.
"""

from __future__ import annotations

from expectations.time_window import in_the_last, length
from features.declaration import Concept, Feature, Statistic

GROUPS = {
    "statins": "Statins", "antihypertensives": "Antihypertensives", "antidepressants": "Antidepressants", "opioids": "Opioids",
    "antipsychotics": "Antipsychotics", "anticoagulants": "Anticoagulants", "antiplatelets": "Antiplatelets", "insulin": "Insulin",
    "metformin": "Metformin", "inhaled_bronchodilators": "Inhaled bronchodilators",
    "inhaled_corticosteroids": "Inhaled corticosteroids", "nsaids": "Non-steroidal anti-inflammatory medicines",
    "ppis": "Proton pump inhibitors", "loop_diuretics": "Loop diuretics", "antibiotics": "Antibiotics",
    "benzodiazepines": "Benzodiazepines", "hypnotics": "Hypnotics", "gabapentinoids": "Gabapentinoids",
    "antiepileptics": "Antiepileptics", "oral_corticosteroids": "Oral corticosteroids", "thyroid_hormones": "Thyroid hormones",
    "levodopa": "Levodopa",
}  # fmt: skip
_COURSES = ("antibiotics", "oral_corticosteroids")  # taken in courses: the number of courses matters as well
POLYPHARMACY = (8, 10, 15, 20)  # thresholds of the polypharmacy indicators of the NHS Business Services Authority

CONCEPTS = (
    Concept("medicine", ("gp_medication",)),
    *(Concept(name, ("gp_medication",), (name,)) for name in GROUPS),
)

FEATURES = (
    *(
        Feature(f"distinct_medicines_{days}d", f"Different medicines {in_the_last(days)}", "medicines", Statistic.DISTINCT_CODES, "medicine",
                days, "medicines", "Counts chemical substances, not BNF paragraphs.", "NHS Business Services Authority polypharmacy indicators")
        for days in (90, 180, 365)
    ),
    *(
        Feature(f"polypharmacy_{number}_90d", f"{number} or more different medicines {in_the_last(90)}", "medicines", Statistic.AT_LEAST,
                unit="yes/no", inputs=("distinct_medicines_90d",), thresholds=(number,),
                source="NHS Business Services Authority polypharmacy indicators")
        for number in POLYPHARMACY
    ),
    *(
        Feature(f"medicine_issues_{days}d", f"Medicines issued {in_the_last(days)}", "medicines", Statistic.COUNT, "medicine", days, "issues")
        for days in (30, 90, 365)
    ),
    Feature("medicine_issues_trend_180d", f"Change in medicines issued: last {length(180)} compared with the {length(180)} before", "medicines", Statistic.TREND, "medicine",
            180, "issues"),
    *(
        Feature(f"{name}_180d", f"{label} issued {in_the_last(180)}", "medicines", Statistic.FLAG, name, 180, "yes/no", source=f"Code list {name}")
        for name, label in GROUPS.items()
    ),
    *(
        Feature(f"{name}_issues_365d", f"Number of times {GROUPS[name].lower()} were issued {in_the_last(365)}", "medicines", Statistic.COUNT, name, 365, "issues",
                source=f"Code list {name}")
        for name in _COURSES
    ),
)  # fmt: skip

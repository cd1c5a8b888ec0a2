"""Inequality and access: groups that services miss, and signs of poor access."""

from __future__ import annotations

from features.declaration import Concept, Feature, Statistic

_RECORDED = {
    "homelessness": ("Homelessness", ("hospital_diagnosis", "gp_observation")),
    "refugee_or_asylum_seeker": ("Refugee or asylum seeker", ("gp_observation",)),
    "carer": ("Carer of a dependent relative", ("hospital_diagnosis",)),
    "self_harm": ("Self-harm", ("hospital_diagnosis",)),
}
CONCEPTS = tuple(Concept(name, types, (name,)) for name, (_, types) in _RECORDED.items())
_REVIEWED = ("hypertension", "type_2_diabetes", "coronary_heart_disease", "stroke_tia", "chronic_kidney_disease")

FEATURES = (
    *(
        Feature(f"{name}_ever", f"{label}, ever recorded", "inequality", Statistic.FLAG, name, None, "yes/no", source=f"Code list {name}")
        for name, (label, _) in _RECORDED.items()
    ),
    Feature("inclusion_health_groups", "Inclusion health groups the record shows", "inequality", Statistic.NUMBER_OF, unit="groups",
            inputs=("homelessness_ever", "refugee_or_asylum_seeker_ever", "severe_mental_illness_ever", "learning_disability_ever",
                    "alcohol_problems_ever", "substance_misuse_ever"),
            source="Core20PLUS groups as far as the feeds show them"),
    *(
        Feature(f"outpatient_missed_share_{days}d", f"Share of outpatient appointments missed, last {days} days", "inequality",
                Statistic.RATIO, unit="share", inputs=(f"outpatient_missed_{days}d", f"outpatient_appointments_{days}d"),
                description="Null where there was no appointment.")
        for days in (365, 730)
    ),
    *(
        Feature(f"outpatient_appointments_{days}d", f"Outpatient appointments attended or missed, last {days} days", "inequality",
                Statistic.COUNT, "outpatient_appointment", days, "events")
        for days in (365, 730)
    ),
    Feature("ae_without_gp_contact_365d", "A&E attendance without a GP contact, last 365 days", "inequality", Statistic.WITHOUT,
            unit="yes/no", inputs=("ae_attendances_365d", "gp_contacts_365d")),
    Feature("blood_pressure_455d", "Blood pressure recorded, last 455 days", "inequality", Statistic.FLAG, "systolic_blood_pressure", 455,
            "yes/no"),
    Feature("conditions_for_review", "Conditions that call for a yearly blood pressure", "inequality", Statistic.NUMBER_OF,
            unit="conditions", inputs=tuple(f"{name}_ever" for name in _REVIEWED)),
    Feature("blood_pressure_overdue", "A condition that calls for it, and no blood pressure in 15 months", "inequality",
            Statistic.WITHOUT, unit="yes/no", inputs=("conditions_for_review", "blood_pressure_455d"),
            source="Quality and Outcomes Framework"),
    Feature("no_fixed_abode", "No fixed abode", "inequality", Statistic.ATTRIBUTE, unit="yes/no", source="Postcode ZZ99 3VZ",
            feeds=("addresses",)),
    Feature("postcode_unknown", "Postcode not known", "inequality", Statistic.ATTRIBUTE, unit="yes/no", source="Postcode ZZ99 3WZ",
            feeds=("addresses",)),
    Feature("outside_england", "Address outside England", "inequality", Statistic.ATTRIBUTE, unit="yes/no", feeds=("addresses",)),
)  # fmt: skip

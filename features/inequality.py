"""Inequality and access: groups that services often miss, and signs of poor access to care.

* Reviews: the Quality and Outcomes Framework (QOF) asks for a yearly blood pressure, HbA1c or review for several long-term conditions.
  A check is overdue after 15 months, which allows three months for late appointments.
* Inclusion health groups: the groups of Core20PLUS5 (NHS England) that the feeds can show.
* Area and practice rates: emergency admissions of other people nearby, see `features/area_context.py`.
"""

from __future__ import annotations

from collections.abc import Container

from expectations.time_window import in_the_last
from features.declaration import Concept, Feature, Statistic
from features.long_term_conditions import current_name

WINDOW = 365  # days of the area and practice rates, which features/area_context.py computes
PRACTICE, AREA = f"practice_emergency_rate_{WINDOW}d", f"area_emergency_rate_{WINDOW}d"
_RECORDED = {
    "homelessness": ("Homelessness", ("hospital_diagnosis", "gp_observation")),
    "refugee_or_asylum_seeker": ("Refugee or asylum seeker", ("gp_observation",)),
    "carer": ("Carer", ("hospital_diagnosis", "gp_observation")),
    "self_harm": ("Self-harm", ("hospital_diagnosis",)),
}
CONCEPTS = (
    *(Concept(name, types, (name,)) for name, (_, types) in _RECORDED.items()),
    # What the Quality and Outcomes Framework counts as a recorded blood pressure, with every systolic and diastolic code.
    Concept("blood_pressure", ("gp_observation",), ("blood_pressure_any",)),
    Concept("no_longer_carer", ("gp_observation",), ("no_longer_carer",)),
    Concept("long_term_condition_review", ("gp_observation",), ("long_term_condition_review",)),
)
REVIEW_DAYS = 455  # 15 months: a year, and three months for late appointments
_QOF = "Quality and Outcomes Framework"
_REVIEWED = ("hypertension", "diabetes", "coronary_heart_disease", "stroke_tia", "chronic_kidney_disease")

_INCLUSION_HEALTH = ("severe_mental_illness", "learning_disability", "alcohol_problems", "substance_misuse")


def _context(name: str, whose: str, *feeds: str) -> Feature:
    return Feature(
        name, f"Emergency admission rate of the {whose} {in_the_last(WINDOW)}", "inequality", Statistic.ATTRIBUTE, "emergency_overnight_spell",
        WINDOW, "per 1,000 person-years",
        "Emergency stays of at least one night of the other people there, without the person's own stays. The rate is standardised for age "
        "and sex, drawn towards the rate of the ICB where few people live there, and computed on the first day of the month.",
        "Empirical Bayes, Clayton and Kaldor 1987; formula in features/area_context.py", feeds=feeds,
    )  # fmt: skip


def features(lists: Container[str]) -> tuple[Feature, ...]:
    """Return the features of the family. Checks are overdue for the conditions that a person has now."""
    return (*_FEATURES, *_of_conditions(lists))


_FEATURES = (
    _context(PRACTICE, "practice", "registrations"),
    _context(AREA, "small area (LSOA)", "registrations", "addresses"),
    *(
        Feature(f"{name}_ever", f"{label}, ever recorded", "inequality", Statistic.FLAG, name, None, "yes/no", source=f"Code list {name}")
        for name, (label, _) in _RECORDED.items()
    ),
    Feature("carer_current", "Carer, current", "inequality", Statistic.CURRENT, "carer", None, "yes/no",
            "The latest entry is later than the latest entry of being no longer a carer.", "Code lists carer, no_longer_carer",
            after="no_longer_carer"),
    *(
        Feature(f"outpatient_missed_share_{days}d", f"Share of outpatient appointments missed {in_the_last(days)}", "inequality",
                Statistic.RATIO, unit="share", inputs=(f"outpatient_missed_{days}d", f"outpatient_appointments_{days}d"),
                description="Null where there was no appointment.")
        for days in (365, 730)
    ),
    *(
        Feature(f"outpatient_appointments_{days}d", f"Outpatient appointments attended or missed {in_the_last(days)}", "inequality",
                Statistic.COUNT, "outpatient_appointment", days, "events")
        for days in (365, 730)
    ),
    Feature("ae_without_gp_contact_365d", f"A&E attendance without a GP contact {in_the_last(365)}", "inequality", Statistic.WITHOUT,
            unit="yes/no", inputs=("ae_attendances_365d", "gp_contacts_365d")),
    Feature("blood_pressure_455d", f"Blood pressure recorded {in_the_last(REVIEW_DAYS)}", "inequality", Statistic.FLAG, "blood_pressure", REVIEW_DAYS,
            "yes/no", source="Code list blood_pressure_any"),
    Feature("blood_pressure_overdue", "Blood pressure check overdue (none in 15 months)", "inequality",
            Statistic.WITHOUT, unit="yes/no", inputs=("conditions_for_review", "blood_pressure_455d"),
            source=_QOF, description="Only people with a condition that needs the check can be overdue."),
    Feature(f"long_term_condition_review_{REVIEW_DAYS}d", f"Review of a long-term condition or of medicines {in_the_last(REVIEW_DAYS)}",
            "inequality", Statistic.FLAG, "long_term_condition_review", REVIEW_DAYS, "yes/no", source="Code list long_term_condition_review"),
    Feature("review_overdue", "Long-term condition review overdue (none in 15 months)", "inequality", Statistic.WITHOUT, unit="yes/no",
            inputs=("long_term_conditions", f"long_term_condition_review_{REVIEW_DAYS}d"), source=_QOF),
    Feature(f"hba1c_{REVIEW_DAYS}d", f"HbA1c recorded {in_the_last(REVIEW_DAYS)}", "inequality", Statistic.FLAG, "hba1c", REVIEW_DAYS, "yes/no",
            source="Code list hba1c"),
    Feature("condition_without_gp_contact_365d", f"Long-term condition without a GP contact {in_the_last(365)}", "inequality", Statistic.WITHOUT,
            unit="yes/no", inputs=("long_term_conditions", "gp_contacts_365d")),
    Feature("gp_contact_lapsed_365d", f"No GP contact {in_the_last(365)} after contact in the year before", "inequality", Statistic.WITHOUT,
            unit="yes/no", inputs=("gp_contacts_730d", "gp_contacts_365d")),
    Feature("outpatient_lapsed_365d", f"No outpatient attendance {in_the_last(365)} after attendance in the year before", "inequality", Statistic.WITHOUT,
            unit="yes/no", inputs=("outpatient_attended_730d", "outpatient_attended_365d")),
    Feature("gp_appointments_365d", f"GP contacts and missed GP appointments {in_the_last(365)}", "inequality", Statistic.COUNT, "gp_appointment",
            365, "events", source="Code lists gp_contact, gp_missed"),
    Feature("gp_missed_share_365d", f"Share of GP appointments missed {in_the_last(365)}", "inequality", Statistic.RATIO, unit="share",
            inputs=("gp_missed_365d", "gp_appointments_365d"), description="Missed appointments divided by contacts and missed appointments. Null where there was neither."),
    Feature("no_fixed_abode", "No fixed abode", "inequality", Statistic.ATTRIBUTE, unit="yes/no", source="Postcode ZZ99 3VZ",
            feeds=("addresses",)),
    Feature("postcode_unknown", "Postcode not known", "inequality", Statistic.ATTRIBUTE, unit="yes/no", source="Postcode ZZ99 3WZ",
            feeds=("addresses",)),
    Feature("outside_england", "Address outside England", "inequality", Statistic.ATTRIBUTE, unit="yes/no", feeds=("addresses",)),
)  # fmt: skip


def _of_conditions(lists: Container[str]) -> tuple[Feature, ...]:
    return (
        Feature("inclusion_health_groups", "Inclusion health groups recorded", "inequality", Statistic.NUMBER_OF, unit="groups",
                inputs=("homelessness_ever", "refugee_or_asylum_seeker_ever", *(current_name(name, lists) for name in _INCLUSION_HEALTH)),
                source="Core20PLUS5, groups that the feeds can show"),
        Feature("conditions_for_review", "Conditions that need a yearly blood pressure check", "inequality", Statistic.NUMBER_OF,
                unit="conditions", inputs=tuple(current_name(name, lists) for name in _REVIEWED)),
        Feature("hba1c_overdue", "Diabetes HbA1c test overdue (none in 15 months)", "inequality", Statistic.WITHOUT, unit="yes/no",
                inputs=(current_name("diabetes", lists), f"hba1c_{REVIEW_DAYS}d"), source=_QOF),
    )  # fmt: skip

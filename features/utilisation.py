"""Use of hospital and GP services: counts in windows, days since the last use, shares and changes.

* Emergency admissions: admission methods 21 to 25, 28 and 2A to 2D (NHS Data Model and Dictionary). A stay is dated by its discharge
  where the feature needs its nights or diagnoses, because these are known only then.
* Same-day emergency care: an emergency spell without a night and an ECDS record of department type 05 are one concept. Trusts move this
  care from one feed to the other (mandated from July 2024), and a count of one feed alone would measure how a trust records it.
* A&E attendances: unplanned attendances at department types 01 to 04 (Emergency Care Data Set).
* Readmission: an emergency admission within 30 days of a discharge.
"""

from __future__ import annotations

from expectations.time_window import in_the_last, length
from features.declaration import Concept, Feature, Statistic
from features.diagnosis_rules import AMBULATORY_CARE_SENSITIVE

WINDOWS = (30, 90, 180, 365, 730, 1095)
RECENT_DAYS = 1095  # three years
# Times of day at which out of hours begins and ends, unless the settings choose others: the core hours of the GP contract.
OUT_OF_HOURS_FROM, OUT_OF_HOURS_TO = "18:30", "08:00"
NHS_DICTIONARY = "NHS Data Model and Dictionary"
ECDS = "Emergency Care Data Set"
_ACUTE = ("emergency_discharge_overnight", "emergency_discharge_zero_day")

CONCEPTS = (
    Concept("emergency_spell", ("emergency_admission", "same_day_emergency_care")),
    Concept("emergency_admission", ("emergency_admission",)),
    Concept("emergency_overnight_spell", ("emergency_discharge_overnight",)),
    Concept("zero_day_emergency_care", ("emergency_discharge_zero_day", "same_day_emergency_care")),
    Concept("elective_admission", ("elective_admission",)),
    Concept("elective_spell", ("elective_discharge",)),
    Concept("maternity_admission", ("maternity_admission",)),
    Concept("regular_attendance", ("regular_attendance",)),
    Concept("hospital_stay", (*_ACUTE, "elective_discharge")),
    Concept("hospital_diagnosis", ("hospital_diagnosis",)),
    Concept("spell_cost", ("spell_cost",)),
    Concept("ambulatory_care_sensitive_spell", ("ambulatory_care_sensitive_discharge",),
            tuple(rule.code_list for rule in AMBULATORY_CARE_SENSITIVE)),
    Concept("ae_attendance", ("ae_attendance",)),
    Concept("ae_major_department", ("ae_attendance",), ("ae_major_department",)),
    Concept("ae_minor_department", ("ae_attendance",), ("ae_minor_department", "ae_specialty_department")),
    Concept("ambulance_arrival", ("ambulance_arrival",)),
    Concept("out_of_hours_attendance", ("out_of_hours_attendance",)),
    Concept("left_before_seen", ("left_before_seen",)),
    Concept("outpatient_attended", ("outpatient_attended",)),
    Concept("outpatient_missed", ("outpatient_missed",)),
    Concept("outpatient_appointment", ("outpatient_attended", "outpatient_missed")),
    Concept("gp_contact", ("gp_observation",), ("gp_contact",)),
    Concept("gp_missed", ("gp_observation",), ("gp_missed",)),
    Concept("gp_appointment", ("gp_observation",), ("gp_contact", "gp_missed")),
    Concept("gp_record_entry", ("gp_observation",)),
    Concept("hospital_contact", ("emergency_admission", "elective_admission", "ae_attendance", "same_day_emergency_care",
                                 "outpatient_attended")),
)  # fmt: skip


def _windows(
    concept: str, stem: str, label: str, windows: tuple[int, ...] = WINDOWS, statistic: Statistic = Statistic.COUNT, unit: str = "",
    source: str = NHS_DICTIONARY, description: str = "",
) -> tuple[Feature, ...]:  # fmt: skip
    return tuple(
        Feature(
            f"{stem}_{days}d",
            f"{label} {in_the_last(days)}",
            "utilisation",
            statistic,
            concept,
            days,
            unit or "events",
            description,
            source,
        )
        for days in windows
    )


def _since(concept: str, stem: str, label: str) -> Feature:
    return Feature(
        f"days_since_{stem}", f"Days since the last {label}", "utilisation", Statistic.DAYS_SINCE_LAST, concept, RECENT_DAYS, "days",
        f"Null where there is none {in_the_last(RECENT_DAYS)}, or where the data do not cover that time.", NHS_DICTIONARY,
    )  # fmt: skip


def _share(stem: str, label: str, part: str, total: str) -> Feature:
    return Feature(
        stem, label, "utilisation", Statistic.RATIO, unit="share", inputs=(part, total), description="Null where there was no attendance.",
    )  # fmt: skip


def _trend(concept: str, stem: str, label: str, days: int) -> Feature:
    return Feature(
        f"{stem}_trend_{days}d", f"Change in {label}: last {length(days)} compared with the {length(days)} before", "utilisation", Statistic.TREND, concept, days, "events",
    )  # fmt: skip


_COUNTS = (
    *_windows("emergency_spell", "emergency_spells", "Emergency admissions and same-day emergency care"),
    *_windows("emergency_overnight_spell", "emergency_overnight_spells", "Emergency hospital stays of at least one night"),
    *_windows("zero_day_emergency_care", "zero_day_emergency_care",
              "Same-day emergency care",
              description="Emergency spells without a night and ECDS records of type 05 together, because trusts move this care between the feeds."),
    *_windows("ambulatory_care_sensitive_spell", "ambulatory_care_sensitive_spells",
              "Emergency stays for ambulatory-care-sensitive conditions", (365, 730, 1095),
              source="NHS Institute for Innovation and Improvement",
              description="Conditions for which good care outside hospital can prevent an admission. The primary diagnosis counts. Diabetes complications, gangrene, influenza, "
              "pneumonia and other vaccine-preventable conditions count in any position, influenza and pneumonia not with sickle-cell disorders, and acute bronchitis with "
              "a diagnosis of chronic airways disease, as in the source. A source without a primary diagnosis, such as OMOP, has only those that count in any position."),
    *_windows("elective_admission", "elective_admissions", "Elective admissions", (90, 180, 365, 730, 1095)),
    *_windows("maternity_admission", "maternity_admissions", "Maternity admissions", (365,)),
    *_windows("regular_attendance", "regular_attendances", "Regular day or night attendances", (365,)),
    *_windows("ae_attendance", "ae_attendances", "A&E attendances", source=ECDS,
              description="Unplanned attendances at department types 01 to 04. Same-day emergency care (type 05) is not counted."),
    *_windows("ae_major_department", "ae_major_attendances", "A&E attendances at a major department", (90, 365, 730), source=ECDS,
              description="Department type 01."),
    *_windows("ae_minor_department", "ae_other_attendances", "A&E attendances at other departments", (90, 365, 730), source=ECDS,
              description="Department types 02 to 04: single specialty, minor injury unit, walk-in centre."),
    *_windows("ambulance_arrival", "ambulance_arrivals", "A&E arrivals by ambulance", (90, 365, 730, 1095), source=ECDS),
    *_windows("out_of_hours_attendance", "out_of_hours_attendances", "A&E arrivals out of hours", (365, 730), source=ECDS,
              description=f"On a Saturday or Sunday, or from {OUT_OF_HOURS_FROM} to {OUT_OF_HOURS_TO}, unless clinical.out_of_hours_from and out_of_hours_to "
              "set other times. Bank holidays are no exception. A weekday arrival without a time is not out of hours."),
    *_windows("left_before_seen", "left_before_seen", "A&E attendances that the person left before treatment", (365, 730), source=ECDS),
    *_windows("outpatient_attended", "outpatient_attended", "Outpatient appointments attended"),
    *_windows("outpatient_missed", "outpatient_missed", "Outpatient appointments missed", (180, 365, 730)),
    *_windows("gp_contact", "gp_contacts", "GP contacts", source="SNOMED CT encounter codes"),
    *_windows("gp_missed", "gp_missed", "GP appointments missed", (180, 365, 730), source="SNOMED CT 'did not attend'"),
    *_windows("gp_record_entry", "gp_record_days", "Days with an entry in the GP record", (90, 365), Statistic.DISTINCT_DAYS, "days"),
)  # fmt: skip

_AMOUNTS = (
    *_windows("emergency_overnight_spell", "emergency_bed_days", "Nights in hospital after an emergency admission", (90, 180, 365, 730, 1095),
              Statistic.SUM, "nights"),
    *_windows("elective_spell", "elective_bed_days", "Nights in hospital after an elective admission", (365, 730, 1095), Statistic.SUM, "nights",
              description="Without the nights of an emergency admission inside the elective stay, which are emergency bed days."),
    *_windows("emergency_overnight_spell", "longest_emergency_stay", "Longest emergency hospital stay", (365, 1095), Statistic.MAXIMUM, "nights"),
    *_windows("spell_cost", "hospital_cost", "Cost of hospital stays", (365, 730), Statistic.SUM, "GBP",
              description="Payment to the provider. Not computed where the feed has no costs."),
    *_windows("hospital_diagnosis", "distinct_diagnoses", "Different diagnosis codes (ICD-10) from hospital stays", (365, 1095),
              Statistic.DISTINCT_CODES, "codes"),
    *_windows("outpatient_attended", "outpatient_specialties", "Different outpatient specialties attended", (365, 730),
              Statistic.DISTINCT_CODES, "specialties"),
    *_windows("hospital_contact", "hospital_providers", "Different hospital providers used", (365,), Statistic.DISTINCT_PROVIDERS,
              "providers"),
    *_windows("hospital_contact", "hospital_contact_days", "Days with a hospital contact", (365,), Statistic.DISTINCT_DAYS, "days"),
    *(
        Feature(f"readmissions_30d_{days}d", f"Emergency admissions within 30 days of a discharge {in_the_last(days)}", "utilisation",
                Statistic.RETURNS, "emergency_admission", days, "events", "After any hospital stay that ended on an earlier day.",
                NHS_DICTIONARY, after="hospital_stay", within_days=30)
        for days in (365, 1095)
    ),
)  # fmt: skip

_OTHERS = (
    _since("emergency_overnight_spell", "emergency_overnight_spell", "discharge from an emergency stay of at least one night"),
    _since("zero_day_emergency_care", "zero_day_emergency_care", "same-day emergency care"),
    _since("elective_spell", "elective_spell", "discharge from an elective stay"),
    _since("ae_attendance", "ae_attendance", "A&E attendance"),
    _since("ambulance_arrival", "ambulance_arrival", "A&E arrival by ambulance"),
    _since("outpatient_attended", "outpatient_attended", "attended outpatient appointment"),
    _since("gp_contact", "gp_contact", "GP contact"),
    _since("gp_record_entry", "gp_record_entry", "entry in the GP record"),
    _since("hospital_contact", "hospital_contact", "hospital contact"),
    _since("outpatient_missed", "outpatient_missed", "missed outpatient appointment"),
    _since("out_of_hours_attendance", "out_of_hours_attendance", "A&E arrival out of hours"),
    _since("left_before_seen", "left_before_seen", "A&E attendance that the person left before treatment"),
    _trend("emergency_spell", "emergency_spells", "emergency admissions and same-day emergency care", 365),
    _trend("ae_attendance", "ae_attendances", "A&E attendances", 180),
    _trend("outpatient_attended", "outpatient_attended", "outpatient appointments attended", 365),
    _trend("gp_contact", "gp_contacts", "GP contacts", 180),
    _share("out_of_hours_share_730d", f"Share of A&E attendances out of hours {in_the_last(730)}", "out_of_hours_attendances_730d",
           "ae_attendances_730d"),
    _share("ambulance_share_730d", f"Share of A&E attendances by ambulance {in_the_last(730)}", "ambulance_arrivals_730d", "ae_attendances_730d"),
    Feature("emergency_admissions_730d", f"Emergency admissions of any length {in_the_last(730)}", "utilisation", Statistic.COUNT,
            "emergency_admission", 730, "events",
            "Shown with a score and not used as a predictor: it falls where a trust starts to send same-day emergency care as ECDS type 05.",
            NHS_DICTIONARY, role="audit"),
)  # fmt: skip

FEATURES = (*_COUNTS, *_AMOUNTS, *_OTHERS)

"""Use of hospital and GP services: counts over windows, time since, shares and trends.

A zero-day emergency spell and same-day emergency care sent to the emergency care feed are one concept: trusts move this
care from one feed to the other, and a count of either alone learns recording practice.
"""

from __future__ import annotations

from features.declaration import Concept, Feature, Statistic

WINDOWS = (30, 90, 180, 365, 730, 1095)
RECENT_DAYS = 1095
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
    Concept("ambulatory_care_sensitive_spell", _ACUTE, ("ambulatory_care_sensitive",)),
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
            f"{label}, last {days} days",
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
        f"Null for people without one in the last {RECENT_DAYS} days, which every training date can look back on.", NHS_DICTIONARY,
    )  # fmt: skip


def _share(stem: str, label: str, part: str, whole: str) -> Feature:
    return Feature(
        stem, label, "utilisation", Statistic.RATIO, unit="share", inputs=(part, whole), description="Null where there was none at all.",
    )  # fmt: skip


def _trend(concept: str, stem: str, label: str, days: int) -> Feature:
    return Feature(
        f"{stem}_trend_{days}d", f"{label}: last {days} days less the {days} before", "utilisation", Statistic.TREND, concept, days, "events",
    )  # fmt: skip


_COUNTS = (
    *_windows("emergency_spell", "emergency_spells", "Emergency spells, same-day emergency care included"),
    *_windows("emergency_overnight_spell", "emergency_overnight_spells", "Emergency spells of a night or more"),
    *_windows("zero_day_emergency_care", "zero_day_emergency_care",
              "Zero-day emergency spells and same-day emergency care, as one",
              description="Counted together because trusts move this care between the two feeds."),
    *_windows("ambulatory_care_sensitive_spell", "ambulatory_care_sensitive_spells",
              "Emergency spells for conditions that ambulatory care can prevent", (365, 730, 1095), source="NHS Institute"),
    *_windows("elective_admission", "elective_admissions", "Elective admissions", (90, 180, 365, 730, 1095)),
    *_windows("maternity_admission", "maternity_admissions", "Maternity admissions", (365,)),
    *_windows("regular_attendance", "regular_attendances", "Regular day or night attendances", (365,)),
    *_windows("ae_attendance", "ae_attendances", "A&E attendances (types 01 to 04, unplanned)", source=ECDS),
    *_windows("ae_major_department", "ae_major_attendances", "Attendances at a major A&E department", (90, 365, 730), source=ECDS),
    *_windows("ae_minor_department", "ae_other_attendances", "Attendances at other A&E departments", (90, 365, 730), source=ECDS),
    *_windows("ambulance_arrival", "ambulance_arrivals", "A&E arrivals by ambulance", (90, 365, 730, 1095), source=ECDS),
    *_windows("out_of_hours_attendance", "out_of_hours_attendances", "A&E arrivals out of hours", (365, 730), source=ECDS),
    *_windows("left_before_seen", "left_before_seen", "A&E attendances left before treatment", (365, 730), source=ECDS),
    *_windows("outpatient_attended", "outpatient_attended", "Outpatient appointments attended"),
    *_windows("outpatient_missed", "outpatient_missed", "Outpatient appointments missed", (180, 365, 730)),
    *_windows("gp_contact", "gp_contacts", "GP contacts", source="SNOMED CT encounter codes"),
    *_windows("gp_missed", "gp_missed", "GP appointments missed", (180, 365, 730), source="SNOMED CT 'did not attend'"),
    *_windows("gp_record_entry", "gp_record_days", "Days with an entry in the GP record", (90, 365), Statistic.DISTINCT_DAYS, "days"),
)  # fmt: skip

_AMOUNTS = (
    *_windows("emergency_overnight_spell", "emergency_bed_days", "Nights in hospital in emergency spells", (90, 180, 365, 730, 1095),
              Statistic.SUM, "nights"),
    *_windows("elective_spell", "elective_bed_days", "Nights in hospital in elective spells", (365, 730, 1095), Statistic.SUM, "nights"),
    *_windows("emergency_overnight_spell", "longest_emergency_stay", "Longest emergency spell", (365, 1095), Statistic.MAXIMUM, "nights"),
    *_windows("spell_cost", "hospital_cost", "Payment for hospital spells", (365, 730), Statistic.SUM, "GBP",
              description="Not computed where the feed carries no cost at all."),
    *_windows("hospital_diagnosis", "distinct_diagnoses", "Distinct ICD-10 codes of hospital spells", (365, 1095),
              Statistic.DISTINCT_CODES, "codes"),
    *_windows("outpatient_attended", "outpatient_specialties", "Distinct specialties attended as an outpatient", (365, 730),
              Statistic.DISTINCT_CODES, "specialties"),
    *_windows("hospital_contact", "hospital_providers", "Distinct hospital providers", (365,), Statistic.DISTINCT_PROVIDERS,
              "providers"),
    *_windows("hospital_contact", "hospital_contact_days", "Days with a hospital contact", (365,), Statistic.DISTINCT_DAYS, "days"),
    *(
        Feature(f"readmissions_30d_{days}d", f"Emergency admissions within 30 days after a discharge, last {days} days", "utilisation",
                Statistic.RETURNS, "emergency_admission", days, "events", "After any stay that ended on an earlier day.",
                NHS_DICTIONARY, after="hospital_stay", within_days=30)
        for days in (365, 1095)
    ),
)  # fmt: skip

_OTHERS = (
    _since("emergency_overnight_spell", "emergency_overnight_spell", "discharge from an emergency spell of a night or more"),
    _since("zero_day_emergency_care", "zero_day_emergency_care", "zero-day emergency care"),
    _since("elective_spell", "elective_spell", "discharge from an elective spell"),
    _since("ae_attendance", "ae_attendance", "A&E attendance"),
    _since("ambulance_arrival", "ambulance_arrival", "arrival by ambulance"),
    _since("outpatient_attended", "outpatient_attended", "outpatient appointment attended"),
    _since("gp_contact", "gp_contact", "GP contact"),
    _since("gp_record_entry", "gp_record_entry", "entry in the GP record"),
    _since("hospital_contact", "hospital_contact", "contact with a hospital"),
    _since("outpatient_missed", "outpatient_missed", "outpatient appointment missed"),
    _since("out_of_hours_attendance", "out_of_hours_attendance", "A&E arrival out of hours"),
    _since("left_before_seen", "left_before_seen", "A&E attendance left before treatment"),
    _trend("emergency_spell", "emergency_spells", "Emergency spells", 365),
    _trend("ae_attendance", "ae_attendances", "A&E attendances", 180),
    _trend("outpatient_attended", "outpatient_attended", "Outpatient appointments attended", 365),
    _trend("gp_contact", "gp_contacts", "GP contacts", 180),
    _share("out_of_hours_share_730d", "Share of A&E attendances out of hours, last 730 days", "out_of_hours_attendances_730d",
           "ae_attendances_730d"),
    _share("ambulance_share_730d", "Share of A&E attendances by ambulance, last 730 days", "ambulance_arrivals_730d", "ae_attendances_730d"),
    Feature("emergency_admissions_730d", "Emergency admissions of any length, last 730 days", "utilisation", Statistic.COUNT,
            "emergency_admission", 730, "events",
            "For the reader of a score, not a predictor: it falls where a trust sends same-day care to the other feed.",
            NHS_DICTIONARY, role="audit"),
)  # fmt: skip

FEATURES = (*_COUNTS, *_AMOUNTS, *_OTHERS)

"""The types of event of `core__event`, with their numbers, names and feeds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EventType:
    """A type of event: its stored number, its feed, the system of `code` and the meaning of `value`."""

    number: int
    name: str
    feed: str
    description: str
    code_system: str = ""
    value: str = ""


EVENT_TYPES = (
    # A hospital stay is two events: one known at admission, one known at discharge plus the lag of the feed.
    EventType(1, "emergency_admission", "admissions", "First day of an emergency spell.", "treatment_function"),
    EventType(2, "elective_admission", "admissions", "First day of an elective spell.", "treatment_function"),
    EventType(3, "maternity_admission", "admissions", "First day of a maternity spell.", "treatment_function"),
    EventType(4, "regular_attendance", "admissions", "A regular day or night attender's visit.", "treatment_function"),
    EventType(5, "emergency_discharge_overnight", "admissions", "Last day of an emergency spell of at least one night.", "icd10", "nights"),
    EventType(6, "emergency_discharge_zero_day", "admissions", "An emergency spell that ended on the day it started.", "icd10"),
    EventType(7, "elective_discharge", "admissions", "Last day of an elective spell.", "icd10", "nights"),
    EventType(8, "hospital_diagnosis", "admissions", "An ICD-10 code of a spell, dated at its discharge.", "icd10"),
    EventType(9, "spell_cost", "admissions", "Payment for a spell, dated at its discharge.", "", "GBP"),
    EventType(10, "other_admission", "admissions", "First day of a birth, or of a spell of any other class.", "treatment_function"),
    EventType(20, "ae_attendance", "emergency_attendances", "An unplanned A&E attendance (department types 01 to 04).", "department_type"),
    EventType(21, "same_day_emergency_care", "emergency_attendances", "Same-day emergency care, sent as department type 05.", "department_type"),
    EventType(22, "ambulance_arrival", "emergency_attendances", "An A&E arrival by ambulance.", "department_type"),
    EventType(23, "out_of_hours_attendance", "emergency_attendances", "An A&E arrival at night or at the weekend.", "department_type"),
    EventType(24, "left_before_seen", "emergency_attendances", "An A&E attendance that ended before treatment.", "department_type"),
    EventType(25, "other_emergency_care_record", "emergency_attendances", "Emergency care record that is planned, streamed elsewhere, dead on arrival or of an unknown type.", "department_type"),
    EventType(30, "outpatient_attended", "outpatient_appointments", "An outpatient appointment that was attended.", "treatment_function"),
    EventType(31, "outpatient_missed", "outpatient_appointments", "An outpatient appointment that was not attended.", "treatment_function"),
    EventType(32, "outpatient_other", "outpatient_appointments", "An outpatient appointment that was cancelled or has an unknown status.", "treatment_function"),
    EventType(40, "gp_observation", "gp_observations", "A coded entry in the GP record.", "snomed", "the measured value"),
    EventType(41, "gp_medication", "gp_medication_orders", "A medicine issued by a GP.", "dmd", "quantity"),
    # An OMOP source has its own vocabulary and no admission method. Its visits use the types above where these fit.
    EventType(60, "omop_condition", "omop_conditions", "A condition of an OMOP source.", "omop"),
    EventType(61, "omop_drug", "omop_drugs", "A drug exposure of an OMOP source.", "omop"),
    EventType(62, "omop_procedure", "omop_procedures", "A procedure of an OMOP source.", "omop"),
    EventType(63, "omop_measurement", "omop_measurements", "A measurement of an OMOP source.", "omop", "the measured value"),
    EventType(64, "omop_observation", "omop_observations", "An observation of an OMOP source.", "omop"),
    EventType(65, "omop_cohort", "omop", "Entry to a cohort of an OMOP source.", "omop"),
    EventType(66, "omop_visit", "omop", "A visit whose concept is not a stay, an emergency room visit or an outpatient visit.", "omop"),
)  # fmt: skip

FEEDS = (
    "patients", "registrations", "addresses", "opt_outs", "admissions", "emergency_attendances", "outpatient_appointments",
    "gp_observations", "gp_medication_orders", "omop", "omop_conditions", "omop_drugs", "omop_procedures", "omop_measurements",
    "omop_observations",
)  # fmt: skip

NUMBER_OF = {event_type.name: event_type.number for event_type in EVENT_TYPES}
FEED_NUMBER = {feed: number for number, feed in enumerate(FEEDS, start=1)}

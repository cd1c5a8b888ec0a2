"""Build the hospital feeds of a block: admitted care spells, emergency care, outpatient appointments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.synthetic import attendances as departments
from pipelines.sources.synthetic.admissions import age_on
from pipelines.sources.synthetic.areas_and_practices import Places
from pipelines.sources.synthetic.attendances import sent_as_same_day_care
from pipelines.sources.synthetic.block import Block
from pipelines.sources.synthetic.diagnoses import diagnosis_codes, join_codes
from pipelines.sources.synthetic.extracts import (
    Delivery,
    Extract,
    build_extract,
    event_facts,
    hospital_pseudonyms,
    in_gap,
    lottery,
    lsoa_2011,
    record_positions,
    sent_ethnicity,
    sent_sex,
    text_days,
    text_numbers,
)
from pipelines.sources.synthetic.identifiers import look_up, record_numbers
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.sources.synthetic.spells import DAY_CASE, METHODS, PLACES_OF_CARE, REGULAR

CLASSIFICATIONS = ("1", "2", "3")


def admissions(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Build admitted care spells; a stay that has not ended by the delivery has no discharge date and no codes."""
    stays = block.stays
    is_sent = (stays.admitted < delivery.day) & ~sent_as_same_day_care(settings, stays)
    is_sent &= ~in_gap(settings, stays.provider, stays.admitted)
    rows = np.flatnonzero(is_sent)
    numbers, stays = record_positions(block, len(stays))[rows], stays.at(rows)
    person, is_open = stays.person, stays.discharged >= delivery.day
    columns = {
        "Der_Pseudo_NHS_Number": hospital_pseudonyms(settings, block).take(pa.array(person)),
        "Hospital_Spell_No": record_numbers("S", _spell_numbers(block)[rows]),
        "APCS_Ident": record_numbers("A", numbers),
        "Der_Provider_Code": look_up(places.providers, stays.provider),
        "Der_Provider_Site_Code": look_up([f"{code}01" for code in places.providers], stays.provider),
        "Admission_Date": text_days(stays.admitted),
        "Discharge_Date": text_days(np.where(is_open, 0, stays.discharged), is_open),
        "Admission_Method": look_up(METHODS, stays.method),
        "Source_of_Admission": look_up(PLACES_OF_CARE, stays.source),
        "Discharge_Method": look_up(["1", "4"], np.where(is_open, -1, stays.died.astype(np.int64))),
        "Discharge_Destination": look_up(PLACES_OF_CARE, np.where(is_open, -1, stays.destination)),
        "Patient_Classification": look_up(CLASSIFICATIONS, np.select([stays.kind == DAY_CASE, stays.kind == REGULAR], [1, 2], 0)),
        "Der_Spell_LoS": text_numbers(stays.nights, is_open),
        "Der_Episode_Count": text_numbers(1 + (stays.nights > 3).astype(int) + (stays.nights > 12) + (stays.nights > 40)),
        "Spell_Primary_Diagnosis": look_up(diagnosis_codes().vocabulary, np.where(is_open, -1, stays.codes[:, 0])),
        "Der_Diagnosis_All": join_codes(np.where(is_open[:, None], -1, stays.codes)),
        "Der_Procedure_All": _procedures(stays.kind, is_open),
        "Der_Admit_Treatment_Function_Code": text_numbers(stays.treatment_function),
        "Sex": sent_sex(block, person),
        "Ethnic_Group": sent_ethnicity(settings, block, person, stays.provider, numbers),
        "Age_At_Start_of_Spell_SUS": text_numbers(age_on(block.people, person, stays.admitted)),
        "Der_Postcode_LSOA_2011_Code": lsoa_2011(places, block, person, stays.admitted),
        "Grand_Total_Payment_MFF": _payment(settings, stays.kind == REGULAR, stays.nights, numbers, is_open),
    }
    facts = event_facts(block, person, stays.admitted, np.where(is_open, -1, stays.discharged))
    silent = in_gap(settings, np.ones(len(rows), np.int64), stays.admitted)  # months in which the silent provider sends nothing
    return build_extract("admissions", columns, facts | {"silent_month": silent})


def emergency_attendances(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Build emergency care attendances, including same-day emergency care that is sent as type 05."""
    attendances = block.attendances
    rows = np.flatnonzero((attendances.day < delivery.day) & ~in_gap(settings, attendances.provider, attendances.day))
    numbers, attendances = record_positions(block, len(attendances))[rows], attendances.at(rows)
    person, provider, clock = attendances.person, attendances.provider, attendances.minute
    columns = {
        "Der_Pseudo_NHS_Number": hospital_pseudonyms(settings, block).take(pa.array(person)),
        "EC_Ident": record_numbers("E", numbers),
        "Der_Provider_Code": look_up(places.providers, provider),
        "Der_Provider_Site_Code": look_up([f"{code}01" for code in places.providers], provider),
        "Arrival_Date": text_days(attendances.day),
        "Arrival_Time": look_up([f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(1_440)], clock),
        "EC_Department_Type": look_up(departments.DEPARTMENT_TYPES, attendances.department),
        "EC_AttendanceCategory": text_numbers(attendances.category),
        "EC_Arrival_Mode_SNOMED_CT": look_up(departments.ARRIVAL_MODES, attendances.mode),
        "EC_Acuity_SNOMED_CT": look_up(departments.ACUITIES, attendances.acuity),
        "EC_Chief_Complaint_SNOMED_CT": look_up(departments.COMPLAINTS, attendances.complaint),
        "Der_EC_Diagnosis_All": pa.nulls(len(rows), pa.string()),
        "Discharge_Destination_SNOMED_CT": look_up(departments.DESTINATIONS, attendances.destination),
        "EC_Discharge_Status_SNOMED_CT": look_up(departments.STATUSES, attendances.status),
        "EC_Departure_Time_Since_Arrival": text_numbers(attendances.minutes_to_departure),
        "Der_Dupe_Flag": look_up(["0"], np.zeros(len(rows), np.int64)),
        "Sex": sent_sex(block, person),
        "Ethnic_Category": sent_ethnicity(settings, block, person, provider, numbers),
        "Age_At_Arrival": text_numbers(age_on(block.people, person, attendances.day)),
    }
    return build_extract("emergency_attendances", columns, event_facts(block, person, attendances.day))


def outpatient_appointments(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Build outpatient appointments, attended or not."""
    appointments = block.appointments
    rows = np.flatnonzero((appointments.day < delivery.day) & ~in_gap(settings, appointments.provider, appointments.day))
    person, numbers = appointments.person[rows], record_positions(block, len(appointments))[rows]
    attended = appointments.status[rows] == 0
    columns = {
        "Der_Pseudo_NHS_Number": hospital_pseudonyms(settings, block).take(pa.array(person)),
        "OPA_Ident": record_numbers("B", numbers),
        "Provider_Code": look_up(places.providers, appointments.provider[rows]),
        "Appointment_Date": text_days(appointments.day[rows]),
        "Attendance_Status": look_up(departments.ATTENDANCE_STATUSES, appointments.status[rows]),
        "First_Attendance": text_numbers(appointments.first[rows]),
        "Outcome_of_Attendance": text_numbers(appointments.outcome[rows] + 1, ~attended),
        "Treatment_Function_Code": text_numbers(appointments.treatment_function[rows]),
        "Consultation_Medium_Used": look_up(departments.MEDIA, appointments.medium[rows]),
    }
    return build_extract("outpatient_appointments", columns, event_facts(block, person, appointments.day[rows]))


def _spell_numbers(block: Block) -> np.ndarray:
    """Number the stays of each provider separately, so that two providers use the same number for different spells."""
    numbers = record_positions(block, len(block.stays))
    for provider in np.unique(block.stays.provider):
        own = np.flatnonzero(block.stays.provider == provider)
        numbers[own] = record_positions(block, len(own))
    return numbers


def _procedures(kind: np.ndarray, is_open: np.ndarray) -> pa.Array:
    """Return an OPCS-4 procedure code by kind of stay; null for kinds without an operation."""
    codes = ("C712", "W381", "X403", "R241")
    position = np.select([kind == DAY_CASE, kind == 1, kind == REGULAR, kind == 3], [0, 1, 2, 3], -1)
    return look_up(codes, np.where(is_open, -1, position))


def _payment(
    settings: SyntheticSettings, regular: np.ndarray, nights: np.ndarray, numbers: np.ndarray, is_open: np.ndarray
) -> pa.Array:
    """Return payments in pounds and pence: a base and a nightly rate, varied around the average of the National Cost Collection."""
    pence = np.round(
        (np.where(regular, 16_000, 70_000) + 34_000 * nights) * (0.6 + 0.8 * lottery(numbers, settings.seed, 2))
    ).astype(np.int64)
    cents = pc.utf8_lpad(text_numbers(pence % 100, is_open), 2, padding="0")
    return pc.binary_join_element_wise(text_numbers(pence // 100, is_open), cents, ".")

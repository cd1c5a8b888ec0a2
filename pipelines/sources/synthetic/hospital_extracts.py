"""The hospital feeds of a block: admitted care spells, emergency care, outpatient appointments."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.synthetic import attendances as departments
from pipelines.sources.synthetic.admissions import age_on
from pipelines.sources.synthetic.areas_and_practices import Places
from pipelines.sources.synthetic.attendances import sent_as_same_day_care
from pipelines.sources.synthetic.block import Block
from pipelines.sources.synthetic.diagnoses import diagnosis_codes, joined
from pipelines.sources.synthetic.extracts import (
    Delivery,
    Extract,
    event_facts,
    hospital_pseudonyms,
    in_gap,
    lottery,
    lsoa_2011,
    made,
    record_positions,
    sent_ethnicity,
    sent_sex,
    text_days,
    text_numbers,
)
from pipelines.sources.synthetic.identifiers import record_numbers, taken
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.sources.synthetic.spells import DAY_CASE, METHODS, PLACES_OF_CARE, REGULAR

CLASSIFICATIONS = ("1", "2", "3")


def admissions(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Write admitted care spells; a stay that goes on past the delivery's day is open and not coded yet."""
    stays = block.stays
    kept = (stays.admitted < delivery.day) & ~sent_as_same_day_care(settings, stays)
    kept &= ~in_gap(settings, stays.provider, stays.admitted)
    rows = np.flatnonzero(kept)
    numbers, found = record_positions(block, len(stays))[rows], stays.at(rows)
    person, is_open = found.person, found.discharged >= delivery.day
    columns = {
        "Der_Pseudo_NHS_Number": hospital_pseudonyms(settings, block).take(pa.array(person)),
        "Hospital_Spell_No": record_numbers("S", _spell_numbers(block)[rows]),
        "APCS_Ident": record_numbers("A", numbers),
        "Der_Provider_Code": taken(places.providers, found.provider),
        "Der_Provider_Site_Code": taken([f"{code}01" for code in places.providers], found.provider),
        "Admission_Date": text_days(found.admitted),
        "Discharge_Date": text_days(np.where(is_open, 0, found.discharged), is_open),
        "Admission_Method": taken(METHODS, found.method),
        "Source_of_Admission": taken(PLACES_OF_CARE, found.source),
        "Discharge_Method": taken(["1", "4"], np.where(is_open, -1, found.died.astype(np.int64))),
        "Discharge_Destination": taken(PLACES_OF_CARE, np.where(is_open, -1, found.destination)),
        "Patient_Classification": taken(CLASSIFICATIONS, np.select([found.kind == DAY_CASE, found.kind == REGULAR], [1, 2], 0)),
        "Der_Spell_LoS": text_numbers(found.nights, is_open),
        "Der_Episode_Count": text_numbers(1 + (found.nights > 3).astype(int) + (found.nights > 12) + (found.nights > 40)),
        "Spell_Primary_Diagnosis": taken(diagnosis_codes().vocabulary, np.where(is_open, -1, found.codes[:, 0])),
        "Der_Diagnosis_All": joined(np.where(is_open[:, None], -1, found.codes)),
        "Der_Procedure_All": _procedures(found.kind, is_open),
        "Der_Admit_Treatment_Function_Code": text_numbers(found.treatment_function),
        "Sex": sent_sex(block, person),
        "Ethnic_Group": sent_ethnicity(settings, block, person, found.provider, numbers),
        "Age_At_Start_of_Spell_SUS": text_numbers(age_on(block.people, person, found.admitted)),
        "Der_Postcode_LSOA_2011_Code": lsoa_2011(places, block, person, found.admitted),
        "Grand_Total_Payment_MFF": _payment(settings, found.kind == REGULAR, found.nights, numbers, is_open),
    }
    facts = event_facts(block, person, found.admitted, np.where(is_open, -1, found.discharged))
    silent = in_gap(settings, np.ones(len(rows), np.int64), found.admitted)  # whether the silent provider was silent then
    return made("admissions", columns, facts | {"silent_month": silent})


def emergency_attendances(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Write emergency care attendances, with same-day emergency care as type 05 where it is sent so."""
    found = block.attendances
    rows = np.flatnonzero((found.day < delivery.day) & ~in_gap(settings, found.provider, found.day))
    person, numbers, provider = found.person[rows], record_positions(block, len(found))[rows], found.provider[rows]
    clock = found.minute[rows]
    columns = {
        "Der_Pseudo_NHS_Number": hospital_pseudonyms(settings, block).take(pa.array(person)),
        "EC_Ident": record_numbers("E", numbers),
        "Der_Provider_Code": taken(places.providers, provider),
        "Der_Provider_Site_Code": taken([f"{code}01" for code in places.providers], provider),
        "Arrival_Date": text_days(found.day[rows]),
        "Arrival_Time": taken([f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(1_440)], clock),
        "EC_Department_Type": taken(departments.DEPARTMENT_TYPES, found.department[rows]),
        "EC_AttendanceCategory": text_numbers(found.category[rows]),
        "EC_Arrival_Mode_SNOMED_CT": taken(departments.ARRIVAL_MODES, found.mode[rows]),
        "EC_Acuity_SNOMED_CT": taken(departments.ACUITIES, found.acuity[rows]),
        "EC_Chief_Complaint_SNOMED_CT": taken(departments.COMPLAINTS, found.complaint[rows]),
        "Der_EC_Diagnosis_All": pa.nulls(len(rows), pa.string()),
        "Discharge_Destination_SNOMED_CT": taken(departments.DESTINATIONS, found.destination[rows]),
        "EC_Discharge_Status_SNOMED_CT": taken(departments.STATUSES, found.status[rows]),
        "EC_Departure_Time_Since_Arrival": text_numbers(found.minutes_to_departure[rows]),
        "Der_Dupe_Flag": taken(["0"], np.zeros(len(rows), np.int64)),
        "Sex": sent_sex(block, person),
        "Ethnic_Category": sent_ethnicity(settings, block, person, provider, numbers),
        "Age_At_Arrival": text_numbers(age_on(block.people, person, found.day[rows])),
    }
    return made("emergency_attendances", columns, event_facts(block, person, found.day[rows]))


def outpatient_appointments(settings: SyntheticSettings, places: Places, block: Block, delivery: Delivery) -> Extract:
    """Write outpatient appointments, attended or not."""
    found = block.appointments
    rows = np.flatnonzero((found.day < delivery.day) & ~in_gap(settings, found.provider, found.day))
    person, numbers = found.person[rows], record_positions(block, len(found))[rows]
    attended = found.status[rows] == 0
    columns = {
        "Der_Pseudo_NHS_Number": hospital_pseudonyms(settings, block).take(pa.array(person)),
        "OPA_Ident": record_numbers("B", numbers),
        "Provider_Code": taken(places.providers, found.provider[rows]),
        "Appointment_Date": text_days(found.day[rows]),
        "Attendance_Status": taken(departments.ATTENDANCE_STATUSES, found.status[rows]),
        "First_Attendance": text_numbers(found.first[rows]),
        "Outcome_of_Attendance": text_numbers(found.outcome[rows] + 1, ~attended),
        "Treatment_Function_Code": text_numbers(found.treatment_function[rows]),
        "Consultation_Medium_Used": taken(departments.MEDIA, found.medium[rows]),
    }
    return made("outpatient_appointments", columns, event_facts(block, person, found.day[rows]))


def _spell_numbers(block: Block) -> np.ndarray:
    """Number each provider's stays by themselves, so that two providers use the same numbers for different spells."""
    numbers = record_positions(block, len(block.stays))
    for provider in np.unique(block.stays.provider):
        own = np.flatnonzero(block.stays.provider == provider)
        numbers[own] = record_positions(block, len(own))
    return numbers


def _procedures(kind: np.ndarray, is_open: np.ndarray) -> pa.Array:
    """Give day cases and planned stays an operation: an OPCS-4 code by kind."""
    codes = ("C712", "W381", "X403", "R241")
    position = np.select([kind == DAY_CASE, kind == 1, kind == REGULAR, kind == 3], [0, 1, 2, 3], -1)
    return taken(codes, np.where(is_open, -1, position))


def _payment(
    settings: SyntheticSettings, regular: np.ndarray, nights: np.ndarray, numbers: np.ndarray, is_open: np.ndarray
) -> pa.Array:
    """Price stays in pounds and pence: a base and a day rate, some way round the average of the National Cost Collection."""
    pence = np.round(
        (np.where(regular, 16_000, 70_000) + 34_000 * nights) * (0.6 + 0.8 * lottery(numbers, settings.seed, 2))
    ).astype(np.int64)
    cents = pc.utf8_lpad(text_numbers(pence % 100, is_open), 2, padding="0")
    return pc.binary_join_element_wise(text_numbers(pence // 100, is_open), cents, ".")

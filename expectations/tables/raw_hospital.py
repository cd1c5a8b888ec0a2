"""The hospital feeds in the formats of SUS and ECDS: admissions, emergency care and outpatient appointments."""

from __future__ import annotations

from expectations.diagnosis_codes import ICD10, alone, list_with_a_code
from expectations.identifier_schemes import LSOA, ODS_PROVIDER, ODS_SITE, Scheme
from expectations.sql_values import quote_all
from expectations.table import Action, Column, Kind, Lost, RowRule, Severity, Table, TableRule
from expectations.tables.raw_common import (
    ETHNIC_CATEGORIES,
    SEX_CODES,
    YES,
    YES_NO,
    code,
    event_date,
    person,
    raw_table,
)

DISCHARGE_NOT_READABLE = "discharge method not readable, so the stay may have ended in death"
ADMISSION_METHODS = (
    "11", "12", "13", "21", "22", "23", "24", "25", "28", "2A", "2B", "2C", "2D", "31", "32", "81", "82", "83", "84", "89",
    "98", "99",
)  # fmt: skip
ADMISSION_SOURCES = (
    "19", "29", "30", "37", "38", "39", "40", "42", "48", "49", "50", "51", "52", "53", "54", "55", "56", "65", "66", "69",
    "79", "85", "86", "87", "88", "89", "98", "99",
)  # fmt: skip
DISCHARGE_DESTINATIONS = (
    "19", "29", "30", "37", "38", "40", "42", "48", "49", "50", "51", "52", "53", "54", "55", "56", "65", "66", "69", "79",
    "84", "85", "86", "87", "88", "89", "98", "99",
)  # fmt: skip

PROVIDER = Column(
    "provider_code",
    Kind.CODE,
    "ODS code of the provider.",
    nullable=False,
    pattern=ODS_PROVIDER,
    on_violation=Action.SET_ASIDE,
    source="Der_Provider_Code",
    required_in_file=True,
    scheme=Scheme.ODS,
)
SITE = code("site_code", "Der_Provider_Site_Code", "ODS code of the site.", pattern=ODS_SITE, scheme=Scheme.ODS)
SEX = code("sex", "Sex", "Sex as recorded: 1 male, 2 female, 9 not specified, 0 not known.", SEX_CODES, varies=True)
ETHNICITY = code("ethnic_category", "Ethnic_Group", "Ethnic category 2001 (16+1); Z not stated, 99 not known.", ETHNIC_CATEGORIES)
ETHNICITY_SHARE = TableRule(
    "ethnicity_not_known",
    "share_of_values",
    Severity.WARN,
    "The share of ethnicity Z, 99 or empty, by provider, stays below its limit.",
    limit=0.4,
    columns=("ethnic_category",),
    defect=12,
)

_ADMISSION_COLUMNS = (
    person("Der_Pseudo_NHS_Number"),
    Column("spell_number", Kind.IDENTIFIER, "Spell number of the provider; other providers may use the same number.", nullable=False,
           on_violation=Action.SET_ASIDE, source="Hospital_Spell_No", required_in_file=True, scheme=Scheme.RECORD),
    Column("record_id", Kind.IDENTIFIER, "The sender's record number.", source="APCS_Ident", scheme=Scheme.RECORD),
    PROVIDER,
    SITE,
    event_date("admission_date", "Admission_Date", "Day of admission."),
    Column("discharge_date", Kind.DATE, "Day of discharge. Empty while the spell is open.", source="Discharge_Date",
           on_violation=Action.SET_ASIDE),
    code("admission_method", "Admission_Method", "How the person was admitted.", ADMISSION_METHODS, required_in_file=True, varies=True),
    code("admission_source", "Source_of_Admission", "Where the person came from.", ADMISSION_SOURCES),
    code("discharge_method", "Discharge_Method", "How the spell ended; 4 died, 5 stillbirth. If it cannot be read, the spell may have ended in death.",
         ("1", "2", "3", "4", "5", "6", "7", "8", "9"), begins_with_code=True, lost=Lost.SUPPRESSES, lost_reason=DISCHARGE_NOT_READABLE),
    code("discharge_destination", "Discharge_Destination", "Where the person went.", DISCHARGE_DESTINATIONS),
    code("patient_classification", "Patient_Classification", "1 ordinary, 2 day case, 3 and 4 regular attender, 5 mother and baby.",
         ("1", "2", "3", "4", "5", "8")),
    Column("length_of_stay", Kind.INTEGER, "Nights in hospital, as computed by the sender. No feature uses it: nights are counted from the dates.", unit="nights", minimum=0,
           source="Der_Spell_LoS"),
    Column("episode_count", Kind.INTEGER, "Episodes in the spell.", minimum=0, source="Der_Episode_Count"),
    Column("episode_order", Kind.INTEGER, "Order of the episode in its spell, where rows are episodes.", minimum=1, source="EPIORDER"),
    code("primary_diagnosis", "Spell_Primary_Diagnosis", "ICD-10 code of the main condition.", pattern=alone(ICD10)),
    code("diagnoses", "Der_Diagnosis_All", "All ICD-10 codes of the spell, separated.", pattern=list_with_a_code(ICD10),
         code_pattern=ICD10),
    code("procedures", "Der_Procedure_All", "All OPCS-4 codes of the spell, separated."),
    code("treatment_function", "Der_Admit_Treatment_Function_Code", "Treatment function at admission.", pattern=r"[0-9]{3}|[A-Z&].*"),
    SEX,
    ETHNICITY,
    Column("age_at_start", Kind.INTEGER, "Age at admission; 7001 to 7007 mean an age under one year.", unit="years", minimum=0,
           maximum=7007, source="Age_At_Start_of_Spell_SUS"),
    Column("lsoa_code", Kind.CODE, "LSOA of residence.", pattern=LSOA + "|9{3}.*", source="Der_Postcode_LSOA_2011_Code"),
    Column("cost", Kind.NUMBER, "Payment for the spell.", unit="GBP", minimum=0, source="Grand_Total_Payment_MFF"),
)  # fmt: skip

_NIGHTS = "date_diff('day', admission_date, discharge_date)"
SPELL_KEY = ("provider_code", "spell_number", "admission_date")
ADMISSIONS: Table = raw_table(
    "admissions",
    "Admitted patient care spells (SUS APCS), as delivered.",
    _ADMISSION_COLUMNS,
    SPELL_KEY,
    event_date="admission_date",
    available="coalesce(discharge_date, admission_date)",
    provider="provider_code",
    row_rules=(
        RowRule("discharge_before_admission", "discharge_date < admission_date", Action.SET_ASIDE,
                "The discharge is before the admission.", ("admission_date", "discharge_date"), defect=6),
        RowRule("discharge_after_extract", "discharge_date > extract_date AND discharge_date >= admission_date", Action.SET_ASIDE,
                "The discharge is after the day that the extract was delivered.", ("discharge_date",), defect=8),
        RowRule("implausible_length_of_stay",
                f"{_NIGHTS} > 730 AND coalesce(episode_count, 1) <= 2",
                Action.SET_ASIDE, "The dates are more than 730 nights apart and the spell has only one or two episodes.",
                ("admission_date", "discharge_date"), defect=5),
        RowRule("length_of_stay_contradicts_dates",
                f"{_NIGHTS} >= 0 AND abs(length_of_stay::BIGINT - {_NIGHTS}) > 1", Action.REPAIRED,
                "The length of stay of the sender differs from the dates by more than one night. It is computed from the dates. "
                "A difference of one is another way of counting.", ("length_of_stay",), defect=5, repair=_NIGHTS),
        RowRule("length_of_stay_after_extract",
                "discharge_date IS NULL AND length_of_stay > date_diff('day', admission_date, extract_date) + 1", Action.NULLED,
                "The stay has no discharge and a length of stay that reaches beyond the day that the extract was delivered.",
                ("length_of_stay",), defect=5),
        RowRule("age_over_120", "age_at_start > 120 AND age_at_start < 7000", Action.NULLED,
                "The age is over 120 and is not a code for babies.", ("age_at_start",), defect=4),
        RowRule("age_code_for_baby", "age_at_start BETWEEN 7000 AND 7007", Action.REPAIRED,
                "The age is a code for an age under one year. It is read as 0.", ("age_at_start",), defect=4, repair="0"),
        RowRule("overlapping_spells", "overlapping_spells", Action.FLAGGED,
                "The person was in beds of two providers on the same night.", ("admission_date", "discharge_date"), defect=6),
    ),
    table_rules=(ETHNICITY_SHARE,),
)  # fmt: skip

_EMERGENCY_COLUMNS = (
    person("Der_Pseudo_NHS_Number"),
    Column("record_id", Kind.IDENTIFIER, "The sender's record number.", nullable=False, on_violation=Action.SET_ASIDE,
           source="EC_Ident", required_in_file=True, scheme=Scheme.RECORD),
    PROVIDER,
    SITE,
    event_date("arrival_date", "Arrival_Date", "Day of arrival."),
    Column("arrival_time", Kind.TEXT, "Time of arrival, HH:MM or HHMM.", pattern=r"([01][0-9]|2[0-3]):?[0-5][0-9](:[0-5][0-9])?",
           source="Arrival_Time"),
    code("department_type", "EC_Department_Type", "01 major, 02 single specialty, 03 minor injury, 04 walk-in, 05 same-day emergency care.",
         ("01", "02", "03", "04", "05", "1", "2", "3", "4", "5"), required_in_file=True, varies=True),
    code("attendance_category", "EC_AttendanceCategory", "1 unplanned first, 2 and 3 unplanned follow-up, 4 planned.",
         ("1", "2", "3", "4")),
    code("arrival_mode", "EC_Arrival_Mode_SNOMED_CT", "How the person arrived.", pattern=r"[0-9]{1,18}", scheme=Scheme.SNOMED_CONCEPT),
    code("acuity", "EC_Acuity_SNOMED_CT", "Acuity at triage.", pattern=r"[0-9]{6,18}", scheme=Scheme.SNOMED_CONCEPT),
    code("chief_complaint", "EC_Chief_Complaint_SNOMED_CT", "Main complaint of the person.", pattern=r"[0-9]{6,18}", scheme=Scheme.SNOMED_CONCEPT),
    code("diagnoses", "Der_EC_Diagnosis_All", "Diagnosis codes, separated."),
    code("discharge_destination", "Discharge_Destination_SNOMED_CT", "Where the person went.", pattern=r"[0-9]{2,18}", scheme=Scheme.SNOMED_CONCEPT),
    code("discharge_status", "EC_Discharge_Status_SNOMED_CT", "How the attendance ended.", pattern=r"[0-9]{2,18}", scheme=Scheme.SNOMED_CONCEPT),
    Column("minutes_to_departure", Kind.INTEGER, "Minutes from arrival to departure.", unit="minutes", minimum=0, maximum=20160,
           source="EC_Departure_Time_Since_Arrival"),
    code("duplicate_flag", "Der_Dupe_Flag", "Whether the sender found that the row is a duplicate. An attendance with any other value is set aside.", YES_NO,
         on_violation=Action.SET_ASIDE),
    SEX,
    code("ethnic_category", "Ethnic_Category", "Ethnic category 2001 (16+1); Z not stated, 99 not known.", ETHNIC_CATEGORIES),
    Column("age_at_arrival", Kind.INTEGER, "Age at arrival.", unit="years", minimum=0, maximum=120, source="Age_At_Arrival"),
)  # fmt: skip

EMERGENCY_ATTENDANCES: Table = raw_table(
    "emergency_attendances",
    "Emergency care attendances (ECDS), as delivered. Type 05 is same-day emergency care and not an A&E attendance.",
    _EMERGENCY_COLUMNS,
    ("provider_code", "record_id"),
    event_date="arrival_date",
    available="arrival_date",
    provider="provider_code",
    row_rules=(
        RowRule("duplicate_by_sender", f"duplicate_flag IN ({quote_all(YES)})", Action.SET_ASIDE, "The sender flagged the row as a duplicate.",
                ("duplicate_flag",), defect=6, withdraws=True),
    ),
    table_rules=(ETHNICITY_SHARE,),
)  # fmt: skip

_OUTPATIENT_COLUMNS = (
    person("Der_Pseudo_NHS_Number"),
    Column("record_id", Kind.IDENTIFIER, "The sender's record number.", nullable=False, on_violation=Action.SET_ASIDE,
           source="OPA_Ident", required_in_file=True, scheme=Scheme.RECORD),
    Column("provider_code", Kind.CODE, "ODS code of the provider.", nullable=False, pattern=ODS_PROVIDER,
           on_violation=Action.SET_ASIDE, source="Provider_Code", required_in_file=True, scheme=Scheme.ODS),
    event_date("appointment_date", "Appointment_Date", "Day of the appointment."),
    code("attendance_status", "Attendance_Status", "5 and 6 attended, 2 and 4 cancelled, 3 did not attend, 7 arrived too late.",
         ("2", "3", "4", "5", "6", "7", "0"), required_in_file=True, varies=True),
    code("first_attendance", "First_Attendance", "1 and 3 first, 2 and 4 follow-up.", ("1", "2", "3", "4", "5")),
    code("outcome", "Outcome_of_Attendance", "1 discharged, 2 another appointment, 3 to be arranged.", ("1", "2", "3", "4", "5")),
    code("treatment_function", "Treatment_Function_Code", "Treatment function.", pattern=r"[0-9]{3}|[A-Z&].*"),
    code("medium", "Consultation_Medium_Used", "How the consultation took place.", ("01", "02", "03", "04", "05", "06", "09", "98")),
)  # fmt: skip

OUTPATIENT_APPOINTMENTS: Table = raw_table(
    "outpatient_appointments",
    "Outpatient appointments (SUS OPA), as delivered.",
    _OUTPATIENT_COLUMNS,
    ("provider_code", "record_id"),
    event_date="appointment_date",
    available="appointment_date",
    provider="provider_code",
)

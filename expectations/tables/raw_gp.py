"""The feeds of the GP record in a format that is independent of the supplier.

They are patients, registrations, addresses, observations, medication orders and opt-outs.
"""

from __future__ import annotations

from expectations.age import age_by_month_sql
from expectations.identifier_schemes import LSOA, ODS_PRACTICE, Scheme
from expectations.sql_values import quote, quote_all
from expectations.table import Action, Column, Kind, Lost, RowRule, Severity, Table, TableRule
from expectations.tables.raw_common import (
    EARLIEST_BIRTH_YEAR,
    ETHNIC_CATEGORIES,
    NEVER_DATES,
    SEX_CODES,
    YES,
    YES_NO,
    code,
    event_date,
    person,
    raw_table,
)

POSTCODE_STATUSES = ("resolved", "no_fixed_abode", "postcode_unknown", "outside_england", "unmatched")
# The reasons of people who are in no cohort because of a lost value.
DEATH_NOT_READABLE = "date of death not readable"
END_NOT_READABLE = "end of registration not readable"
LONGEST_NOTICE_YEARS = 2  # no registration is known to end later than this after the delivery
_NEVER = ", ".join(f"DATE {quote(day)}" for day in NEVER_DATES)
_PRACTICE = Column(
    "practice_code",
    Kind.CODE,
    "ODS code of the practice.",
    nullable=False,
    pattern=ODS_PRACTICE,
    on_violation=Action.SET_ASIDE,
    source="REGISTERED_PRACTICE_ORGANISATION_ID",
    required_in_file=True,
    scheme=Scheme.ODS,
)


def _practice(source: str) -> Column:
    return Column(
        "practice_code",
        Kind.CODE,
        "ODS code of the practice that keeps the record.",
        nullable=False,
        pattern=ODS_PRACTICE,
        on_violation=Action.SET_ASIDE,
        source=source,
        required_in_file=True,
        scheme=Scheme.ODS,
    )


def _flag(name: str, source: str, description: str, lost_reason: str) -> Column:
    """Return a mark of a person: its absence lets the person in, so a value that is neither yes nor no suppresses the person."""
    return code(name, source, description, YES_NO, lost=Lost.SUPPRESSES, lost_reason=lost_reason)


def _entry_flag(name: str, source: str, description: str) -> Column:
    """Return a mark of an entry: its absence lets the entry count, so a value that is neither yes nor no sets the entry aside."""
    return code(name, source, description, YES_NO, on_violation=Action.SET_ASIDE)


def _flagged(reason: str, column: str, description: str) -> RowRule:
    broken = f"{column} IN ({quote_all(YES)})"
    return RowRule(reason, broken, Action.SET_ASIDE, description, (column,), defect=7, is_mark=True, withdraws=True)


PATIENTS: Table = raw_table(
    "patients",
    "The people on the registered list (PATIENT), one row per person, with deaths.",
    (
        person("PERSON_ID"),
        _PRACTICE,
        Column("birth_year", Kind.INTEGER, "Year of birth.", unit="year", nullable=False, minimum=EARLIEST_BIRTH_YEAR,
               on_violation=Action.SET_ASIDE, source="BIRTH_YEAR", required_in_file=True),
        Column("birth_month", Kind.INTEGER, "Month of birth.", unit="month", minimum=1, maximum=12, source="BIRTH_MONTH"),
        Column("death_date", Kind.DATE, "Day of death; empty while alive. A value that is no usable day means dead on a day that is not known.",
               source="DEATH_DATE", lost=Lost.SUPPRESSES, lost_reason=DEATH_NOT_READABLE),
        code("sex", "SEX", "Sex: 1 male, 2 female, 9 not specified, 0 not known.", SEX_CODES, varies=True),
        code("ethnic_category", "ETHNIC_CATEGORY", "Ethnic category 2001 (16+1); Z not stated, 99 not known.", ETHNIC_CATEGORIES),
        Column("household_id", Kind.IDENTIFIER, "Pseudonym of the household.", source="HOUSEHOLD_ID", scheme=Scheme.HOUSEHOLD),
        Column("lsoa_code", Kind.CODE, "LSOA of residence.", pattern=LSOA, source="LSOA_CODE"),
        Column("postcode_status", Kind.TEXT, "What is known from the postcode: resolved, no_fixed_abode, postcode_unknown, outside_england or unmatched. "
               "Ingest does not store the postcode.", source="POSTCODE",
               allowed=POSTCODE_STATUSES),
        _flag("is_confidential", "IS_CONFIDENTIAL", "The record is confidential.", "confidentiality not readable"),
        _flag("is_test_patient", "IS_TEST_PATIENT", "The record is of a test patient.", "test patient or not: not readable"),
        _flag("is_spine_sensitive", "IS_SPINE_SENSITIVE", "The record is sensitive in the NHS Spine.", "sensitivity in the NHS Spine not readable"),
        _flag("is_deleted", "IS_DELETED", "The record was deleted.", "deleted or not: not readable"),
        Column("source_extraction_date", Kind.DATE, "Day that the supplier made the extract.", source="SOURCE_EXTRACTION_DATE", lost=Lost.UNKNOWN),
    ),
    ("person_id",),
    event_date="",
    available="extract_date",
    provider="practice_code",
    conflicts=True,
    row_rules=(
        _flagged("test_patient", "is_test_patient", "The row is of a test patient."),
        _flagged("confidential", "is_confidential", "The row is confidential."),
        _flagged("spine_sensitive", "is_spine_sensitive", "The row is sensitive in the NHS Spine."),
        _flagged("deleted", "is_deleted", "The sender deleted the row."),
        RowRule("birth_after_extract", "birth_year > year(extract_date)", Action.SET_ASIDE, "The year of birth is after the extract.",
                ("birth_year",), defect=8),
        RowRule("death_before_birth", "year(death_date) < birth_year", Action.NULLED, "The death is before the birth.",
                ("death_date",), defect=8),
        RowRule("never_died", f"death_date IN ({_NEVER})", Action.REPAIRED, "The day is one that systems write for 'never'. The person is alive.",
                ("death_date",), defect=8, repair="NULL"),
        RowRule("death_after_extract", f"death_date > extract_date AND death_date NOT IN ({_NEVER})", Action.NULLED, "The death is after the extract.",
                ("death_date",), defect=8),
        RowRule("age_over_120", f"death_date IS NULL AND {age_by_month_sql('birth_year', 'birth_month', 'extract_date')} > 120", Action.SET_ASIDE,
                "The person is over 120 years old and has no date of death.", ("birth_year",), defect=4),
    ),
    table_rules=(
        TableRule("below_published_list", "below_published_list", Severity.WARN,
                  "No practice has fewer patients than this share of its published list size.", limit=0.5, defect=2),
        TableRule("ethnicity_not_known", "share_of_values", Severity.WARN,
                  "The share of ethnicity Z, 99 or empty, by practice, stays below its limit.", limit=0.4,
                  columns=("ethnic_category",), defect=12),
    ),
)  # fmt: skip

REGISTRATIONS: Table = raw_table(
    "registrations",
    "Periods of registration with a practice (EPISODE_OF_CARE).",
    (
        person("PERSON_ID"),
        _practice("ORGANISATION_ID"),
        event_date("start_date", "START_DATE", "First day of the registration."),
        Column("end_date", Kind.DATE, "Day that the registration ended. Empty while registered. Any other value that is not a date means that it ended on an unknown day.", source="END_DATE",
               lost=Lost.SUPPRESSES, lost_reason=END_NOT_READABLE),
    ),
    ("person_id", "practice_code", "start_date"),
    event_date="start_date",
    available="start_date",
    provider="",
    conflicts=True,
    row_rules=(
        RowRule("end_before_start", "end_date < start_date", Action.SET_ASIDE, "The registration ends before it starts.",
                ("start_date", "end_date"), defect=6),
        RowRule("end_long_after_extract", f"end_date > extract_date + INTERVAL {LONGEST_NOTICE_YEARS} YEAR AND end_date NOT IN ({_NEVER})", Action.NULLED,
                f"The registration ends more than {LONGEST_NOTICE_YEARS} years after the extract, so the day is wrong.", ("end_date",), defect=8),
    ),
    table_rules=(
        TableRule("history_starts_at_load", "history_starts_at_load", Severity.WARN,
                  "No practice has more than this share of its registrations start on the same day.", limit=0.3, defect=9),
    ),
)  # fmt: skip

ADDRESSES: Table = raw_table(
    "addresses",
    "Periods of residence (PATIENT_ADDRESS). Without this feed the LSOA of PATIENT is used.",
    (
        person("PERSON_ID"),
        Column("lsoa_code", Kind.CODE, "LSOA of residence.", pattern=LSOA, source="LSOA_CODE"),
        Column("postcode_status", Kind.TEXT, "What is known from the postcode. Ingest does not store the postcode.", source="POSTCODE",
               allowed=POSTCODE_STATUSES),
        Column("household_id", Kind.IDENTIFIER, "Pseudonym of the household.", source="HOUSEHOLD_ID", scheme=Scheme.HOUSEHOLD),
        event_date("start_date", "START_DATE", "First day at the address."),
        Column("end_date", Kind.DATE, "Last day at the address. Empty for the current address.", source="END_DATE", lost=Lost.UNKNOWN),
    ),
    ("person_id", "start_date"),
    event_date="start_date",
    available="start_date",
    row_rules=(
        RowRule("end_before_start", "end_date < start_date", Action.SET_ASIDE, "The address ends before it starts.",
                ("start_date", "end_date"), defect=6),
    ),
)  # fmt: skip

GP_OBSERVATIONS: Table = raw_table(
    "gp_observations",
    "Coded entries of the GP record (OBSERVATION): diagnoses, measurements, contacts.",
    (
        Column("record_id", Kind.IDENTIFIER, "The sender's record number.", nullable=False, on_violation=Action.SET_ASIDE,
               source="ID", required_in_file=True, scheme=Scheme.RECORD),
        person("PERSON_ID"),
        _practice("ORGANISATION_ID"),
        event_date("effective_date", "CLINICAL_EFFECTIVE_DATE", "First day that the fact applies."),
        Column("recorded_date", Kind.DATE, "Day that the fact was recorded. Without it the first day that the fact applies is used, and the row is counted. "
               "A file without the column uses that day for every row.", source="DATE_RECORDED", lost=Lost.UNKNOWN, empty_is_an_answer=False),
        Column("concept_code", Kind.CODE, "SNOMED CT concept.", nullable=False, pattern=r"[0-9]{6,18}", on_violation=Action.SET_ASIDE,
               source="OBSERVATION_SOURCE_CONCEPT_ID", required_in_file=True, scheme=Scheme.SNOMED_CONCEPT),
        Column("result_value", Kind.NUMBER, "The measured value, in the unit that was sent. A limit of measurement such as >90 is read as 90.",
               source="RESULT_VALUE", reads_limits=True),
        Column("result_unit", Kind.TEXT, "Unit of the value, as sent. Events have the value in the unit of the measurement, and monitoring__units counts how units were read.", source="RESULT_VALUE_UNITS"),
        _entry_flag("is_confidential", "IS_CONFIDENTIAL", "The entry is confidential."),
        _entry_flag("is_deleted", "IS_DELETED", "The entry was deleted."),
    ),
    ("practice_code", "record_id"),
    event_date="effective_date",
    available="greatest(effective_date, coalesce(recorded_date, effective_date))",
    provider="practice_code",
    conflicts=True,
    row_rules=(
        _flagged("deleted", "is_deleted", "The sender deleted the row."),
        _flagged("confidential", "is_confidential", "The row is confidential."),
        RowRule("recorded_before_effective", "recorded_date < effective_date", Action.FLAGGED,
                "The entry was recorded before the first day it applies. The later day is its available date.", ("recorded_date",), defect=8),
    ),
)  # fmt: skip

GP_MEDICATION_ORDERS: Table = raw_table(
    "gp_medication_orders",
    "Medicines issued by GPs (MEDICATION_ORDER), in dm+d codes.",
    (
        Column("record_id", Kind.IDENTIFIER, "The sender's record number.", nullable=False, on_violation=Action.SET_ASIDE,
               source="ID", required_in_file=True, scheme=Scheme.RECORD),
        person("PERSON_ID"),
        _practice("ORGANISATION_ID"),
        event_date("issue_date", "CLINICAL_EFFECTIVE_DATE", "Day of issue."),
        Column("medicine_code", Kind.CODE, "dm+d code of the medicine.", nullable=False, pattern=r"[0-9]{6,18}",
               on_violation=Action.SET_ASIDE, source="MEDICATION_ORDER_SOURCE_CONCEPT_ID", required_in_file=True, scheme=Scheme.SNOMED_CONCEPT),
        Column("quantity", Kind.NUMBER, "Quantity issued.", minimum=0, source="QUANTITY_VALUE"),
        Column("duration_days", Kind.INTEGER, "Days that the medicine lasts.", unit="days", minimum=0, maximum=400, source="DURATION_DAYS"),
        _entry_flag("is_deleted", "IS_DELETED", "The entry was deleted."),
    ),
    ("practice_code", "record_id"),
    event_date="issue_date",
    available="issue_date",
    provider="practice_code",
    conflicts=True,
    row_rules=(_flagged("deleted", "is_deleted", "The sender deleted the row."),),
)  # fmt: skip

# An objection is kept even if its row is incomplete: it applies from its delivery, as type 1, which every purpose respects. A withdrawal
# is certain only if its kind and its day are: one without a day ends no objection that has one, and one of unknown kind ends none.
UNDATED_WITHDRAWAL = "1900-01-01"
LOST_SUBMISSION = (
    "1900-01-01"  # what the submission date of a national list is read as if it cannot be read: the list is then not valid
)
KIND_NOT_KNOWN = "NOT_KNOWN"
_STATUS_NOT_KNOWN = RowRule(
    "opt_out_of_unknown_status", "status IS NULL OR status NOT IN ('0', '1')", Action.REPAIRED,
    "The row does not show whether the person opts out or withdraws an opt-out. It is read as an opt-out.", ("status",), defect=11, repair="'1'",
)  # fmt: skip
_DAY_NOT_KNOWN = RowRule(
    "opt_out_without_date", "effective_date IS NULL", Action.REPAIRED,
    "The day cannot be read. An opt-out applies from the delivery, and a withdrawal does not end an opt-out that has a date.",
    ("effective_date",), defect=8, repair=f"CASE WHEN status = '0' THEN DATE {quote(UNDATED_WITHDRAWAL)} ELSE extract_date END",
)  # fmt: skip


def _status(required: bool) -> Column:
    return code(
        "status", "STATUS", "1 opted out, 0 withdrawn.", ("0", "1"), on_violation=Action.FLAGGED, required_in_file=required
    )


def _effective_date(required: bool) -> Column:
    return Column(
        "effective_date", Kind.DATE, "First day that the state applies.", on_violation=Action.FLAGGED, source="EFFECTIVE_DATE",
        required_in_file=required,
    )  # fmt: skip


OPT_OUTS: Table = raw_table(
    "opt_outs",
    "Type 1 objections and national data opt-outs in one feed (NATIONAL_DATA_OPT_OUT). Rows of each kind follow the rule of the feed for that kind alone, "
    "type_1_objections or national_opt_outs. The feed has no practice, so the practice of a person's registration is used.",
    (
        person("PERSON_ID"),
        code("opt_out_type", "OPT_OUT_TYPE", "type_1 or national.", ("TYPE_1", "NATIONAL"), on_violation=Action.FLAGGED,
             required_in_file=True),
        _status(required=True),
        _effective_date(required=True),
    ),
    ("person_id", "opt_out_type", "effective_date", "status"),
    event_date="effective_date",
    available="effective_date",
    row_rules=(
        RowRule("opt_out_of_unknown_type", "opt_out_type IS NULL OR opt_out_type NOT IN ('TYPE_1', 'NATIONAL')", Action.REPAIRED,
                "The type of opt-out is not known. It is read as type 1, which every purpose respects. A withdrawal of unknown type ends no opt-out.",
                ("opt_out_type",), defect=11, repair=f"CASE WHEN status = '0' THEN {quote(KIND_NOT_KNOWN)} ELSE 'TYPE_1' END"),
        _STATUS_NOT_KNOWN,
        _DAY_NOT_KNOWN,
    ),
    born=False,
    is_objection=True,
    strange_date=Action.FLAGGED,  # an opt-out with an implausible date still applies, and a withdrawal with a future date does not end one
)  # fmt: skip

TYPE_1_OBJECTIONS: Table = raw_table(
    "type_1_objections",
    "Type 1 objections, which each practice delivers: the record leaves the practice for the person's care alone. An objection applies until a "
    "withdrawal ends it, or until two consecutive complete snapshots of the practice no longer contain it.",
    (
        person("PERSON_ID"),
        Column("practice_code", Kind.CODE, "ODS code of the practice that recorded the objection. If it cannot be read, the practice of the registration is used, and a "
               "withdrawal ends no objection.",
               pattern=ODS_PRACTICE, source="ORGANISATION_ID", required_in_file=True, scheme=Scheme.ODS),
        _status(required=True),
        _effective_date(required=True),
    ),
    ("person_id", "effective_date", "status"),
    event_date="effective_date",
    available="effective_date",
    row_rules=(_STATUS_NOT_KNOWN, _DAY_NOT_KNOWN),
    born=False,
    is_objection=True,
    strange_date=Action.FLAGGED,
)  # fmt: skip

LIST_PARTS = ("OPTED_OUT", "SUBMITTED", "RETURNED")
NATIONAL_OPT_OUTS: Table = raw_table(
    "national_opt_outs",
    "National data opt-outs: either the people who opted out, or the identifiers submitted to NHS England's check service and those that it "
    "returned. A person who was submitted and not returned has opted out. Each delivery replaces the one before it.",
    (
        person("PERSON_ID"),
        code("list_part", "LIST", "OPTED_OUT, or SUBMITTED and RETURNED for a permitted list. A row without it is read as OPTED_OUT.", LIST_PARTS,
             on_violation=Action.FLAGGED),
        _status(required=False),
        _effective_date(required=False),
        Column("submission_date", Kind.DATE, "Day that the identifiers were submitted. Empty: the day of the delivery. The earliest day of a list counts, and a list with "
               "a day that cannot be read is not valid for planning.", source="SUBMISSION_DATE",
               lost=Lost.UNKNOWN),
    ),
    ("person_id", "list_part", "effective_date", "status"),
    event_date="",
    available="extract_date",
    is_objection=True,
    row_rules=(
        RowRule("list_part_not_known",
                f"list_part IS NULL OR list_part NOT IN ({quote_all(LIST_PARTS)}) OR (list_part <> 'OPTED_OUT' AND status IS NOT NULL AND status <> '0')", Action.REPAIRED,
                "The row does not show which part of the list it belongs to, or states an opt-out, or a status that cannot be read, in another part. It is read as an opt-out.",
                ("list_part",), defect=11, repair="'OPTED_OUT'"),
        _STATUS_NOT_KNOWN,
        _DAY_NOT_KNOWN,
    ),
)  # fmt: skip

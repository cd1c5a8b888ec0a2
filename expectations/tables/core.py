"""The core tables: validated and conformed data with the same structure for every source. Those of places are in `core_places.py`."""

from __future__ import annotations

from expectations.suppression import SUPPRESSIONS
from expectations.table import Column, Kind, Table

PERSON_KEY = Column(
    "person_key",
    Kind.INTEGER,
    "Number of the person, for use inside Strata. A person keeps it, and new people get the next numbers.",
    nullable=False,
)


def key_column(name: str, description: str) -> Column:
    """Return a column of a code that is part of the key."""
    return Column(name, Kind.CODE, description, nullable=False)


QUARANTINE = Table(
    "core__quarantine",
    "Rows that broke a row rule: their place, the reason and the action. It has keys and reasons, never values.",
    (
        Column("table_name", Kind.TEXT, "The raw table of the row.", nullable=False),
        Column("extract_id", Kind.IDENTIFIER, "The extract of the row.", nullable=False),
        Column("file_name", Kind.TEXT, "Name of the file.", nullable=False),
        Column("row_number", Kind.INTEGER, "Number of the row in its file.", nullable=False, arrow="int64"),
        Column("reason", Kind.TEXT, "Reason code of the rule.", nullable=False),
        Column("column_name", Kind.TEXT, "The column of the reason. Empty where the reason is about the row.", nullable=False),
        Column("action", Kind.TEXT, "set_aside, nulled, repaired or flagged.", nullable=False,
               allowed=("set_aside", "nulled", "repaired", "flagged")),
    ),
    ("table_name", "extract_id", "file_name", "row_number", "reason", "column_name"),
    partitioned_by=("table_name", "extract_id"),
)  # fmt: skip

UNREAD_LINE = Table(
    "core__unread_line",
    "Lines of deliveries that are no rows and name a person about whom they may state a death, an end or confidentiality. The person is suppressed until "
    "a row that can be read follows.",
    (
        Column("table_name", Kind.TEXT, "The raw table of the feed.", nullable=False),
        Column("extract_id", Kind.IDENTIFIER, "The extract of the line.", nullable=False),
        Column("row_number", Kind.INTEGER, "Number of the row in its file.", nullable=False, arrow="int64"),
        Column("person_id", Kind.IDENTIFIER, "Pseudonym of the person whom the line names.", nullable=False),
        Column("stated", Kind.TEXT, "How the stay of the line ended, as sent. Null where the feed has no such column, or where it is not known."),
    ),
    ("table_name", "extract_id", "row_number"),
    partitioned_by=("table_name", "extract_id"),
)  # fmt: skip

PERSON = Table(
    "core__person",
    "Everyone in the sources: one row per person.",
    (
        PERSON_KEY,
        Column("person_id", Kind.IDENTIFIER, "Pseudonym of the person, which readers of the scores use.", nullable=False),
        Column("birth_date", Kind.DATE, "Day of birth where an OMOP source has it; else the first day of the month, or of the year where only that is known. Earlier events do not count."),
        Column("assumed_birth_date", Kind.DATE, "1 July where only the year of birth is known, used for ages. Empty where the month is known."),
        Column("sex", Kind.CODE, "1 male, 2 female, 9 not specified, 0 not known.", allowed=("1", "2", "9", "0")),
        Column("ethnic_category", Kind.CODE, "Latest ethnic category of 2001 (16+1); Z not stated, 99 not known."),
        Column("death_date", Kind.DATE, "Day of death, from the patient record or a hospital spell that ended in death."),
        Column("death_not_readable", Kind.BOOLEAN, "A death is recorded on a day that is not known: the value is not a date, or a hospital stay ended in death "
               "on no readable day. Such a person is in no cohort.", nullable=False),
        Column("type_1_opt_out", Kind.BOOLEAN, "Type 1 opt-out from sharing by the practice, latest state.", nullable=False),
        Column("national_data_opt_out", Kind.BOOLEAN, "National data opt-out, latest state.", nullable=False),
        Column("on_list", Kind.BOOLEAN, "The person is or was on the registered list.", nullable=False),
        Column("suppression", Kind.TEXT, "Why the person is in no cohort although nothing certain excludes them: a value of the list that cannot be read, "
               "rows that conflict, or a death in review. Empty for no reason.", allowed=SUPPRESSIONS),
        Column("death_in_review", Kind.DATE, "Day of the death in review, where it is known. A decision of the kind death_review that the person is alive ends the review."),
    ),
    ("person_key",),
)  # fmt: skip

OBJECTION = Table(
    "core__objection",
    "The latest state of each person's objection of each kind. An objection stays here even if its deliveries or its feed are removed.",
    (
        Column("person_id", Kind.IDENTIFIER, "Pseudonym of the person: the one on the registered list if the list has the person.", nullable=False),
        Column("kind", Kind.CODE, "type_1 or national.", nullable=False, allowed=("type_1", "national")),
        Column("practice_code", Kind.CODE, "Practice that last stated a type 1 objection. Empty if it is not known, and for a national opt-out."),
        Column("effective_date", Kind.DATE, "Day of the latest objection; the day of its delivery if the sender stated none."),
        Column("first_stated", Kind.DATE, "Day of the first delivery that contained the objection."),
        Column("last_stated", Kind.DATE, "Day of the last delivery that contained the objection."),
        Column("state", Kind.CODE, "in_force, withdrawn (by the person), ended_by_absence (two consecutive complete snapshots of the practice did not contain it) "
               "or not_known (a permitted list did not check the person; planning treats this as an opt-out).", nullable=False,
               allowed=("in_force", "withdrawn", "ended_by_absence", "not_known")),
        Column("state_since", Kind.DATE, "Day of the delivery since which the state applies."),
        Column("absences", Kind.INTEGER, "Latest consecutive complete snapshots of the practice without the objection, while the person is registered there.", nullable=False),
        Column("delivery", Kind.TEXT, "The extract that last stated the objection."),
    ),
    ("person_id", "kind"),
)  # fmt: skip

# Rules on a delivery that need more than the delivery: a breach is accepted under these names.
OBJECTIONS_ABSENT, OBJECTIONS_NOT_ON_LIST, NATIONAL_OPT_OUTS_FELL = (
    "objections_absent",
    "objections_not_on_list",
    "national_opt_outs_fell",
)
DELIVERY_RULES = (OBJECTIONS_ABSENT, OBJECTIONS_NOT_ON_LIST, NATIONAL_OPT_OUTS_FELL)

OBJECTION_DELIVERY = Table(
    "core__objection_delivery",
    "The latest delivery of objections of each practice, and of each kind as a whole (practice ALL).",
    (
        Column("kind", Kind.CODE, "type_1 or national.", nullable=False, allowed=("type_1", "national")),
        key_column("practice_code", "ODS code of the practice, or ALL."),
        Column("feed", Kind.TEXT, "The feed of the delivery. Empty if there is none."),
        Column("delivered", Kind.DATE, "Day of the latest delivery, or of the one that stops the run. Empty: objections not known."),
        Column("status", Kind.TEXT, "complete, not complete, sent before, too many absent, too many not on the list, or objections not known.", nullable=False),
        Column("objections", Kind.INTEGER, "Objections in force before the delivery, of people who are registered.", nullable=False),
        Column("absent", Kind.INTEGER, "Those that the delivery does not contain.", nullable=False),
        Column("share_not_on_list", Kind.NUMBER, "Share of the people who object in the delivery and are not on the registered list."),
        Column("share_not_on_list_before", Kind.NUMBER, "The same share of the delivery before."),
        Column("submitted", Kind.DATE, "Day that a national list was submitted. Empty in a combined feed, which has no such day."),
        Column("valid_until", Kind.DATE, "Last day on which the national list may be used for planning. In a combined feed it is counted from the delivery."),
    ),
    ("kind", "practice_code"),
)  # fmt: skip

REGISTRATION = Table(
    "core__registration",
    "Periods of registration with a practice, or of observation in an OMOP source. Periods of a person do not overlap.",
    (
        PERSON_KEY,
        key_column("practice_code", "ODS code of the practice. Of a practice that has changed its code, it is the code that names its line of succession."),
        Column("practice_sent", Kind.CODE, "ODS code of the practice as its latest row states it."),
        Column("start_date", Kind.DATE, "First day of the period.", nullable=False),
        Column("end_date", Kind.DATE, "Last day of the period. Null where it has not ended."),
        Column("start_is_load_date", Kind.BOOLEAN, "The start is not a true start: the practice's history was loaded on that day, or an earlier registration applies again from it.", nullable=False),
        Column("end_not_readable", Kind.BOOLEAN, "The end of the period is stated but cannot be read, and no later period replaces it. It is not known whether the "
               "person is still registered. No cohort includes a person because of such a period.", nullable=False),
    ),
    ("person_key", "start_date"),
)  # fmt: skip

RESIDENCE = Table(
    "core__residence",
    "Periods of residence. Periods of a person do not overlap.",
    (
        PERSON_KEY,
        Column("lsoa_code", Kind.CODE, "LSOA of residence; residence_status has the reason where it is null."),
        Column("residence_status", Kind.CODE, "resolved, no_fixed_abode, postcode_unknown, outside_england or unmatched.", nullable=False,
               allowed=("resolved", "no_fixed_abode", "postcode_unknown", "outside_england", "unmatched")),
        Column("household_id", Kind.IDENTIFIER, "Pseudonym of the household."),
        Column("start_date", Kind.DATE, "First day of the period.", nullable=False),
        Column("end_date", Kind.DATE, "Last day of the period. Null where it has not ended."),
    ),
    ("person_key", "start_date"),
)  # fmt: skip

SPELL = Table(
    "core__spell",
    "Continuous inpatient spells: stays that are joined across transfers. Regular attenders and births are separate classes. An emergency, a maternity admission or a birth inside a spell of another class is a separate spell.",
    (
        PERSON_KEY,
        Column("spell_key", Kind.INTEGER, "Number of the spell, in order of person, admission and provider.", nullable=False, arrow="int64"),
        Column("admission_date", Kind.DATE, "First day of the first stay.", nullable=False),
        Column("discharge_date", Kind.DATE, "Last day of the last stay. Null while the spell is open."),
        key_column("provider_code", "Provider of the first stay."),
        Column("last_provider_code", Kind.CODE, "Provider of the last stay."),
        Column("admission_method", Kind.CODE, "Admission method of the first stay."),
        Column("spell_class", Kind.CODE, "emergency, elective, maternity, birth, regular_attender or other.", nullable=False,
               allowed=("emergency", "elective", "maternity", "birth", "regular_attender", "other")),
        Column("nights", Kind.INTEGER, "Nights from admission to discharge. Without those that count for an overlapping spell: a night counts for the emergency, or else the maternity spell, or else the birth. Null while the spell is open.", unit="nights"),
        Column("died", Kind.BOOLEAN, "The spell ended in death.", nullable=False),
        Column("primary_diagnosis", Kind.CODE, "ICD-10 code of the main condition of the first stay."),
        Column("treatment_function", Kind.CODE, "Treatment function at admission."),
        Column("stays_joined", Kind.INTEGER, "Number of stays in the spell.", nullable=False),
        Column("cost", Kind.NUMBER, "Payment for the stays of the spell.", unit="GBP"),
        Column("diagnoses", Kind.TEXT, "The different ICD-10 codes of the stays, sorted, without dots or suffixes, separated by commas."),
        Column("admission_available_date", Kind.DATE, "Available date of the admission, and not before the spell began as it does now: deliveries may have changed its first stay.", nullable=False),
        Column("discharge_available_date", Kind.DATE, "Available date of the discharge, nights and diagnoses. Not before the spell had this form, without interruption since: a stay may have become known later, changed or been withdrawn. Null while the spell is open."),
    ),
    ("spell_key",),
)  # fmt: skip

EVENT = Table(
    "core__event",
    "All events of all people, sorted by person and date, with one file for each range of people.",
    (
        PERSON_KEY,
        Column("event_date", Kind.DATE, "Day of the event.", nullable=False),
        Column("available_date", Kind.DATE, "First day the event was known. A feature uses the event only if this day is before the index date.", nullable=False),
        Column("event_type", Kind.INTEGER, "Number of the type in core__event_type.", nullable=False, arrow="int16"),
        Column("code", Kind.INTEGER, "Number of the code in core__code, or 0 for no code.", nullable=False),
        Column("value", Kind.NUMBER, "Nights, measured value, cost or count, depending on the type.", arrow="float32"),
        Column("provider", Kind.INTEGER, "Number of the organisation's code in core__code, or 0 for no organisation.", nullable=False),
        Column("feed", Kind.INTEGER, "Number of the feed in core__event_type's list of feeds.", nullable=False, arrow="int8"),
    ),
    (),
)  # fmt: skip

EVENT_SUPERSEDED = Table(
    "core__event_superseded",
    "Events that no longer hold: as earlier deliveries recorded them, before a later delivery changed or withdrew them, and of spells also "
    "before another of their stays was known. A feature counts such an event if it was known before the index date and superseded after it.",
    (
        *EVENT.columns,
        Column("superseded_date", Kind.DATE, "First day on which the event no longer counts: that of the delivery that changed or withdrew it, or on which another stay of its spell counts as known.", nullable=False),
    ),
    (),
)  # fmt: skip

EVENT_TYPE = Table(
    "core__event_type",
    "The types of event in core__event.",
    (
        Column("event_type", Kind.INTEGER, "Number of the type.", nullable=False, arrow="int16"),
        Column("name", Kind.TEXT, "Name of the type.", nullable=False),
        Column("feed", Kind.TEXT, "Feed of the type.", nullable=False),
        Column("description", Kind.TEXT, "What an event of the type is.", nullable=False),
    ),
    ("event_type",),
)

CODE = Table(
    "core__code",
    "The codes of core__event as they were sent, with their numbers.",
    (
        Column("code", Kind.INTEGER, "Number of the code, from 1. A code keeps its number.", nullable=False),
        Column("code_system", Kind.TEXT, "icd10, snomed, dmd, treatment_function, department_type, ods or omop.", nullable=False),
        Column(
            "source_code",
            Kind.TEXT,
            "The code as it was sent, trimmed and in upper case; ICD-10 without dots or suffixes.",
            nullable=False,
        ),
    ),
    ("code",),
)

CODE_NAME = Table(
    "core__code_name",
    "Names of codes, from the CONCEPT table of an OMOP source or from the code lists.",
    (
        Column("code_system", Kind.TEXT, "System of the code.", nullable=False),
        Column("source_code", Kind.TEXT, "The code.", nullable=False),
        Column("name", Kind.TEXT, "Name of the code.", nullable=False),
    ),
    ("code_system", "source_code"),
)

CODE_ANCESTOR = Table(
    "core__code_ancestor",
    "The concepts at or above each code of an OMOP source (CONCEPT_ANCESTOR). It has no rows where no study uses groups.",
    (
        Column("code", Kind.INTEGER, "Number of the code in core__code.", nullable=False),
        Column("ancestor_code", Kind.TEXT, "Concept at or above the code.", nullable=False),
        Column("levels", Kind.INTEGER, "Fewest levels between them, or 0 for the code itself.", nullable=False),
    ),
    ("code", "ancestor_code"),
)

COVERAGE = Table(
    "core__coverage",
    "Whether a feed has the data of an organisation for a month, from its rows compared with its registered list and its other months.",
    (
        Column("feed", Kind.TEXT, "The feed.", nullable=False),
        Column("organisation_role", Kind.CODE, "practice or provider. For a hospital feed, a practice has the status of the main provider of its people.",
               nullable=False, allowed=("practice", "provider")),
        key_column("organisation_code", "ODS code."),
        Column("month", Kind.DATE, "First day of the month.", nullable=False),
        Column("rows", Kind.INTEGER, "Rows of the month.", nullable=False, arrow="int64"),
        Column("expected_rows", Kind.NUMBER, "Expected rows: the organisation's median month, or the ICB's rate for its registered list."),
        Column("status", Kind.CODE, "covered, partial or absent.", nullable=False, allowed=("covered", "partial", "absent")),
        Column("known_since", Kind.DATE, "The day since which most of the organisation's records are known. Its months are not covered on an earlier index "
               "date. Null if they were always known when they should be."),
    ),
    ("feed", "organisation_role", "organisation_code", "month"),
)  # fmt: skip

LINKAGE = Table(
    "core__linkage",
    "The share of each feed's people who are on the registered list, by provider and practice, and the identifiers that match no one on it.",
    (
        Column("feed", Kind.TEXT, "The feed.", nullable=False),
        key_column("organisation_code", "ODS code of the sending provider or practice; ALL for the whole feed, DELIVERY for one of its deliveries."),
        Column("extract_date", Kind.DATE, "Day of the delivery, in rows of one delivery."),
        Column("people", Kind.INTEGER, "People in the feed.", nullable=False, arrow="int64"),
        Column(
            "people_on_list", Kind.INTEGER, "People in the feed who are on the registered list.", nullable=False, arrow="int64"
        ),
        Column("share_on_list", Kind.NUMBER, "Share of the feed's people who are on the registered list.", nullable=False),
        Column("identifiers_not_on_list", Kind.INTEGER, "Different identifiers that match no one on the registered list. Only of a feed or delivery.",
               arrow="int64"),
        Column("rows_not_on_list", Kind.INTEGER, "Rows with such an identifier.", arrow="int64"),
        Column("identifiers_by_case", Kind.INTEGER, "Those of the identifiers that match someone if letter case is ignored.", arrow="int64"),
    ),
    ("feed", "organisation_code", "extract_date"),
)  # fmt: skip

CORE_TABLES = (
    QUARANTINE, UNREAD_LINE, OBJECTION, OBJECTION_DELIVERY, PERSON, REGISTRATION, RESIDENCE, SPELL, EVENT, EVENT_SUPERSEDED, EVENT_TYPE, CODE, CODE_NAME, CODE_ANCESTOR, COVERAGE, LINKAGE,
)  # fmt: skip

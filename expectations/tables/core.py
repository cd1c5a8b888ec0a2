"""The core tables: validated and conformed, the same whatever the source."""

from __future__ import annotations

from expectations.table import Column, Kind, Table

PERSON_KEY = Column(
    "person_key", Kind.INTEGER, "Dense integer for a person, in sorted order of the pseudonym; used inside.", nullable=False
)


def _key(name: str, description: str) -> Column:
    return Column(name, Kind.CODE, description, nullable=False)


QUARANTINE = Table(
    "core__quarantine",
    "Rows that broke a row rule: where they stand, why, and what was done. It holds keys and reasons, never values.",
    (
        Column("table_name", Kind.TEXT, "The raw table the row stands in.", nullable=False),
        Column("extract_id", Kind.IDENTIFIER, "The extract it came in.", nullable=False),
        Column("file_name", Kind.TEXT, "The file's name.", nullable=False),
        Column("row_number", Kind.INTEGER, "The row's number in its file.", nullable=False, arrow="int64"),
        Column("reason", Kind.TEXT, "The rule's reason code.", nullable=False),
        Column("column_name", Kind.TEXT, "The column it concerns; empty where it concerns the row.", nullable=False),
        Column("action", Kind.TEXT, "set_aside, nulled, repaired or flagged.", nullable=False,
               allowed=("set_aside", "nulled", "repaired", "flagged")),
    ),
    ("table_name", "extract_id", "file_name", "row_number", "reason", "column_name"),
    partitioned_by=("table_name", "extract_id"),
)  # fmt: skip

PERSON = Table(
    "core__person",
    "Everyone the sources name: one row per person.",
    (
        PERSON_KEY,
        Column("person_id", Kind.IDENTIFIER, "The pseudonym that readers know.", nullable=False),
        Column("birth_date", Kind.DATE, "First day of the month of birth, or of the year where only that is known: nothing that happened earlier counts."),
        Column("assumed_birth_date", Kind.DATE, "The first of July where only the year of birth is known, for ages; empty where the month is known."),
        Column("sex", Kind.CODE, "1 male, 2 female, 9 not specified, 0 not known.", allowed=("1", "2", "9", "0")),
        Column("ethnic_category", Kind.CODE, "Ethnic category 2001 (16+1), latest; Z not stated, 99 not known."),
        Column("death_date", Kind.DATE, "Day of death, from the list or a hospital spell that ended in death."),
        Column("death_not_readable", Kind.BOOLEAN, "A death is recorded and its day is not known: the value cannot be used as a date, or a hospital stay ended "
               "in death on no readable day. Such a person is in no cohort.", nullable=False),
        Column("type_1_opt_out", Kind.BOOLEAN, "Opted out of sharing by the practice (latest state).", nullable=False),
        Column("national_data_opt_out", Kind.BOOLEAN, "National data opt-out (latest state).", nullable=False),
        Column("on_list", Kind.BOOLEAN, "The person stands on the registered list of any time.", nullable=False),
    ),
    ("person_key",),
)  # fmt: skip

REGISTRATION = Table(
    "core__registration",
    "Periods of registration with a practice (or of observation, in an OMOP source); periods of one person do not overlap.",
    (
        PERSON_KEY,
        _key("practice_code", "ODS code of the practice."),
        Column("start_date", Kind.DATE, "First day of the period.", nullable=False),
        Column("end_date", Kind.DATE, "Last day of the period; null while it lasts."),
        Column("start_is_load_date", Kind.BOOLEAN, "The start is the day the practice's history was loaded, or one on which an earlier registration holds again: not a true start.", nullable=False),
        Column("end_not_readable", Kind.BOOLEAN, "The end of the period is stated and cannot be read, and no later period shows it: whether the person is still "
               "registered is not known. No cohort holds the person by such a period.", nullable=False),
    ),
    ("person_key", "start_date"),
)  # fmt: skip

RESIDENCE = Table(
    "core__residence",
    "Where people lived, and since when; periods of one person do not overlap.",
    (
        PERSON_KEY,
        Column("lsoa_code", Kind.CODE, "LSOA of residence; null where residence_status says why."),
        Column("residence_status", Kind.CODE, "resolved, no_fixed_abode, postcode_unknown, outside_england or unmatched.", nullable=False,
               allowed=("resolved", "no_fixed_abode", "postcode_unknown", "outside_england", "unmatched")),
        Column("household_id", Kind.IDENTIFIER, "Pseudonym of the household."),
        Column("start_date", Kind.DATE, "First day of the period.", nullable=False),
        Column("end_date", Kind.DATE, "Last day of the period; null while it lasts."),
    ),
    ("person_key", "start_date"),
)  # fmt: skip

SPELL = Table(
    "core__spell",
    "Continuous inpatient spells: stays joined across transfers; regular attenders and births stand apart.",
    (
        PERSON_KEY,
        Column("spell_key", Kind.INTEGER, "Number of the spell, in order of person, admission and provider.", nullable=False, arrow="int64"),
        Column("admission_date", Kind.DATE, "First day of the first stay.", nullable=False),
        Column("discharge_date", Kind.DATE, "Last day of the last stay; null while open."),
        _key("provider_code", "Provider of the first stay."),
        Column("last_provider_code", Kind.CODE, "Provider of the last stay."),
        Column("admission_method", Kind.CODE, "Admission method of the first stay."),
        Column("spell_class", Kind.CODE, "emergency, elective, maternity, birth, regular_attender or other.", nullable=False,
               allowed=("emergency", "elective", "maternity", "birth", "regular_attender", "other")),
        Column("nights", Kind.INTEGER, "Nights from admission to discharge; null while open.", unit="nights"),
        Column("died", Kind.BOOLEAN, "The spell ended in death.", nullable=False),
        Column("primary_diagnosis", Kind.CODE, "ICD-10 code of the first stay's main condition."),
        Column("treatment_function", Kind.CODE, "Treatment function at admission."),
        Column("stays_joined", Kind.INTEGER, "Stays the spell was joined from.", nullable=False),
        Column("cost", Kind.NUMBER, "Payment for its stays.", unit="GBP"),
        Column("diagnoses", Kind.TEXT, "The ICD-10 codes of its stays: distinct, sorted, without dots or marks, joined by commas."),
        Column("admission_available_date", Kind.DATE, "Day the admission was known.", nullable=False),
        Column("discharge_available_date", Kind.DATE, "Day the discharge, nights and diagnoses were known; null while open."),
    ),
    ("spell_key",),
)  # fmt: skip

EVENT = Table(
    "core__event",
    "Everything that happened to anyone: one long table sorted by person and date, one file per range of people.",
    (
        PERSON_KEY,
        Column("event_date", Kind.DATE, "Day it happened.", nullable=False),
        Column("available_date", Kind.DATE, "Day it was known; features of an index date use it only if this is earlier.", nullable=False),
        Column("event_type", Kind.INTEGER, "Number of the type in core__event_type.", nullable=False, arrow="int16"),
        Column("code", Kind.INTEGER, "Number of the code in core__code; 0 where there is none.", nullable=False),
        Column("value", Kind.NUMBER, "Nights, a measured value, a cost or a count, by type.", arrow="float32"),
        Column("provider", Kind.INTEGER, "Number of the organisation's code in core__code; 0 where there is none.", nullable=False),
        Column("feed", Kind.INTEGER, "Number of the feed in core__event_type's list of feeds.", nullable=False, arrow="int8"),
    ),
    (),
)  # fmt: skip

EVENT_SUPERSEDED = Table(
    "core__event_superseded",
    "Events as they were told before a later delivery changed them or took them back, beside core__event. A feature of an index date "
    "counts such an event if it was known before that day and superseded after it.",
    (
        *EVENT.columns,
        Column("superseded_date", Kind.DATE, "Day from which on it no longer holds: that of the delivery that changed it.", nullable=False),
    ),
    (),
)  # fmt: skip

EVENT_TYPE = Table(
    "core__event_type",
    "The types of core__event.",
    (
        Column("event_type", Kind.INTEGER, "Number of the type.", nullable=False, arrow="int16"),
        Column("name", Kind.TEXT, "Name of the type.", nullable=False),
        Column("feed", Kind.TEXT, "Feed it comes from.", nullable=False),
        Column("description", Kind.TEXT, "What one such event is.", nullable=False),
    ),
    ("event_type",),
)

CODE = Table(
    "core__code",
    "The codes of core__event as they were sent, numbered.",
    (
        Column("code", Kind.INTEGER, "Number of the code, from 1; a code keeps the number it was given.", nullable=False),
        Column("code_system", Kind.TEXT, "icd10, snomed, dmd, treatment_function, department_type, ods or omop.", nullable=False),
        Column(
            "source_code",
            Kind.TEXT,
            "The code as it was sent, trimmed, upper case, ICD-10 without dots or marks.",
            nullable=False,
        ),
    ),
    ("code",),
)

CODE_NAME = Table(
    "core__code_name",
    "What codes are called: from the CONCEPT table of an OMOP source, elsewhere from the code lists.",
    (
        Column("code_system", Kind.TEXT, "System of the code.", nullable=False),
        Column("source_code", Kind.TEXT, "The code.", nullable=False),
        Column("name", Kind.TEXT, "Its name.", nullable=False),
    ),
    ("code_system", "source_code"),
)

CODE_ANCESTOR = Table(
    "core__code_ancestor",
    "The concepts above each code of an OMOP source, itself included (CONCEPT_ANCESTOR); without rows where no study groups by them.",
    (
        Column("code", Kind.INTEGER, "Number of the code in core__code.", nullable=False),
        Column("ancestor_code", Kind.TEXT, "Concept at or above it.", nullable=False),
        Column("levels", Kind.INTEGER, "Fewest levels between them; 0 for the code itself.", nullable=False),
    ),
    ("code", "ancestor_code"),
)

COVERAGE = Table(
    "core__coverage",
    "Whether a feed holds a month of an organisation: from volumes against the list and the organisation's own months.",
    (
        Column("feed", Kind.TEXT, "The feed.", nullable=False),
        Column("organisation_role", Kind.CODE, "practice or provider. For a hospital feed a practice's status is that of its people's main provider.",
               nullable=False, allowed=("practice", "provider")),
        _key("organisation_code", "ODS code."),
        Column("month", Kind.DATE, "First day of the month.", nullable=False),
        Column("rows", Kind.INTEGER, "Rows of the month.", nullable=False, arrow="int64"),
        Column("expected_rows", Kind.NUMBER, "Rows to expect: the organisation's own median month, or the board's rate for its list."),
        Column("status", Kind.CODE, "covered, partial or absent.", nullable=False, allowed=("covered", "partial", "absent")),
    ),
    ("feed", "organisation_role", "organisation_code", "month"),
)  # fmt: skip

LINKAGE = Table(
    "core__linkage",
    "The share of each feed's people found on the list, by provider and practice.",
    (
        Column("feed", Kind.TEXT, "The feed.", nullable=False),
        _key("organisation_code", "ODS code of the sending provider or practice; ALL for the whole feed."),
        Column("people", Kind.INTEGER, "People in the feed.", nullable=False, arrow="int64"),
        Column("people_on_list", Kind.INTEGER, "Of them, on the list.", nullable=False, arrow="int64"),
        Column("share_on_list", Kind.NUMBER, "Their share.", nullable=False),
    ),
    ("feed", "organisation_code"),
)

AREA = Table(
    "core__area",
    "Small areas: deprivation of the editions given, place and population; one row per LSOA code of either vintage.",
    (
        _key("lsoa_code", "LSOA code."),
        Column("lsoa_vintage", Kind.INTEGER, "2011 or 2021; 2021 for a code that stands in both.", nullable=False),
        *(
            column
            for edition in (2019, 2025)
            for column in (
                Column(f"imd_{edition}_score", Kind.NUMBER, f"Index of Multiple Deprivation {edition}: score."),
                Column(f"imd_{edition}_rank", Kind.INTEGER, f"Rank in {edition}; 1 is most deprived."),
                Column(f"imd_{edition}_decile", Kind.INTEGER, f"National decile in {edition}; 1 is most deprived.", minimum=1, maximum=10),
                *(
                    column
                    for domain in ("income", "employment", "education", "health", "crime", "housing", "environment")
                    for column in (
                        Column(f"{domain}_{edition}_rank", Kind.INTEGER, f"Rank in the {domain} domain in {edition}, ties as published; 1 is most deprived."),
                        Column(f"{domain}_{edition}_decile", Kind.INTEGER, f"National decile of the {domain} domain in {edition}.", minimum=1, maximum=10),
                    )
                ),
                Column(f"idaci_{edition}_score", Kind.NUMBER, f"Income deprivation affecting children, {edition}: rate."),
                Column(f"idaopi_{edition}_score", Kind.NUMBER, f"Income deprivation affecting older people, {edition}: rate."),
            )
        ),
        Column("imd_reason", Kind.TEXT, "Why an edition has no decile here: unmatched, split_area or no_reference; empty where it has."),
        Column("sub_icb_code", Kind.CODE, "ODS code of the sub-ICB location."),
        Column("icb_code", Kind.CODE, "ODS code of the ICB."),
        Column("icb_name", Kind.TEXT, "Name of the ICB."),
        Column("local_authority_code", Kind.CODE, "Local authority district."),
        Column("local_authority_name", Kind.TEXT, "Name of the local authority district."),
        Column("rural_urban", Kind.TEXT, "Rural/urban class of 2021."),
        Column("is_rural", Kind.BOOLEAN, "The class is rural."),
        Column("population", Kind.INTEGER, "Residents, from the reference that was given."),
    ),
    ("lsoa_code",),
)  # fmt: skip

ORGANISATION = Table(
    "core__organisation",
    "Organisations with the dates their codes hold.",
    (
        _key("code", "ODS code."),
        Column("role", Kind.CODE, "practice, pcn, sub_icb, icb, region or provider.", nullable=False,
               allowed=("practice", "pcn", "sub_icb", "icb", "region", "provider")),
        Column("name", Kind.TEXT, "Name."),
        Column("valid_from", Kind.DATE, "First day the code holds.", nullable=False),
        Column("valid_to", Kind.DATE, "Last day it holds; null while it does."),
    ),
    ("code", "role", "valid_from"),
)  # fmt: skip

ORGANISATION_RELATION = Table(
    "core__organisation_relation",
    "Which organisation belonged to which, and when.",
    (
        _key("child_code", "The part."),
        _key("parent_code", "The whole."),
        Column("relation", Kind.CODE, "practice_pcn, practice_sub_icb, pcn_sub_icb, sub_icb_icb or icb_region.", nullable=False),
        Column("valid_from", Kind.DATE, "First day it holds.", nullable=False),
        Column("valid_to", Kind.DATE, "Last day it holds; null while it does."),
    ),
    ("child_code", "parent_code", "relation", "valid_from"),
)

ORGANISATION_SUCCESSION = Table(
    "core__organisation_succession",
    "Which code followed which.",
    (
        _key("from_code", "The code that ended."),
        _key("to_code", "The code that took over."),
        Column("kind", Kind.CODE, "merger, split or rename.", nullable=False),
        Column("share", Kind.NUMBER, "Share of the people who went there.", nullable=False, minimum=0, maximum=1),
        Column("effective_date", Kind.DATE, "Day it took effect.", nullable=False),
    ),
    ("from_code", "to_code", "effective_date"),
)

CORE_TABLES = (
    QUARANTINE, PERSON, REGISTRATION, RESIDENCE, SPELL, EVENT, EVENT_SUPERSEDED, EVENT_TYPE, CODE, CODE_NAME, CODE_ANCESTOR, COVERAGE, LINKAGE, AREA, ORGANISATION,
    ORGANISATION_RELATION, ORGANISATION_SUCCESSION,
)  # fmt: skip

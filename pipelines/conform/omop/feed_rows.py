"""OMOP rows in the form of the NHS feeds, so that the same conform steps read both.

PERSON and DEATH become patients, and OBSERVATION_PERIOD becomes registrations. Inpatient visits become admissions, emergency
room visits become emergency attendances (department type 01), and outpatient visits become attended appointments.
"""

from __future__ import annotations

from collections.abc import Mapping

from expectations.catalogue import RAW_TABLES
from expectations.feeds import ADMISSIONS, EMERGENCY_ATTENDANCES, EVENT_FEEDS, OUTPATIENT_APPOINTMENTS, PATIENTS, REGISTRATIONS
from expectations.sql_values import quote, quote_all
from expectations.table import Kind, Table
from expectations.tables.raw_common import PROVENANCE
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.feeds import Sources
from pipelines.conform.omop.visits import NO_DEATHS, NO_SITE, Cdm, visits_sql
from pipelines.sources.omop.settings import OmopSettings
from pipelines.validation.typed_rows import SENT, organisation_column

SEX_OF_GENDER = {"8507": "1", "8532": "2", "8521": "9", "8551": "0"}
DELIVERY = (
    "extract_id", "extract_date", "row_number", "first_extract_date", "is_first_delivery", "key_extract_date", "key_in_first_delivery",
)  # fmt: skip
SQL_TYPES = {Kind.DATE: "DATE", Kind.INTEGER: "INTEGER", Kind.NUMBER: "DOUBLE"}


def omop_sources(cdm: Cdm, settings: OmopSettings) -> Sources:
    """Return the SQL of the rows of each NHS feed; `cdm` has the SQL of the validated CDM tables."""
    visits = visits_sql(cdm, settings)
    return {
        PATIENTS.name: _patients(cdm, settings),
        REGISTRATIONS.name: _registrations(cdm, settings),
        ADMISSIONS.name: _admissions(cdm, visits, settings),
        EMERGENCY_ATTENDANCES.name: _visits_of(
            EMERGENCY_ATTENDANCES.name, visits, "emergency_room",
            {"record_id": "visit_occurrence_id", "arrival_date": "visit_start_date", "department_type": "'01'", "attendance_category": "'1'"},
        ),
        OUTPATIENT_APPOINTMENTS.name: _visits_of(
            OUTPATIENT_APPOINTMENTS.name, visits, "outpatient",
            {"record_id": "visit_occurrence_id", "appointment_date": "visit_start_date", "attendance_status": "'5'"},
        ),
    }  # fmt: skip


def omop_availability(settings: OmopSettings) -> AvailabilitySettings:
    """Return the lag of an OMOP source, which is the same for all feeds."""
    return AvailabilitySettings(lag_days=dict.fromkeys(EVENT_FEEDS, settings.lag_days), admission_lag_days=settings.lag_days)


def omop_birth_days(cdm: Cdm) -> str:
    """Return the SQL of person_id and birth_day, the day of the month, which the NHS feeds do not have."""
    return f"(SELECT person_id, any_value(day_of_birth) AS birth_day FROM {cdm['person']} GROUP BY person_id)"


def _shaped(table: Table, given: Mapping[str, str], relation: str, where: str = "true") -> str:
    """Return the SQL of rows with the declared columns of a feed: those of `given`, and nulls for the others."""
    provenance = {column.name for column in PROVENANCE}
    columns = [
        f"CAST({given.get(column.name, 'NULL')} AS {SQL_TYPES.get(column.kind, 'VARCHAR')}) AS {column.name}"
        for column in table.columns
        if column.name not in provenance
    ]
    organisation = organisation_column(table)
    sent = [f"{given.get(organisation, 'NULL')} AS {SENT}"] if organisation else []
    return f"(SELECT {', '.join([*columns, *sent, *DELIVERY])} FROM {relation} WHERE {where})"


def _patients(cdm: Cdm, settings: OmopSettings) -> str:
    genders = " ".join(f"WHEN {quote(concept)} THEN {quote(sex)}" for concept, sex in SEX_OF_GENDER.items())
    ethnicities = " ".join(
        f"WHEN {quote(sent)} IN (race_source_value, race_concept_id) THEN {quote(category)}"
        for sent, category in sorted(settings.ethnic_categories.items())
    )
    given = {
        "person_id": "person_id",
        "practice_code": f"coalesce(upper(care_site_id), {quote(NO_SITE)})",
        "birth_year": "year_of_birth",
        "birth_month": "month_of_birth",
        "death_date": "death_date",
        "sex": f"CASE gender_concept_id {genders} ELSE '0' END",
        "ethnic_category": f"CASE {ethnicities} END" if ethnicities else "NULL",
    }
    deaths = cdm.get("death", NO_DEATHS)
    relation = f"{cdm['person']} LEFT JOIN (SELECT person_id, death_date FROM {deaths}) AS deaths USING (person_id)"
    return _shaped(RAW_TABLES[PATIENTS.name], given, relation)


def _registrations(cdm: Cdm, settings: OmopSettings) -> str:
    given = {
        "person_id": "person_id",
        "practice_code": f"coalesce(upper(care_site_id), {quote(NO_SITE)})",
        "start_date": "observation_period_start_date",
        "end_date": f"least(observation_period_end_date + {settings.observed_days_beyond}, extract_date)",
    }
    sites = f"(SELECT person_id, care_site_id FROM {cdm['person']}) AS people"
    return _shaped(RAW_TABLES[REGISTRATIONS.name], given, f"{cdm['observation_period']} JOIN {sites} USING (person_id)")


def _admissions(cdm: Cdm, visits: str, settings: OmopSettings) -> str:
    codes = icd10_codes_sql(cdm, settings)
    given = {
        "person_id": "person_id",
        "spell_number": "visit_occurrence_id",
        "record_id": "visit_occurrence_id",
        "provider_code": "provider_code",
        "admission_date": "visit_start_date",
        "discharge_date": "visit_end_date",
        "admission_method": "CASE visit_class WHEN 'emergency_stay' THEN '21' ELSE '12' END",
        "admission_source": f"CASE WHEN admitted_from_concept_id IN ({quote_all(settings.transfer_sources)}) THEN '51' ELSE '19' END",
        "discharge_method": "CASE WHEN died THEN '4' ELSE '1' END",
        "discharge_destination": f"CASE WHEN discharged_to_concept_id IN ({quote_all(settings.transfer_destinations)}) THEN '51' ELSE '19' END",
        "patient_classification": "'1'",
        "diagnoses": "codes.diagnoses",
    }
    joined = f"{visits} AS visits LEFT JOIN {codes} AS codes USING (visit_occurrence_id)" if codes else f"{visits} AS visits"
    if not codes:
        given.pop("diagnoses")
    return _shaped(RAW_TABLES[ADMISSIONS.name], given, joined, "visit_class IN ('emergency_stay', 'elective_stay')")


def visits_as_stays_sql(cdm: Cdm, settings: OmopSettings) -> str:
    """Return the SQL of the visits that show whether a person died in hospital or lived after it: stays, emergency room visits and deaths.

    The destination of the visit alone decides: a date of death is stated by DEATH.
    """
    died = f"coalesce(discharged_to_concept_id IN ({quote_all(settings.died_destinations)}), false)"
    given = {
        "person_id": "person_id", "spell_number": "visit_occurrence_id", "provider_code": f"coalesce(upper(care_site_id), {quote(NO_SITE)})",
        "admission_date": "visit_start_date", "discharge_date": "visit_end_date", "discharge_method": f"CASE WHEN {died} THEN '4' ELSE '1' END",
    }  # fmt: skip
    visits = settings.visits
    urgent = quote_all((*visits.emergency_stay, *visits.stay, *visits.emergency_room))
    return _shaped(RAW_TABLES[ADMISSIONS.name], given, cdm["visit_occurrence"], f"{died} OR visit_concept_id IN ({urgent})")


def _visits_of(feed: str, visits: str, visit_class: str, given: Mapping[str, str]) -> str:
    columns = {"person_id": "person_id", "provider_code": "provider_code", **given}
    return _shaped(RAW_TABLES[feed], columns, visits, f"visit_class = {quote(visit_class)}")


def icd10_codes_sql(cdm: Cdm, settings: OmopSettings) -> str:
    """Return the SQL of visit_occurrence_id and its ICD-10 codes as sent; '' if the source does not identify ICD-10 codes.

    ICD-9 and ICD-10 both use the letters E and V, so the code alone does not identify the version. `by_visit` assumes that a
    hospital codes a complete stay in one version: a stay with any code of digits only is ICD-9.
    """
    no_icd10 = settings.icd10_codes == "never" or (settings.icd10_codes == "by_vocabulary" and "concept" not in cdm)
    if no_icd10 or "condition_occurrence" not in cdm:
        return ""
    sent = "replace(upper(trim(condition_source_value)), '.', '')"
    vocabulary = cdm.get(
        "concept", "(SELECT CAST(NULL AS VARCHAR) AS concept_id, CAST(NULL AS VARCHAR) AS vocabulary_id WHERE false)"
    )
    named = f"(SELECT concept_id FROM {vocabulary} WHERE vocabulary_id LIKE 'ICD10%')"
    codes = f"""SELECT visit_occurrence_id, {sent} AS sent,
            condition_source_concept_id IN {named} AS is_icd10,
            regexp_full_match({sent}, '[A-TV-Z][0-9][0-9AB][0-9A-Z]{{0,4}}') AS like_icd10,
            regexp_full_match({sent}, '[0-9]{{3,5}}') AS like_icd9
        FROM {cdm["condition_occurrence"]} WHERE visit_occurrence_id IS NOT NULL"""
    by_visit = " OR (like_icd10 AND NOT bool_or(like_icd9) OVER (PARTITION BY visit_occurrence_id))"
    kept = f"coalesce(is_icd10, false){by_visit if settings.icd10_codes == 'by_visit' else ''}"
    return f"""(SELECT visit_occurrence_id, string_agg(DISTINCT sent, ',' ORDER BY sent) AS diagnoses
        FROM (SELECT visit_occurrence_id, sent, {kept} AS kept FROM ({codes})) WHERE kept GROUP BY visit_occurrence_id)"""

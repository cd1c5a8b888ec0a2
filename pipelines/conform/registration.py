"""core__registration and core__residence: where people were registered and lived, in periods that do not overlap."""

from __future__ import annotations

from pydantic import BaseModel, Field

from pipelines.conform.feeds import Sources

RESIDENCE_STATUSES = ("resolved", "no_fixed_abode", "postcode_unknown", "outside_england", "unmatched")


class RegistrationSettings(BaseModel, extra="forbid", frozen=True):
    """When a practice's registration history is taken to begin at its load rather than at true starts."""

    load_day_share: float = Field(
        0.3, gt=0, le=1, description="Above this share of a practice's starts on one day, that day is its load and no true start."
    )
    load_day_min_registrations: int = Field(50, ge=1, description="Practices with fewer starts are not judged.")


def registration_sql(sources: Sources, people: str, settings: RegistrationSettings) -> str:
    """Give the SQL of core__registration; `people` is SQL of core__person.

    A later start closes an earlier period the day before; of two starts on one day the period that lasts longest holds.
    Death closes nothing. Without the registrations feed each person of the list has one open period from the delivery
    that first named them, marked as no true start.
    """
    if "registrations" not in sources:
        return _from_list(sources, people)
    return f"""
    WITH starts AS (
        SELECT person_key, practice_code, start_date, end_date
        FROM {sources["registrations"]} JOIN {_members(people)} USING (person_id)
        QUALIFY row_number() OVER (
            PARTITION BY person_key, start_date ORDER BY end_date DESC NULLS FIRST, practice_code) = 1
    ),
    days AS (SELECT practice_code, start_date, count(*) AS starts FROM starts GROUP BY ALL),
    load_days AS (
        SELECT practice_code, start_date FROM days
        QUALIFY starts > {settings.load_day_share} * sum(starts) OVER (PARTITION BY practice_code)
            AND sum(starts) OVER (PARTITION BY practice_code) >= {settings.load_day_min_registrations}
    )
    SELECT person_key, practice_code, start_date,
        least(end_date, lead(start_date) OVER (PARTITION BY person_key ORDER BY start_date) - 1) AS end_date,
        load_days.start_date IS NOT NULL AS start_is_load_date
    FROM starts LEFT JOIN load_days USING (practice_code, start_date)
    """


def _members(people: str) -> str:
    return f"(SELECT person_id, person_key, birth_date FROM {people} WHERE on_list)"


def _from_list(sources: Sources, people: str) -> str:
    if "patients" not in sources:
        return """SELECT CAST(NULL AS INTEGER) AS person_key, '' AS practice_code, CAST(NULL AS DATE) AS start_date,
            CAST(NULL AS DATE) AS end_date, false AS start_is_load_date WHERE false"""
    return f"""SELECT person_key, practice_code, first_extract_date AS start_date, CAST(NULL AS DATE) AS end_date,
        true AS start_is_load_date FROM {sources["patients"]} JOIN {_members(people)} USING (person_id)"""


def residence_sql(sources: Sources, people: str) -> str:
    """Give the SQL of core__residence; `people` is SQL of core__person.

    Who has no address row lives where PATIENT says, for want of better at all times since birth. Pseudo codes (ending in
    99999999) and codes of Wales, Scotland and Northern Ireland become a status: no decile is ever guessed for them.
    """
    return f"""
    WITH addresses AS ({_addresses(sources, people)}),
    fallback AS ({_fallback(sources, people)}),
    places AS (SELECT * FROM addresses UNION ALL SELECT * FROM fallback WHERE person_key NOT IN (SELECT person_key FROM addresses))
    SELECT person_key,
        CASE WHEN {_usable("lsoa_code")} THEN lsoa_code END AS lsoa_code,
        {_status()} AS residence_status,
        household_id, start_date,
        least(end_date, lead(start_date) OVER (PARTITION BY person_key ORDER BY start_date) - 1) AS end_date
    FROM places
    """


def _usable(code: str) -> str:
    return f"coalesce({code} LIKE 'E%' AND {code} NOT LIKE '%99999999', false)"


def _status() -> str:
    stated = ", ".join(f"'{status}'" for status in RESIDENCE_STATUSES[1:])
    return f"""CASE WHEN {_usable("lsoa_code")} THEN 'resolved'
            WHEN lsoa_code LIKE 'W%' OR lsoa_code LIKE 'S%' OR lsoa_code LIKE 'N%' THEN 'outside_england'
            WHEN lower(postcode_status) IN ({stated}) THEN lower(postcode_status)
            WHEN lsoa_code IS NOT NULL OR lower(postcode_status) = 'resolved' THEN 'unmatched'
            ELSE 'postcode_unknown' END"""


_NOWHERE = """SELECT CAST(NULL AS INTEGER) AS person_key, '' AS lsoa_code, '' AS postcode_status, '' AS household_id,
    CAST(NULL AS DATE) AS start_date, CAST(NULL AS DATE) AS end_date WHERE false"""


def _addresses(sources: Sources, people: str) -> str:
    if "addresses" not in sources:
        return _NOWHERE
    return f"""SELECT person_key, lsoa_code, postcode_status, household_id, start_date, end_date
        FROM {sources["addresses"]} JOIN {_members(people)} USING (person_id)"""


def _fallback(sources: Sources, people: str) -> str:
    if "patients" not in sources:
        return _NOWHERE
    return f"""SELECT person_key, lsoa_code, postcode_status, household_id,
            coalesce(birth_date, DATE '1900-01-01') AS start_date, CAST(NULL AS DATE) AS end_date
        FROM {sources["patients"]} JOIN {_members(people)} USING (person_id)"""

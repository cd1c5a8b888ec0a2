"""core__registration and core__residence: where people were registered and lived, in periods that do not overlap."""

from __future__ import annotations

from pydantic import BaseModel, Field

from expectations.feeds import ADDRESSES, PATIENTS, REGISTRATIONS
from expectations.sql_values import quote, quote_all
from expectations.tables.raw_common import NEVER_DATES
from pipelines.conform.feeds import Sources

RESIDENCE_STATUSES = ("resolved", "no_fixed_abode", "postcode_unknown", "outside_england", "unmatched")


_OPEN = "DATE '9999-12-31'"


class RegistrationSettings(BaseModel, extra="forbid", frozen=True):
    """When the start dates of a practice's registrations count as the day on which its system was loaded."""

    load_day_share: float = Field(
        0.3,
        gt=0,
        le=1,
        description="If a larger share of a practice's starts is on one day, that day is the load of its system and no true start.",
    )
    load_day_min_registrations: int = Field(50, ge=1, description="Practices with fewer starts are not checked.")
    temporary_days: int = Field(
        92, ge=0, le=366,
        description="A registration of at most this many days within a longer one is that of a temporary resident, which ends after "
        "three months by the GP contract: it is no move.",
    )  # fmt: skip


NO_ENDS_STATED = (
    "(SELECT '' AS person_id, '' AS practice_code, CAST(NULL AS DATE) AS start_date, CAST(NULL AS DATE) AS extract_date, "
    "CAST(NULL AS DATE) AS stated_date, true AS is_possible, false AS is_replaced WHERE false)"
)
MOST_DAYS_BETWEEN_CODES = 31  # from the end of a registration under one code of a practice to its start under the next one


def registration_sql(
    sources: Sources, people: str, settings: RegistrationSettings, stated_ends: str = NO_ENDS_STATED, lines: str = ""
) -> str:
    """Return the SQL of core__registration; `people` is SQL of core__person, and `lines` that of core__organisation_line.

    `stated_ends` is SQL of the rows of every delivery that state an end (`stated_dates.py`). A period ends if any row of it in the delivery
    of the current row, or in a later one, states an end; the first such day counts. If no row states it readably, the period is open and
    flagged, unless a later start closes it. A readable end that only an earlier delivery or a replaced file states was taken back. It still
    counts, and `withdrawn_ends_sql` counts such periods.

    * On a day with several registrations the one that started last counts. If two started on one day, the one that lasts
      longest counts.
    * A later start therefore closes an earlier period on the day before. If the later period ends first, the earlier one
      continues, and its second part is flagged as no true start.
    * A temporary resident's registration within a longer one is ignored. A death closes no registration.
    * A registration that goes on under the next code of the same practice is one period.
    * Without the registrations feed each listed person has one open period from the first delivery that named them, flagged as
      no true start.
    """
    if REGISTRATIONS.name not in sources:
        return _from_list(sources, people)
    return f"""
    WITH stated_starts AS (
        SELECT person_key, practice_code, organisation_sent AS practice_sent, start_date, CASE
                WHEN {_HAS_NO_END} THEN coalesce(first_end, CASE WHEN NOT coalesce(is_stated, false) THEN earlier_end END, end_date)
                ELSE least(end_date, first_end) END AS end_date,
            {_HAS_NO_END} AND coalesce(is_stated, false) AND first_end IS NULL AS end_not_readable
        FROM {sources[REGISTRATIONS.name]} JOIN {_members(people)} USING (person_id)
        LEFT JOIN ({_stated(sources[REGISTRATIONS.name], stated_ends)}) USING ({_KEY})
        QUALIFY row_number() OVER (
            PARTITION BY person_key, start_date ORDER BY end_not_readable, end_date DESC NULLS FIRST, practice_code) = 1
    ),
    starts AS ({_one_period_per_line(lines) if lines else "FROM stated_starts"}),
    {_held(settings.temporary_days)},
    days AS (SELECT practice_code, start_date, count(*) AS starts FROM starts GROUP BY ALL),
    load_days AS (
        SELECT practice_code, start_date FROM days
        QUALIFY starts > {settings.load_day_share} * sum(starts) OVER (PARTITION BY practice_code)
            AND sum(starts) OVER (PARTITION BY practice_code) >= {settings.load_day_min_registrations}
    )
    SELECT person_key, practice_code, practice_sent, held.start_date, held.end_date, resumed OR load_days.start_date IS NOT NULL AS start_is_load_date,
        end_not_readable AND held.end_date IS NULL AS end_not_readable
    FROM held LEFT JOIN load_days USING (practice_code, start_date)
    """


def _one_period_per_line(lines: str) -> str:
    """Return the SQL of `stated_starts` in which periods under consecutive codes of one practice are one.

    The new system of a practice that changed its code registers everyone on its first day. That is no move.
    """
    by_start = "PARTITION BY person_key ORDER BY start_date"
    lasted = f"coalesce(end_before, start_date - 1) BETWEEN start_date - 1 - {MOST_DAYS_BETWEEN_CODES} AND start_date"
    return f"""
        WITH following AS (
            SELECT *, lag(practice_code) OVER ({by_start}) AS line_before, lag(practice_sent) OVER ({by_start}) AS sent_before,
                lag(end_date) OVER ({by_start}) AS end_before
            FROM stated_starts
        ),
        numbered AS (
            SELECT following.*, sum(CASE WHEN next_code IS NULL THEN 1 ELSE 0 END) OVER ({by_start}) AS period
            FROM following LEFT JOIN {lines} AS step ON step.code = sent_before AND next_code = practice_sent
                AND line_before = practice_code AND {lasted} AND start_date > valid_to - {MOST_DAYS_BETWEEN_CODES}
        )
        SELECT person_key, practice_code, arg_max(practice_sent, start_date) AS practice_sent, min(start_date) AS start_date,
            CASE WHEN arg_max(end_date IS NULL, start_date) THEN NULL ELSE arg_max(end_date, start_date) END AS end_date,
            arg_max(end_not_readable, start_date) AS end_not_readable
        FROM numbered GROUP BY person_key, period, practice_code"""


def _held(temporary_days: int) -> str:
    """Return the CTEs that turn `starts` into `held`: periods of a person that do not overlap.

    Only people with a registration inside an earlier one need a check of every day on which something starts or ends.
    """
    ends = f"coalesce(end_date, {_OPEN})"
    reached = f"max({ends}) OVER (PARTITION BY person_key ORDER BY start_date ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    return f"""
    reaching AS (SELECT *, coalesce({ends} <= {reached}, false) AS nested FROM starts),
    lasting AS (SELECT * FROM reaching WHERE NOT (nested AND {ends} - start_date < {temporary_days})),
    entangled AS (SELECT DISTINCT person_key FROM lasting WHERE nested),
    turns AS (
        SELECT person_key, start_date AS day FROM lasting SEMI JOIN entangled USING (person_key)
        UNION SELECT person_key, end_date + 1 FROM lasting SEMI JOIN entangled USING (person_key) WHERE end_date IS NOT NULL
    ),
    counting AS (
        SELECT turns.person_key, day, max(start_date) AS start_date
        FROM turns LEFT JOIN lasting ON lasting.person_key = turns.person_key AND day BETWEEN start_date AND {ends}
        GROUP BY turns.person_key, day
    ),
    pieces AS (
        SELECT person_key, start_date AS began, day AS start_date, lead(day) OVER (PARTITION BY person_key ORDER BY day) - 1 AS end_date
        FROM (SELECT *, lag(start_date) OVER (PARTITION BY person_key ORDER BY day) AS before FROM counting)
        WHERE start_date IS DISTINCT FROM before
    ),
    held AS (
        SELECT person_key, practice_code, practice_sent, pieces.start_date, pieces.end_date, pieces.start_date > began AS resumed,
            end_not_readable
        FROM pieces JOIN (SELECT person_key, practice_code, practice_sent, start_date AS began, end_not_readable FROM lasting) USING (person_key, began)
        UNION ALL
        SELECT person_key, practice_code, practice_sent, start_date,
            least(end_date, lead(start_date) OVER (PARTITION BY person_key ORDER BY start_date) - 1), false, end_not_readable
        FROM lasting ANTI JOIN entangled USING (person_key)
    )"""


_HAS_NO_END = f"(end_date IS NULL OR end_date IN ({', '.join(f'DATE {quote(day)}' for day in NEVER_DATES)}))"


_KEY = "person_id, practice_code, start_date"
_WITHDRAWN = "was_stated AND NOT is_stated"


def _stated(registrations: str, stated_ends: str) -> str:
    """Return the registrations for which rows state an end: in the delivery of the current row or later, and before, with the first day.

    A row of a later delivery whose practice or start cannot be used may be meant for any registration of the person, or of that practice.
    One of the same delivery without a practice is meant for the registration with its start.
    """
    facts = "current.*, stated_date, stated.extract_date, is_replaced"
    holds = "NOT is_replaced AND extract_date >= delivered"
    earlier = "stated_date IS NOT NULL AND (is_replaced AND extract_date <= delivered OR extract_date < delivered)"
    return f"""WITH current AS MATERIALIZED (SELECT {_KEY}, extract_date AS delivered FROM {registrations}),
        stated AS MATERIALIZED (SELECT * FROM {stated_ends}),
        stray AS (FROM stated ANTI JOIN current USING ({_KEY})),
        of_registration AS (
            SELECT {facts} FROM current JOIN stated USING ({_KEY})
            UNION ALL
            SELECT {facts} FROM current JOIN stray AS stated ON stated.person_id = current.person_id
                AND (stated.practice_code IS NULL OR stated.practice_code = current.practice_code)
            WHERE NOT is_replaced AND (stated.extract_date > delivered
                OR (stated.extract_date = delivered AND stated.practice_code IS NULL AND stated.start_date = current.start_date))
        )
        SELECT {_KEY}, bool_or({holds}) AS is_stated, min(stated_date) FILTER ({holds}) AS first_end,
            bool_or({earlier}) AS was_stated, min(stated_date) FILTER ({earlier}) AS earlier_end
        FROM of_registration GROUP BY ALL"""


def withdrawn_ends_sql(sources: Sources, stated_ends: str) -> str:
    """Return the SQL of the number of registrations without an end of which an earlier delivery states one."""
    if REGISTRATIONS.name not in sources:
        return "SELECT 0"
    registrations = sources[REGISTRATIONS.name]
    return f"""SELECT count(*) FROM {registrations} JOIN ({_stated(registrations, stated_ends)}) USING ({_KEY})
        WHERE {_HAS_NO_END} AND {_WITHDRAWN}"""


def _members(people: str) -> str:
    return f"(SELECT person_id, person_key, birth_date FROM {people} WHERE on_list)"


def _from_list(sources: Sources, people: str) -> str:
    if PATIENTS.name not in sources:
        return """SELECT CAST(NULL AS INTEGER) AS person_key, '' AS practice_code, '' AS practice_sent, CAST(NULL AS DATE) AS start_date,
            CAST(NULL AS DATE) AS end_date, false AS start_is_load_date, false AS end_not_readable WHERE false"""
    return f"""SELECT person_key, practice_code, organisation_sent AS practice_sent, first_extract_date AS start_date, CAST(NULL AS DATE) AS end_date,
        true AS start_is_load_date, false AS end_not_readable FROM {sources[PATIENTS.name]} JOIN {_members(people)} USING (person_id)"""


def residence_sql(sources: Sources, people: str) -> str:
    """Return the SQL of core__residence; `people` is SQL of core__person.

    A person without an address row has one residence since birth, that of PATIENT. Pseudo codes (ending in 99999999) and codes
    of Wales, Scotland and Northern Ireland become a status, because their decile is not known.
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
    stated = quote_all(RESIDENCE_STATUSES[1:])
    return f"""CASE WHEN {_usable("lsoa_code")} THEN 'resolved'
            WHEN lsoa_code LIKE 'W%' OR lsoa_code LIKE 'S%' OR lsoa_code LIKE 'N%' THEN 'outside_england'
            WHEN lower(postcode_status) IN ({stated}) THEN lower(postcode_status)
            WHEN lsoa_code IS NOT NULL OR lower(postcode_status) = 'resolved' THEN 'unmatched'
            ELSE 'postcode_unknown' END"""


_NOWHERE = """SELECT CAST(NULL AS INTEGER) AS person_key, '' AS lsoa_code, '' AS postcode_status, '' AS household_id,
    CAST(NULL AS DATE) AS start_date, CAST(NULL AS DATE) AS end_date WHERE false"""


def _addresses(sources: Sources, people: str) -> str:
    if ADDRESSES.name not in sources:
        return _NOWHERE
    return f"""SELECT person_key, lsoa_code, postcode_status, household_id, start_date, end_date
        FROM {sources[ADDRESSES.name]} JOIN {_members(people)} USING (person_id)"""


def _fallback(sources: Sources, people: str) -> str:
    if PATIENTS.name not in sources:
        return _NOWHERE
    return f"""SELECT person_key, lsoa_code, postcode_status, household_id,
            coalesce(birth_date, DATE '1900-01-01') AS start_date, CAST(NULL AS DATE) AS end_date
        FROM {sources[PATIENTS.name]} JOIN {_members(people)} USING (person_id)"""

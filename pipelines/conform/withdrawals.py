"""Which objections a withdrawal ended: rows of different days are history, and of rows of one day or without a day the objection wins.

This holds for rows of different deliveries, too. Complete deliveries without the objection end it as an absence does.
A withdrawal counts for the objections of the same practice, and for all from the practice with which the person is registered now.
"""

from __future__ import annotations

# Whether a withdrawal ends an objection: one of the same or a later delivery, with a later day. One without a day has the earliest.
ENDS = "withdrew.extract_date >= objected.extract_date AND withdrew.day > objected.day"


def lasting_sql(stated: str, homes: str = "") -> str:
    """Return the SQL of every objection of a kind, with whether it lasts: `stated` is SQL of rows of one kind.

    `homes` is a table of person_id and practice_code: where people are registered now. The columns are person_id, practice_code, effective_date, first_stated, last_stated, delivery, lasts and withdrawn_on.
    """
    of_home = (
        f"OR withdrew.practice_code = (SELECT max(practice_code) FROM {homes} AS home WHERE home.person_id = withdrew.person_id)"
    )
    here = f"(withdrew.practice_code IS NOT DISTINCT FROM objected.practice_code {of_home if homes else ''})"
    return f"""
        WITH sent AS (
            SELECT *, least(effective_date, extract_date) AS day,
                min(extract_date) OVER (PARTITION BY person_id, practice_code, effective_date, status) AS first_extract
            FROM {stated} WHERE list_part = 'OPTED_OUT' AND (status = '1' OR (status = '0' AND effective_date <= extract_date))
            QUALIFY row_number() OVER (PARTITION BY person_id, practice_code, effective_date, status ORDER BY extract_date DESC, feed DESC, extract_id) = 1
        ),
        objections AS (SELECT * FROM sent WHERE status = '1'),
        withdrawals AS (SELECT * FROM sent WHERE status = '0'),
        withdrawn AS (
            SELECT objected.person_id, objected.practice_code, objected.effective_date, max(withdrew.extract_date) AS withdrawn_on
            FROM objections AS objected JOIN withdrawals AS withdrew USING (person_id) WHERE {here} AND ({ENDS}) GROUP BY ALL
        )
        SELECT objections.person_id,
            arg_max(objections.practice_code, (withdrawn_on IS NULL, extract_date, objections.effective_date, objections.practice_code)) AS practice_code,
            arg_max(objections.effective_date, (withdrawn_on IS NULL, day, objections.effective_date)) AS effective_date, min(first_extract) AS first_stated,
            max(extract_date) AS last_stated, arg_max(extract_id, (extract_date, extract_id)) AS delivery,
            bool_or(withdrawn_on IS NULL) AS lasts, max(withdrawn_on) AS withdrawn_on
        FROM objections LEFT JOIN withdrawn ON withdrawn.person_id = objections.person_id AND withdrawn.effective_date = objections.effective_date
            AND withdrawn.practice_code IS NOT DISTINCT FROM objections.practice_code GROUP BY objections.person_id"""

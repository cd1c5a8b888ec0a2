"""Which objections a withdrawal ended: rows of different days are history, and of rows of one day or without a day the objection wins."""

from __future__ import annotations

from expectations.sql_values import quote
from expectations.tables.raw_gp import UNDATED_WITHDRAWAL

# Whether a withdrawal ends an objection. A withdrawal of the same delivery must be dated after it, one of a later delivery not
# before it. One without a day ends only an objection that has none either, which counts from the day of its delivery.
ENDS = f"""(withdrew.extract_date >= objected.extract_date AND withdrew.day > objected.day)
            OR (withdrew.extract_date > objected.extract_date AND (
                withdrew.day = objected.day
                OR (withdrew.day = DATE {quote(UNDATED_WITHDRAWAL)} AND objected.effective_date >= objected.extract_date)))"""


def lasting_sql(stated: str) -> str:
    """Return the SQL of every objection of a kind, with whether it lasts: `stated` is SQL of rows of one kind.

    The columns are person_id, practice_code, effective_date, first_stated, last_stated, delivery, lasts and withdrawn_on.
    """
    return f"""
        WITH sent AS (
            SELECT *, least(effective_date, extract_date) AS day,
                min(extract_date) OVER (PARTITION BY person_id, effective_date, status) AS first_extract
            FROM {stated} WHERE list_part = 'OPTED_OUT' AND (status = '1' OR (status = '0' AND effective_date <= extract_date))
            QUALIFY row_number() OVER (PARTITION BY person_id, effective_date, status ORDER BY extract_date DESC, feed DESC, extract_id) = 1
        ),
        objections AS (SELECT * FROM sent WHERE status = '1'),
        withdrawals AS (SELECT * FROM sent WHERE status = '0'),
        withdrawn AS (
            SELECT objected.person_id, objected.effective_date, max(withdrew.extract_date) AS withdrawn_on
            FROM objections AS objected JOIN withdrawals AS withdrew USING (person_id) WHERE {ENDS} GROUP BY ALL
        )
        SELECT person_id, arg_max(practice_code, (withdrawn_on IS NULL, extract_date, effective_date)) AS practice_code,
            arg_max(effective_date, (withdrawn_on IS NULL, day)) AS effective_date, min(first_extract) AS first_stated,
            max(extract_date) AS last_stated, arg_max(extract_id, extract_date) AS delivery,
            bool_or(withdrawn_on IS NULL) AS lasts, max(withdrawn_on) AS withdrawn_on
        FROM objections LEFT JOIN withdrawn USING (person_id, effective_date) GROUP BY person_id"""

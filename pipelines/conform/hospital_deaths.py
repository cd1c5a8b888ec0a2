"""Deaths in hospital: what rows of admissions state, whether it still holds, and whether the person was admitted again.

A death that a later delivery takes back, or after which the person was admitted, is in review. A stay whose discharge method
cannot be read may have ended in death, unless the person was admitted again.
"""

from __future__ import annotations

from pipelines.conform.clinical_rules import ClinicalRules, sql_list

NO_DEATHS = """SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS day, false AS undated, false AS admitted_again,
    false AS taken_back, false AS not_readable, CAST(NULL AS DATE) AS review_day WHERE false"""
# How the facts of pseudonyms that differ only in letter case are joined.
MERGED = (
    "min(day) AS day, bool_or(undated) AS undated, bool_or(admitted_again) AS admitted_again, bool_or(taken_back) AS taken_back, "
    "bool_or(not_readable) AS not_readable, max(review_day) AS review_day"
)
_KEY = "person_id, provider_code, spell_number, admission_date"


def hospital_deaths_sql(admissions: str, rules: ClinicalRules, stays: str = "") -> str:
    """Return one row for each person with a stay that ended, or may have ended, in death.

    `admissions` is SQL of the validated rows. `stays` is SQL of the rows of every delivery that may state a death (`stated_stays.py`), '' if
    only validated rows count. Columns: day, undated (died on no known day), admitted_again, taken_back, not_readable, and review_day, the
    day of a death in review.

    A row holds if it is validated, if it is of the delivery of the validated row of its stay or of a later one, or if it was set aside
    and no row of its stay is validated. Any other row was taken back, unless the stay still ends in death.
    """
    died = f"discharge_method IN ({sql_list(rules.died_methods)})"
    return f"""
        WITH admitted AS (SELECT person_id, max(admission_date) AS admitted FROM {admissions} GROUP BY person_id),
        statements AS (
            SELECT person_id, discharge_date AS day, coalesce(discharge_date, admission_date) AS known_by, 'died' AS state
            FROM {admissions} WHERE {died}{f" UNION ALL {_of_stays(admissions, died, stays)}" if stays else ""}
        ),
        by_person AS (
            SELECT person_id, max(day) FILTER (state = 'died') AS died, max(known_by) FILTER (state = 'died' AND day IS NULL) AS undated,
                max(known_by) FILTER (state = 'unread') AS unread, coalesce(bool_or(state = 'taken_back'), false) AS taken_back,
                max(day) FILTER (state = 'taken_back') AS day_taken_back
            FROM statements WHERE state IS NOT NULL GROUP BY person_id
        ),
        alive AS (
            SELECT *, coalesce(died < admitted, false) AS after_day, coalesce(undated < admitted, false) AS after_undated
            FROM by_person LEFT JOIN admitted USING (person_id)
        ),
        believed AS (
            SELECT *, CASE WHEN NOT after_day THEN died END AS day, undated IS NOT NULL AND NOT after_undated AS is_undated FROM alive
        )
        SELECT person_id, day, is_undated AS undated, day IS NULL AND NOT is_undated AND (after_day OR after_undated) AS admitted_again,
            taken_back, unread IS NOT NULL AND NOT coalesce(unread < admitted, false) AS not_readable,
            coalesce(CASE WHEN after_day THEN died END, day_taken_back) AS review_day
        FROM believed"""


def _of_stays(admissions: str, died: str, stays: str) -> str:
    """Return what the rows of every delivery state, compared with the validated row of their stay."""
    return f"""SELECT person_id, stated_date, coalesce(stated_date, admission_date, extract_date), CASE
                WHEN NOT has_died THEN CASE WHEN NOT is_past THEN 'unread' END
                WHEN NOT is_past THEN 'died' WHEN NOT coalesce(dies, false) THEN 'taken_back' END
        FROM (
            SELECT stays.*, dies, delivered IS NULL AND NOT is_set_aside OR is_replaced OR coalesce(extract_date < delivered, false) AS is_past
            FROM {stays} AS stays LEFT JOIN (
                SELECT {_KEY}, max(extract_date) AS delivered, coalesce(bool_or({died}), false) AS dies FROM {admissions} GROUP BY ALL
            ) USING ({_KEY})
        )"""

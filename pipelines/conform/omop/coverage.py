"""core__coverage of an OMOP source.

Observation periods say when events would have been recorded, so every month in them is covered.
"""

from __future__ import annotations

from expectations.sql_values import quote
from features.events import FEED_NUMBER


def omop_coverage_sql(events: str, registrations: str) -> str:
    """Return the SQL of core__coverage from core__event and core__registration.

    A feed without events is not in it, and its features are not computed.
    """
    names = " ".join(f"WHEN {number} THEN {quote(feed)}" for feed, number in FEED_NUMBER.items())
    return f"""
    WITH homes AS (SELECT person_key, min(practice_code) AS organisation_code FROM {registrations} GROUP BY person_key),
    counted AS (
        SELECT CASE feed {names} END AS feed, organisation_code, CAST(date_trunc('month', event_date) AS DATE) AS month, count(*) AS rows
        FROM {events} JOIN homes USING (person_key) GROUP BY ALL
    ),
    span AS (
        SELECT practice_code AS organisation_code, unnest(generate_series(
            date_trunc('month', min(start_date)), date_trunc('month', max(end_date)), INTERVAL 1 MONTH)) AS month
        FROM {registrations} GROUP BY practice_code
    ),
    months AS (SELECT feed, organisation_code, CAST(month AS DATE) AS month FROM span CROSS JOIN (SELECT DISTINCT feed FROM counted))
    SELECT feed, 'practice' AS organisation_role, organisation_code, month, coalesce(rows, 0) AS rows,
        CAST(NULL AS DOUBLE) AS expected_rows, 'covered' AS status, CAST(NULL AS DATE) AS known_since
    FROM months LEFT JOIN counted USING (feed, organisation_code, month)
    """

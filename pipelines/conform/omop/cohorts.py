"""Index events and outcomes from the COHORT table of an OMOP source, as stored in core__event."""

from __future__ import annotations

from expectations.sql_values import quote
from expectations.tables import core
from features.events import NUMBER_OF
from pipelines.lake.storage import Lake


def index_events_sql(lake: Lake, cohort: str) -> str:
    """Return the SQL of person_key, index_date (day of entry) and index_event_id of a target cohort."""
    entries = _entries_sql(lake, cohort)
    return f"SELECT person_key, day AS index_date, strftime(day, '%Y-%m-%d') AS index_event_id FROM {entries} ORDER BY ALL"


def outcomes_sql(lake: Lake, cohort: str) -> str:
    """Return the SQL of person_key and event_date of an outcome cohort's rows."""
    return f"SELECT person_key, day AS event_date FROM {_entries_sql(lake, cohort)} ORDER BY ALL"


def cohort_code(cohort: str) -> str:
    """Return the code of entries to a cohort in core__event."""
    return f"COHORT {cohort}"


def _entries_sql(lake: Lake, cohort: str) -> str:
    named = (
        f"SELECT code FROM {lake.scan(core.CODE.name)} WHERE code_system = 'omop' AND source_code = {quote(cohort_code(cohort))}"
    )
    return (
        f"(SELECT DISTINCT person_key, event_date AS day FROM {lake.scan(core.EVENT.name)} "
        f"WHERE event_type = {NUMBER_OF['omop_cohort']} AND code IN ({named}))"
    )

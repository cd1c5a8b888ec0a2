"""The class of each OMOP visit: emergency or elective stay, emergency room, outpatient or other.

OMOP has no admission method. It is read from a source column if the settings name one. Otherwise a stay is an emergency in
three cases: its visit concept says so, the person came from an emergency room, or an emergency room visit began on the day of
admission or the day before.
"""

from __future__ import annotations

from collections.abc import Mapping

from expectations.sql_values import quote, quote_all
from pipelines.sources.omop.settings import OmopSettings

Cdm = Mapping[str, str]  # CDM table -> SQL, usable in FROM, of its validated rows

NO_DEATHS = "(SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS death_date WHERE false)"
NO_SITE = "OMOP"  # the provider where the source names no place of care; also in `pipelines/validation/stated_stays.py`


def visits_sql(cdm: Cdm, settings: OmopSettings) -> str:
    """Return the SQL of the visits with their class: the validated columns, visit_class, died and provider_code."""
    visits = settings.visits
    return f"""
    (WITH classified AS (SELECT *, {_stated_class(settings)} AS stated_class FROM {cdm["visit_occurrence"]}),
    urgent AS (SELECT DISTINCT person_id, visit_start_date AS arrival_date FROM classified WHERE stated_class = 'emergency_room'),
    arrivals AS (
        SELECT person_id, arrival_date FROM urgent
        UNION SELECT person_id, arrival_date + 1 FROM urgent
    )
    SELECT classified.* EXCLUDE (stated_class),
        CASE WHEN stated_class <> 'stay' THEN stated_class
             WHEN admitted_from_concept_id IN ({quote_all(settings.emergency_sources)}) OR arrivals.person_id IS NOT NULL THEN 'emergency_stay'
             ELSE 'elective_stay' END AS visit_class,
        coalesce(discharged_to_concept_id IN ({quote_all(settings.died_destinations)}), false)
            OR coalesce(stated_class IN ('stay', 'emergency_stay', 'elective_stay')
                AND death_date BETWEEN visit_start_date AND visit_end_date, false) AS died,
        coalesce(upper(care_site_id), {quote(NO_SITE)}) AS provider_code
    FROM classified
    LEFT JOIN arrivals ON arrivals.person_id = classified.person_id AND arrival_date = visit_start_date
        AND visit_concept_id IN ({quote_all(visits.stay)})
    LEFT JOIN {cdm.get("death", NO_DEATHS)} AS deaths ON deaths.person_id = classified.person_id)"""


def _stated_class(settings: OmopSettings) -> str:
    """Return the SQL of the class that the visit's own row states; 'stay' if the row does not say how the stay began."""
    visits = settings.visits
    by_method = " ".join(
        f"WHEN trim(admission_method) = {quote(value)} THEN {quote(visit_class)}"
        for value, visit_class in sorted(settings.admission_methods.items())
    )
    return f"""CASE {by_method}
        WHEN visit_concept_id IN ({quote_all(visits.emergency_stay)}) THEN 'emergency_stay'
        WHEN visit_concept_id IN ({quote_all(visits.stay)}) THEN 'stay'
        WHEN visit_concept_id IN ({quote_all(visits.emergency_room)}) THEN 'emergency_room'
        WHEN visit_concept_id IN ({quote_all(visits.outpatient)}) THEN 'outpatient'
        ELSE 'other' END"""

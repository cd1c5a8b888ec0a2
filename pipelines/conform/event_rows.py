"""The SQL that makes events of the rows of each feed and of spells, with codes as text and in no order.

Every row of a feed becomes at least one event. `expectations/feeds.py` declares the event types and the meaning of code and
value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from expectations.feeds import (
    ADMISSIONS,
    EMERGENCY_ATTENDANCES,
    EVENT_FEEDS,
    FEEDS,
    GP_MEDICATION_ORDERS,
    GP_OBSERVATIONS,
    OUTPATIENT_APPOINTMENTS,
    Feed,
)
from expectations.sql_values import quote
from features.events import NUMBER_OF
from pipelines.conform.availability import AvailabilitySettings, available_sql
from pipelines.conform.clinical_rules import ClinicalRules, sql_list
from pipelines.conform.feeds import DEPARTMENT, Sources, code_of_row


@dataclass(frozen=True)
class EventRows:
    """Events with one code system.

    `sql` returns event_date, available_date, event_type (number), code, value, provider (text) and the person: person_id, or
    person_key if `numbered`.
    """

    feed: str
    code_system: str
    sql: str
    numbered: bool = False


def feed_event_rows(sources: Sources, rules: ClinicalRules, available: AvailabilitySettings) -> list[EventRows]:
    """Return the events of every feed except admissions, whose events are those of the spells."""
    return [_event_rows(FEEDS[feed], sources[feed], rules, available) for feed in EVENT_SQL if feed in sources]


def _event_rows(feed: Feed, source: str, rules: ClinicalRules, available: AvailabilitySettings) -> EventRows:
    sql = EVENT_SQL[feed.name](feed, rules).format(source=source, available=available_sql(feed.name, available))
    return EventRows(feed.name, feed.code_system, sql)


def one_event(feed: Feed, _rules: ClinicalRules) -> str:
    """Return the SQL of one event for each row of a feed with a single event type, as the feed's declaration describes it."""
    (kind,), day = feed.event_types, feed.table.event_date if feed.table else ""
    value = feed.value_column or "CAST(NULL AS DOUBLE)"
    return f"""SELECT person_id, {day} AS event_date, {{available}} AS available_date, {kind.number} AS event_type,
        {code_of_row(feed.name) or "CAST(NULL AS VARCHAR)"} AS code, {value} AS value, {feed.organisation_column} AS provider
        FROM {{source}}"""


def _outpatient(_feed: Feed, rules: ClinicalRules) -> str:
    return f"""SELECT person_id, appointment_date AS event_date, {{available}} AS available_date,
        CASE WHEN attendance_status IN ({sql_list(rules.attended_statuses)}) THEN {NUMBER_OF["outpatient_attended"]}
             WHEN attendance_status IN ({sql_list(rules.missed_statuses)}) THEN {NUMBER_OF["outpatient_missed"]}
             ELSE {NUMBER_OF["outpatient_other"]} END AS event_type,
        treatment_function AS code, CAST(NULL AS DOUBLE) AS value, provider_code AS provider FROM {{source}}"""


def _emergency(_feed: Feed, rules: ClinicalRules) -> str:
    """Return the SQL of one event for the record, and of up to three more for an A&E attendance."""
    out_of_hours = f"""isodow(arrival_date) >= 6 OR left(replace(arrival_time, ':', ''), 4) >= {quote(rules.out_of_hours_from.replace(":", ""))}
            OR left(replace(arrival_time, ':', ''), 4) < {quote(rules.out_of_hours_to.replace(":", ""))}"""
    return f"""
    SELECT person_id, arrival_date AS event_date, {{available}} AS available_date,
        unnest(CASE WHEN department = {quote(rules.same_day_emergency_department)} THEN [{NUMBER_OF["same_day_emergency_care"]}]
            WHEN NOT is_attendance THEN [{NUMBER_OF["other_emergency_care_record"]}]
            ELSE list_filter([
                {NUMBER_OF["ae_attendance"]},
                CASE WHEN arrival_mode IN ({sql_list(rules.ambulance_arrival_modes)}) THEN {NUMBER_OF["ambulance_arrival"]} END,
                CASE WHEN {out_of_hours} THEN {NUMBER_OF["out_of_hours_attendance"]} END,
                CASE WHEN discharge_status IN ({sql_list(rules.left_before_seen_statuses)}) THEN {NUMBER_OF["left_before_seen"]} END
            ], lambda event: event IS NOT NULL) END) AS event_type,
        department AS code, CAST(NULL AS DOUBLE) AS value, provider_code AS provider
    FROM (SELECT *, {DEPARTMENT} AS department,
        coalesce({DEPARTMENT} IN ({sql_list(rules.attendance_departments)}), false)
            AND coalesce(attendance_category IN ({sql_list(rules.unplanned_categories)}), true)
            AND NOT coalesce(discharge_status IN ({sql_list(rules.not_attended_statuses)}), false) AS is_attendance
        FROM {{source}})"""


def spell_event_rows(spells: str, sensitive_code: str) -> list[EventRows]:
    """Return the events of spells (SQL of core__spell): those known at admission, and those known at discharge.

    `sensitive_code` is SQL of the code by which a spell counts as one for an ambulatory-care-sensitive condition.
    """
    classes = {
        "emergency": "emergency_admission", "elective": "elective_admission", "maternity": "maternity_admission",
        "regular_attender": "regular_attendance",
    }  # fmt: skip
    cases = " ".join(f"WHEN {quote(spell_class)} THEN {NUMBER_OF[event]}" for spell_class, event in classes.items())
    admitted = f"""SELECT person_key, admission_date AS event_date, admission_available_date AS available_date,
        CASE spell_class {cases} ELSE {NUMBER_OF["other_admission"]} END AS event_type, treatment_function AS code,
        CAST(NULL AS DOUBLE) AS value, provider_code AS provider FROM {spells}"""
    discharged = "person_key, discharge_date AS event_date, discharge_available_date AS available_date"
    ended = f"""SELECT {discharged},
        CASE WHEN spell_class = 'elective' THEN {NUMBER_OF["elective_discharge"]}
             WHEN nights > 0 THEN {NUMBER_OF["emergency_discharge_overnight"]}
             ELSE {NUMBER_OF["emergency_discharge_zero_day"]} END AS event_type,
        primary_diagnosis AS code, CAST(nights AS DOUBLE) AS value, provider_code AS provider
        FROM {spells} WHERE discharge_date IS NOT NULL AND spell_class IN ('emergency', 'elective')"""
    diagnosed = f"""SELECT {discharged}, {NUMBER_OF["hospital_diagnosis"]} AS event_type,
        unnest(string_split(diagnoses, ',')) AS code, CAST(NULL AS DOUBLE) AS value, provider_code AS provider
        FROM {spells} WHERE discharge_date IS NOT NULL AND diagnoses IS NOT NULL"""
    sensitive = f"""SELECT {discharged}, {NUMBER_OF["ambulatory_care_sensitive_discharge"]} AS event_type, {sensitive_code} AS code,
        CAST(nights AS DOUBLE) AS value, provider_code AS provider
        FROM {spells} WHERE discharge_date IS NOT NULL AND spell_class = 'emergency' AND {sensitive_code} IS NOT NULL"""
    paid = f"""SELECT {discharged}, {NUMBER_OF["spell_cost"]} AS event_type, CAST(NULL AS VARCHAR) AS code, cost AS value,
        provider_code AS provider FROM {spells} WHERE discharge_date IS NOT NULL AND cost IS NOT NULL"""
    return [
        EventRows(ADMISSIONS.name, "treatment_function", admitted, numbered=True),
        EventRows(ADMISSIONS.name, "icd10", f"{ended} UNION ALL {diagnosed} UNION ALL {sensitive}", numbered=True),
        EventRows(ADMISSIONS.name, "", paid, numbered=True),
    ]


# By feed: the SQL of its events, with {source} and {available} for the rows and the day on which each was known.
EVENT_SQL: dict[str, Callable[[Feed, ClinicalRules], str]] = {
    EMERGENCY_ATTENDANCES.name: _emergency,
    OUTPATIENT_APPOINTMENTS.name: _outpatient,
    GP_OBSERVATIONS.name: one_event,
    GP_MEDICATION_ORDERS.name: one_event,
}


def _check_event_sql() -> None:
    """Raise ValueError where a declared feed has no SQL of its events, or SQL has no declared feed."""
    declared = {feed for feed in EVENT_FEEDS if not FEEDS[feed].joined_into_spells}
    if missing := sorted(declared - set(EVENT_SQL)):
        raise ValueError(
            f"{', '.join(missing)}: declared with event types in expectations/feeds.py, and without the SQL of its events; "
            "add it to EVENT_SQL in pipelines/conform/event_rows.py"
        )
    if unknown := sorted(set(EVENT_SQL) - declared):
        raise ValueError(
            f"{', '.join(unknown)}: EVENT_SQL in pipelines/conform/event_rows.py has its events, and expectations/feeds.py declares "
            "no feed of that name with event types; declare it there"
        )


_check_event_sql()

"""The forms of a spell: which stays made it on each date, by the deliveries and the lags.

A stay that becomes known, changes or is withdrawn may change the spells of the stays around it: it is joined to them, cuts them or has
their nights. So the stays of a person that touch each other, in any delivery, are a *group*. A group has a *state* for each period in which
the same was known of it: from one change to the day before the next. The spells of a state are joined from what was known then: stays that
were delivered and not withdrawn, without discharges that were still to come. The first delivery counts as known after the lag, stay by stay.

The last state of a group has the current spells. A current spell is known no earlier than since it has had this form without interruption.
"""

from __future__ import annotations

import duckdb

from expectations.feeds import ADMISSIONS
from pipelines.conform.availability import AvailabilitySettings, admission_available_sql, available_sql
from pipelines.conform.clinical_rules import ClinicalRules, sql_list
from pipelines.conform.spell import READ, spell_sql, transfer_codes_sql

# Temporary tables. A state lasts from `since` to the day before `until`, which is null for the last state of a group.
FORMS, STATES, _ROWS = "spell_forms", "spell_states", "rows_of_groups"

# The columns of a spell that are known at its admission, and at its discharge.
_ADMITTED = ("admission_date", "provider_code", "spell_class", "treatment_function", "admission_method")
_DISCHARGED = (
    *_ADMITTED, "discharge_date", "last_provider_code", "nights", "died", "primary_diagnosis", "stays_joined", "cost", "diagnoses",
)  # fmt: skip
# The columns of a stay that are not known before its discharge.
_AT_DISCHARGE = ("discharge_date", "discharge_destination", "discharge_method", "cost", "primary_diagnosis", "diagnoses")


def hold_forms(
    con: duckdb.DuckDBPyConnection, rows: tuple[str, str], people: str, rules: ClinicalRules, available: AvailabilitySettings
) -> None:
    """Write the temporary tables of states and of their spells.

    `rows` are SQL of the admissions that are valid and of those that no longer are, '' where there are none.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS {_rows_of_groups(rows, people, rules, available)}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {STATES} AS {_states()}")
    numbers = f"(SELECT CAST(state AS VARCHAR) AS person_id, state AS person_key FROM {STATES})"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE {FORMS} AS
        SELECT spells.* EXCLUDE (person_key, spell_key), state, states.person_key, since, until
        FROM ({spell_sql(_stays_of_states(), numbers, rules, available)}) AS spells JOIN {STATES} AS states ON state = spells.person_key"""
    )


def spells_as_known_sql(spells: str) -> str:
    """Return SQL of core__spell where a spell is known no earlier than since it has had its form; `hold_forms` comes first."""
    return f"""
    SELECT spell.* REPLACE (
        greatest(admission_available_date, admitted.since - 1) AS admission_available_date,
        CASE WHEN spell.discharge_date IS NOT NULL THEN greatest(discharge_available_date, discharged.since - 1) END AS discharge_available_date)
    FROM ({spells}) AS spell
    LEFT JOIN {_same_since(_ADMITTED)} AS admitted ON {_alike(_ADMITTED, "admitted")}
    LEFT JOIN {_same_since(_DISCHARGED)} AS discharged ON {_alike(_DISCHARGED, "discharged")}"""


def begins_sql(alike: str) -> str:
    """Return the SQL that is true of the first of a run of states: the state before it, among rows that are `alike`, ended earlier."""
    return f"coalesce(since > max(until) OVER (PARTITION BY {alike} ORDER BY since ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), true)"


def _same_since(columns: tuple[str, ...]) -> str:
    """Return the SQL of the spells of last states, by some columns, and the day since which a spell has had the same there."""
    alike = f"person_key, {', '.join(columns)}"
    return f"""(
        SELECT {alike}, max(since) AS since
        FROM (SELECT *, {begins_sql(f"{alike}, turn")} AS begins
            FROM (SELECT {alike}, since, until, row_number() OVER (PARTITION BY state, {alike}) AS turn FROM {FORMS})
            QUALIFY bool_or(until IS NULL) OVER (PARTITION BY {alike}, turn))
        WHERE begins GROUP BY {alike})"""


def _alike(columns: tuple[str, ...], other: str) -> str:
    return " AND ".join(f"spell.{name} IS NOT DISTINCT FROM {other}.{name}" for name in ("person_key", *columns))


def _rows_of_groups(rows: tuple[str, str], people: str, rules: ClinicalRules, available: AvailabilitySettings) -> str:
    """Return the SQL of the rows of groups that may have had several forms, with the number of the group and the days they were known."""
    read = ", ".join(READ)
    current, superseded = (f"FROM {part}" if part else "" for part in rows)
    parts = [f"SELECT {read}, CAST(NULL AS DATE) AS superseded_date {current}"] if current else []
    parts += [f"SELECT {read}, superseded_date {superseded}"] if superseded else []
    stay, regular = "provider_code, spell_number, admission_date", sql_list(rules.regular_attender_classes)
    earlier = "PARTITION BY person_key, is_regular ORDER BY admission_date RANGE BETWEEN UNBOUNDED PRECEDING"
    return f"""
    WITH known AS (
        SELECT rows.*, person_key, {admission_available_sql(available)} AS admission_known,
            {available_sql(ADMISSIONS.name, available)} AS discharge_known,
            bool_and(coalesce(patient_classification IN ({regular}), false)) OVER (PARTITION BY person_key, {stay}) AS is_regular
        FROM ({" UNION ALL ".join(parts)}) AS rows JOIN (SELECT person_id, person_key FROM {people}) USING (person_id)
    ),
    reached AS (
        SELECT *, max(CASE WHEN is_regular THEN admission_date ELSE coalesce(discharge_date, admission_date) END)
            OVER ({earlier} AND INTERVAL 1 DAY PRECEDING) AS end_before FROM known
    ),
    grouped AS (
        SELECT *, sum(CASE WHEN coalesce(admission_date <= end_before + CASE WHEN is_regular THEN 0 ELSE {rules.transfer_gap_days} END, false)
            THEN 0 ELSE 1 END) OVER ({earlier} AND CURRENT ROW) AS number FROM reached
    ),
    chosen AS (
        SELECT person_key, is_regular, number, row_number() OVER (ORDER BY person_key, is_regular, number) AS group_number FROM grouped
        GROUP BY person_key, is_regular, number HAVING bool_or(superseded_date IS NOT NULL) OR min(first_extract_date) < max(first_extract_date)
            OR (NOT is_regular AND count(DISTINCT ({stay})) > 1 AND (count(DISTINCT ({stay})) > count(DISTINCT admission_date)
                OR coalesce(bool_or(admission_date < end_before OR {transfer_codes_sql(rules)}), false)))
    )
    SELECT grouped.* EXCLUDE (is_regular, end_before, number), group_number FROM grouped JOIN chosen USING (person_key, is_regular, number)"""


def _states() -> str:
    """Return the SQL of the states: one from each day on which something of a group was known for the first time or ended."""
    days = (
        "[admission_known + 1, discharge_known + 1, superseded_date, CASE WHEN NOT is_first_delivery THEN first_extract_date END]"
    )
    return f"""
    SELECT row_number() OVER (ORDER BY group_number, since) AS state, group_number, person_key, since,
        lead(since) OVER (PARTITION BY group_number ORDER BY since) AS until
    FROM (SELECT DISTINCT group_number, person_key, unnest({days}) AS since FROM {_ROWS}) WHERE since IS NOT NULL"""


def _stays_of_states() -> str:
    """Return the admissions of each state, as they were known then; the person is the state."""
    known = ", ".join(f"CASE WHEN discharge_known < since THEN {name} END AS {name}" for name in _AT_DISCHARGE)
    return f"""(
        SELECT rows.* EXCLUDE (person_key) REPLACE (CAST(state AS VARCHAR) AS person_id, {known}) FROM {_ROWS} AS rows JOIN {STATES} USING (group_number)
        WHERE admission_known < since AND (is_first_delivery OR first_extract_date <= since) AND coalesce(superseded_date > since, true))"""

"""Every outcome's labels, recounted in plain SQL over the core tables and the rows of `f`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import duckdb
from recount.code_pool import make_entries

from features.outcomes import OutcomeSettings

FOREVER = "DATE '9999-01-01'"
COLUMNS = "label, composite_label, outcome_date, death_date, follow_up_days, left_list, not_at_risk_reason"
GP_COVERAGE = "gp_observations does not cover the year before the index date and the horizon"
EMERGENCY = "SELECT person_key, admission_date AS day FROM core__spell WHERE spell_class = 'emergency'"


def _listed(column: str, name: str) -> str:
    """Return the SQL of whether any of the ICD-10 codes of a column, separated by commas, is on a list."""
    return (f"EXISTS (FROM entry n, unnest(string_split({column}, ',')) AS c(code) WHERE n.list = '{name}' AND n.system = 'icd10' "
            "AND CASE n.match WHEN 'exact' THEN c.code = n.code ELSE starts_with(c.code, n.code) END)")  # fmt: skip


def _first(condition: str) -> str:
    return f"""
    SELECT person_key, event_date AS day FROM core__event JOIN core__person USING (person_key) JOIN core__code c USING (code)
    WHERE event_type IN (8, 40) AND (birth_date IS NULL OR event_date >= birth_date) AND EXISTS (FROM entry n WHERE n.list = '{condition}'
        AND n.system = c.code_system AND CASE n.match WHEN 'exact' THEN c.source_code = n.code ELSE starts_with(c.source_code, n.code) END)"""


OCCURRENCES: dict[str, Callable[[date], str]] = {
    "emergency_admission_overnight": lambda cut: (
        f"{EMERGENCY} AND (died OR coalesce(nights, DATE '{cut}' - admission_date) >= 1)"
    ),
    "any_emergency_admission": lambda cut: EMERGENCY,
    "unplanned_readmission": lambda cut: EMERGENCY,
    "ambulatory_care_sensitive_admission": lambda cut: (
        f"{EMERGENCY} AND ({_listed('primary_diagnosis', 'chronic_ambulatory_care_sensitive')} OR "
        f"({_listed('primary_diagnosis', 'acute_bronchitis')} AND {_listed('diagnoses', 'chronic_airways_disease')}))"
    ),
    "ae_attendances_5": lambda cut: (
        """SELECT person_key, event_date AS day FROM core__event JOIN core__person USING (person_key)
        WHERE event_type = 20 AND (birth_date IS NULL OR event_date >= birth_date)"""
    ),
    "death": lambda cut: "SELECT person_key, death_date AS day FROM core__person WHERE death_date IS NOT NULL",
    "first_type_2_diabetes": lambda cut: _first("type_2_diabetes"),
    "first_copd": lambda cut: _first("copd"),
    "first_heart_failure": lambda cut: _first("heart_failure"),
}
FIRST = {"washout": True, "on_list": 365, "reason": GP_COVERAGE}
AT_RISK: dict[str, dict[str, Any]] = {name: FIRST for name in OCCURRENCES if name.startswith("first_")}
TURN = {"ae_attendances_5": 5}


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Read the code lists and find each row's end on the list, across moves of practice of up to 30 days."""
    make_entries(con)
    con.execute(f"""
        CREATE TABLE listed AS
        SELECT f.*, p.death_date,
            (SELECT min(coalesce(g.end_date, {FOREVER})) FROM core__registration g WHERE g.person_key = f.person_key
                AND coalesce(g.end_date, {FOREVER}) >= f.index_date AND NOT EXISTS (FROM core__registration n
                    WHERE n.person_key = g.person_key AND n.start_date > g.end_date AND n.start_date - g.end_date <= 31)) AS list_end,
            (SELECT f.index_date - min(g.start_date) FROM held g WHERE g.person_key = f.person_key
                AND f.index_date BETWEEN g.start_date AND coalesce(g.end_date, {FOREVER})) AS days_on_list
        FROM f JOIN core__person p USING (person_key)""")


def recount_labels(con: duckdb.DuckDBPyConnection, outcome: OutcomeSettings, cut: date) -> list[tuple[Any, ...]]:
    """Return the labels of the rows of `f`, in their order."""
    if outcome.name not in OCCURRENCES:
        raise NotImplementedError(f"the outcome {outcome.name} has no recount: write one here")
    h, turn = outcome.horizon_days, TURN.get(outcome.name, 1)
    con.execute(f"CREATE OR REPLACE TEMP TABLE found AS {OCCURRENCES[outcome.name](cut)}")
    left_day = {"followed": FOREVER}.get(
        outcome.on_leaving, f"CASE WHEN death_date <= list_end + 30 THEN {FOREVER} ELSE list_end END"
    )
    outcome_day = "least(nth, CASE WHEN dead THEN death_date END)" if outcome.on_death == "counts" else "nth"
    left_reason = (
        "CASE WHEN left_list THEN 'left the list within the horizon' END" if outcome.on_leaving == "not_at_risk" else "NULL"
    )
    return con.execute(f"""
        WITH looked AS (
            SELECT *, least(index_date + {h}, {left_day}) AS seen_to, (SELECT list_sort(list(day))[{turn}] FROM found
                    WHERE found.person_key = l.person_key AND day > index_date) AS nth,
                index_date + {h + outcome.maturity_days} < DATE '{cut}' AS mature
            FROM listed l),
        dying AS (SELECT *, coalesce(death_date <= seen_to, false) AS dead FROM looked),
        coming AS (SELECT *, {outcome_day} AS outcome_day FROM dying),
        happening AS (SELECT *, coalesce(outcome_day <= seen_to AND NOT (dead AND outcome_day > death_date), false) AS happened FROM coming),
        leaving AS (SELECT *, seen_to < index_date + {h} AND NOT happened AND NOT dead AS left_list FROM happening),
        reasons AS (SELECT *, coalesce({_not_at_risk(outcome)}, {left_reason}) AS reason FROM leaving),
        kept AS (SELECT *, mature AND reason IS NULL AS keep FROM reasons)
        SELECT CASE WHEN keep AND (happened OR NOT left_list) THEN happened::INTEGER END,
            CASE WHEN keep AND (happened OR dead OR NOT left_list) THEN (happened OR dead)::INTEGER END,
            CASE WHEN keep AND happened THEN outcome_day END, CASE WHEN keep AND dead THEN death_date END,
            CASE WHEN keep THEN CASE WHEN happened THEN outcome_day WHEN dead THEN death_date ELSE seen_to END - index_date END,
            keep AND left_list, reason
        FROM kept ORDER BY person_key, index_event_id""").fetchall()


def _not_at_risk(outcome: OutcomeSettings) -> str:
    """Return the SQL of why a row is not at risk by what is known on the index date."""
    rule = AT_RISK.get(outcome.name)
    if rule is None:
        return "NULL"
    return f"""CASE
        WHEN EXISTS (FROM found WHERE found.person_key = leaving.person_key AND day <= index_date) THEN 'had the outcome before, or on, the index date'
        WHEN days_on_list < {rule["on_list"]} THEN 'on the list for fewer than {rule["on_list"]} days'
        WHEN EXISTS (
            FROM (SELECT unnest(generate_series(date_trunc('month', index_date - 365), date_trunc('month', index_date +
                    CASE WHEN mature THEN {outcome.horizon_days} ELSE -1 END), INTERVAL 1 MONTH))::DATE AS month) t
            LEFT JOIN core__coverage v ON v.feed = 'gp_observations' AND v.organisation_role = 'practice' AND v.organisation_code = practice
                AND v.month = t.month
            WHERE coalesce(v.status, 'absent') <> 'covered') THEN '{rule["reason"]}' END"""

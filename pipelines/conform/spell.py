"""core__spell: continuous inpatient spells, joined from stays over any number of transfers.

The rule is the published one for continuous inpatient spells. The next admission belongs to the spell if it starts 0 to 2 days
after the discharge, and a discharge destination, source of admission or admission method says that it is a transfer. The
combination of destination 19, source 51 and method 21 is no transfer. Regular attenders are not joined. Strata adds these
rules:

* Rows with the same provider, spell number and admission day are one stay (HES sends episodes).
* Identical stays of a provider (same person, days and method) are one stay.
* A stay that begins before another stay of the person has ended belongs to its spell: it is not a new illness.
* A birth does not continue a spell, and a maternity admission continues only a maternity spell.
* No admission continues a stay without a discharge. A spell whose last stay has no discharge is open.
"""

from __future__ import annotations

from expectations.diagnosis_codes import plain_icd10_list_sql, plain_icd10_sql
from expectations.feeds import ADMISSIONS
from expectations.sql_values import quote
from pipelines.conform.availability import AvailabilitySettings, admission_available_sql, available_sql
from pipelines.conform.clinical_rules import ClinicalRules, sql_list

# Days since 1970 of a stay's end, and its place in the person's order, in one number: its running maximum
# names the stay that ended last so far, which is the one a next admission may continue.
_PLACES = 1_000_000

# The columns of admissions that are read.
READ = (
    "person_id", "provider_code", "spell_number", "admission_date", "discharge_date", "admission_method", "admission_source",
    "discharge_destination", "discharge_method", "patient_classification", "treatment_function", "cost", "episode_order", "row_number",
    "primary_diagnosis", "diagnoses", "first_extract_date", "is_first_delivery", "key_extract_date", "key_in_first_delivery",
)  # fmt: skip


def spell_sql(admissions: str, people: str, rules: ClinicalRules, available: AvailabilitySettings) -> str:
    """Return the SQL of core__spell.

    `admissions` is SQL of the feed's validated rows, `people` SQL of core__person.
    """
    return f"""
    WITH {_stays(admissions, people, rules, available)},
    {_chained(rules)},
    joined AS (
        SELECT person_key, spell_of_person, is_regular,
            min(admission_date) AS admission_date,
            CASE WHEN NOT arg_max(is_open, place) THEN max(end_date) END AS discharge_date,
            arg_min(provider_code, place) AS provider_code,
            arg_max(provider_code, place) AS last_provider_code,
            arg_min_null(admission_method, place) AS admission_method,
            arg_min(stay_class, place) AS spell_class,
            coalesce(bool_or(died), false) AS died,
            arg_min_null(primary_diagnosis, place) AS primary_diagnosis,
            arg_min_null(treatment_function, place) AS treatment_function,
            count(*) AS stays_joined,
            sum(cost ORDER BY place) AS cost,
            arg_min(admission_available_date, place) AS admission_available_date,
            max(discharge_available_date) AS last_available_date,
            string_agg(diagnoses, ',' ORDER BY place) AS diagnoses
        FROM numbered GROUP BY person_key, spell_of_person, is_regular
    )
    SELECT person_key,
        row_number() OVER (ORDER BY person_key, admission_date, provider_code, is_regular, spell_of_person) AS spell_key,
        admission_date, discharge_date, provider_code, last_provider_code, admission_method, spell_class,
        discharge_date - admission_date AS nights,
        died, primary_diagnosis, treatment_function, stays_joined, cost, admission_available_date,
        CASE WHEN discharge_date IS NOT NULL THEN greatest(last_available_date, discharge_date) END AS discharge_available_date,
        {plain_icd10_list_sql("diagnoses")} AS diagnoses
    FROM joined
    """


def _stays(admissions: str, people: str, rules: ClinicalRules, available: AvailabilitySettings) -> str:
    """Return the CTEs `episodes` (typed rows) and `stays` (one row per stay, in order of place within the person)."""
    admission_known = admission_available_sql(available)
    return f"""
    episodes AS (
        SELECT person_key, provider_code, spell_number, admission_date, discharge_date, admission_method, admission_source,
            discharge_destination, discharge_method, patient_classification, treatment_function, cost,
            CAST(coalesce(episode_order, 0) AS BIGINT) * 1_000_000_000 + row_number AS row_number,
            {plain_icd10_sql("primary_diagnosis")} AS primary_diagnosis,
            nullif(concat_ws(',', primary_diagnosis, diagnoses), '') AS diagnoses,
            {admission_known} AS admission_available_date,
            {available_sql(ADMISSIONS.name, available)} AS discharge_available_date
        FROM {admissions} JOIN (SELECT person_id, person_key FROM {people}) USING (person_id)
    ),
    whole AS (
        SELECT person_key, provider_code, spell_number, admission_date,
            max(discharge_date) AS discharge_date,
            arg_min(admission_method, row_number) AS admission_method,
            arg_min(admission_source, row_number) AS admission_source,
            arg_max(discharge_destination, row_number) AS discharge_destination,
            coalesce(bool_or(discharge_method IN ({sql_list(rules.died_methods)})), false) AS died,
            coalesce(bool_or(patient_classification IN ({sql_list(rules.regular_attender_classes)})), false) AS is_regular,
            arg_min(treatment_function, row_number) AS treatment_function,
            arg_min(primary_diagnosis, row_number) AS primary_diagnosis,
            sum(cost ORDER BY row_number) AS cost,
            min(admission_available_date) AS admission_available_date,
            max(discharge_available_date) AS discharge_available_date,
            string_agg(diagnoses, ',' ORDER BY row_number) AS diagnoses
        FROM episodes GROUP BY person_key, provider_code, spell_number, admission_date
    ),
    classed AS (
        SELECT *, {_stay_class(rules)} AS stay_class, {_transfer_in(rules)} AS transfer_in,
            discharge_date IS NULL AS is_open, coalesce(discharge_date, admission_date) AS end_date
        FROM whole
        QUALIFY row_number() OVER (
            PARTITION BY person_key, provider_code, admission_date, discharge_date, admission_method, is_regular
            ORDER BY spell_number) = 1
    ),
    stays AS (
        SELECT *, row_number() OVER (PARTITION BY person_key, is_regular
            ORDER BY admission_date, end_date, transfer_in, provider_code, spell_number) AS place
        FROM classed
    )"""


def _stay_class(rules: ClinicalRules) -> str:
    return f"""CASE WHEN is_regular THEN 'regular_attender'
        WHEN admission_method IN ({sql_list(rules.birth_methods)}) THEN 'birth'
        WHEN admission_method IN ({sql_list(rules.maternity_methods)}) THEN 'maternity'
        WHEN admission_method IN ({sql_list(rules.emergency_methods)})
            THEN CASE WHEN treatment_function IN ({sql_list(rules.obstetric_specialties)}) THEN 'maternity' ELSE 'emergency' END
        WHEN admission_method IN ({sql_list(rules.elective_methods)}) THEN 'elective'
        ELSE 'other' END"""


def _transfer_in(rules: ClinicalRules) -> str:
    return f"""coalesce(admission_source IN ({sql_list(rules.transfer_sources)}), false)
            OR coalesce(admission_method IN ({sql_list(rules.transfer_methods)}), false)"""


def _chained(rules: ClinicalRules) -> str:
    """Return the CTEs that compare each stay with the latest-ending stay before it, and number the spells of a person."""
    return f"""
    latest AS (
        SELECT *, max((end_date - DATE '1970-01-01') * {_PLACES} + place) OVER (
                PARTITION BY person_key, is_regular ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) % {_PLACES} AS tail_place
        FROM stays
    ),
    compared AS (
        SELECT stay.*, tail.place IS NOT NULL AND NOT stay.is_regular AND (
                stay.admission_date < tail.end_date
                OR ({_continues(rules)})
            ) AS continues
        FROM latest AS stay
        LEFT JOIN stays AS tail
            ON tail.person_key = stay.person_key AND tail.is_regular = stay.is_regular AND tail.place = stay.tail_place
    ),
    numbered AS (
        SELECT *, sum(CASE WHEN continues THEN 0 ELSE 1 END) OVER (
            PARTITION BY person_key, is_regular ORDER BY place ROWS UNBOUNDED PRECEDING) AS spell_of_person
        FROM compared
    )"""


def _continues(rules: ClinicalRules) -> str:
    destination, source, method = rules.not_a_transfer
    return f"""NOT tail.is_open
                    AND stay.admission_date - tail.end_date BETWEEN 0 AND {rules.transfer_gap_days}
                    AND (stay.transfer_in OR coalesce(tail.discharge_destination IN ({sql_list(rules.transfer_destinations)}), false))
                    AND NOT coalesce(tail.discharge_destination = {quote(destination)} AND stay.admission_source = {quote(source)}
                        AND stay.admission_method = {quote(method)}, false)
                    AND stay.stay_class <> 'birth'
                    AND (stay.stay_class <> 'maternity' OR tail.stay_class = 'maternity')"""

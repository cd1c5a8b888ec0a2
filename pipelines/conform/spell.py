"""core__spell: continuous inpatient spells, joined from stays over any number of transfers.

The rule is the published one for continuous inpatient spells. The next admission belongs to the spell if it starts 0 to 2 days
after the discharge, and a discharge destination, source of admission or admission method says that it is a transfer. The
combination of destination 19, source 51 and method 21 is no transfer. Regular attenders are not joined. Strata adds these
rules:

* Rows with the same provider, spell number and admission day are one stay (HES sends episodes).
* Identical stays of a provider (same person, days and method) are one stay: one with diagnoses, if there is one.
* A stay that begins before another stay of the person has ended belongs to its spell: it is not a new illness.
* An emergency, a maternity admission or a birth that begins inside a spell of another class is a separate spell, at the same or another
  provider. The person fell ill in a new way, and the class of the earlier spell would hide it. Emergencies inside one spell are
  joined with each other by the rules above.
* An elective or other stay that begins inside an emergency, maternity or birth spell and outlasts it is a separate spell, unless a code says
  that it is a transfer. It is planned care that goes on. As a part of the emergency it would hide the next emergency inside it, and its
  nights would count as those of an emergency. An open stay outlasts a spell that has ended.
* It is a transfer, and no separate spell, if the stay that ended last ends 0 to 2 days after the admission and the codes are those of a
  transfer. The dates of a transfer often overlap by a day.
* Of stays that begin on the same day those without a night are first. Then come those that end by a transfer, the others, and those that
  come by one; of each the longest is first. So an elective stay that outlasts an emergency of the same day keeps its class, and one that
  does not belongs to the emergency.
* A night counts once: for the emergency spell, or else for the maternity spell, or else for the birth. An open spell lasts as long as the
  other. So the nights do not change when an emergency ends later.
* A stay that becomes known later, changes or is withdrawn may change the form of a spell. `spell_forms.py` has the forms of each date.
* A birth does not continue a spell, and a maternity admission continues only a maternity spell.
* No admission continues a stay without a discharge. A spell whose last stay has no discharge is open.

Spells are joined in two passes. The first joins the stays of a person into chains, whatever their class. The second joins again the
stays of the few chains that have a separate spell inside, for each class.
"""

from __future__ import annotations

from expectations.diagnosis_codes import plain_icd10_list_sql, plain_main_icd10_sql
from expectations.feeds import ADMISSIONS
from expectations.sql_values import quote
from pipelines.conform.availability import AvailabilitySettings, admission_available_sql, available_sql
from pipelines.conform.clinical_rules import ClinicalRules, sql_list

# Days since 1970 of a stay's end, and its place in the person's order, in one number: its running maximum
# names the stay that ended last so far, which is the one a next admission may continue.
_PLACES = 1_000_000

# The classes of stays that are a separate spell where they begin inside a spell of another class. A shared night counts for the first.
_SEPARATE = ("emergency", "maternity", "birth")
_CHAIN = "person_key, is_regular, chain"

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
    {_numbered("stays", "person_key, is_regular", "chain", rules)},
    {_spells_of_chains(rules)},
    joined AS (
        SELECT {_CHAIN}, spell_of_chain, has_separate,
            min(place) AS first_place,
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
        FROM spells GROUP BY {_CHAIN}, class_of_chain, spell_of_chain, has_separate
    ),
    {_SHARED_NIGHTS}
    SELECT person_key,
        row_number() OVER (ORDER BY person_key, admission_date, provider_code, is_regular, first_place) AS spell_key,
        admission_date, discharge_date, provider_code, last_provider_code, admission_method, spell_class,
        discharge_date - admission_date - coalesce(shared_nights, 0) AS nights,
        died, primary_diagnosis, treatment_function, stays_joined, cost, admission_available_date,
        CASE WHEN discharge_date IS NOT NULL THEN greatest(last_available_date, discharge_date) END AS discharge_available_date,
        {plain_icd10_list_sql("diagnoses")} AS diagnoses
    FROM joined LEFT JOIN shared USING (person_key, is_regular, first_place)
    """


def _stays(admissions: str, people: str, rules: ClinicalRules, available: AvailabilitySettings) -> str:
    """Return the CTEs `episodes` (typed rows) and `stays` (one row per stay, in order of place within the person)."""
    admission_known = admission_available_sql(available)
    return f"""
    episodes AS (
        SELECT person_key, provider_code, spell_number, admission_date, discharge_date, admission_method, admission_source,
            discharge_destination, discharge_method, patient_classification, treatment_function, cost,
            CAST(coalesce(episode_order, 0) AS BIGINT) * 1_000_000_000 + row_number AS row_number,
            {plain_main_icd10_sql("primary_diagnosis")} AS primary_diagnosis,
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
            discharge_date IS NULL AS is_open, coalesce(discharge_date, admission_date) AS end_date,
            coalesce(discharge_date > admission_date, false) AS has_night,
            {_transfer_out(rules)} AS transfer_out
        FROM whole
        QUALIFY row_number() OVER (
            PARTITION BY person_key, provider_code, admission_date, discharge_date, admission_method, is_regular
            ORDER BY primary_diagnosis IS NULL, diagnoses IS NULL, spell_number) = 1
    ),
    stays AS (
        SELECT *, row_number() OVER (PARTITION BY person_key, is_regular
            ORDER BY admission_date, has_night, transfer_in, has_night AND NOT transfer_out, end_date DESC,
                stay_class <> 'emergency', provider_code, spell_number) AS place
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


def transfer_codes_sql(rules: ClinicalRules) -> str:
    """Return the SQL that is true of a row of admissions with a code of a transfer, in or out."""
    return f"({_transfer_in(rules)} OR {_transfer_out(rules)})"


def _transfer_out(rules: ClinicalRules) -> str:
    return f"coalesce(discharge_destination IN ({sql_list(rules.transfer_destinations)}), false)"


def _transfer_in(rules: ClinicalRules) -> str:
    return f"""coalesce(admission_source IN ({sql_list(rules.transfer_sources)}), false)
            OR coalesce(admission_method IN ({sql_list(rules.transfer_methods)}), false)"""


def _numbered(stays: str, group: str, number: str, rules: ClinicalRules) -> str:
    """Return the CTE `{number}_numbered`: stays of a group, compared with the latest-ending stay before them and numbered as joined."""
    before = f"OVER (PARTITION BY {group} ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    return f"""
    {number}_latest AS (
        SELECT *, max((end_date - DATE '1970-01-01') * {_PLACES} + place) {before} % {_PLACES} AS tail_place FROM {stays}
    ),
    {number}_compared AS (
        SELECT stay.* EXCLUDE (tail_place), tail.end_date AS tail_end,
            NOT stay.is_regular AND coalesce(stay.admission_date < tail.end_date, false) AS begins_inside,
            tail.place IS NOT NULL AND NOT stay.is_regular AND ({_transferred(rules)}) AS transferred,
            begins_inside AND NOT stay.transfer_in AND NOT tail.transfer_out AND (stay.is_open OR stay.end_date > tail.end_date) AS outlasts,
            begins_inside OR transferred AS continues
        FROM {number}_latest AS stay
        LEFT JOIN stays AS tail
            ON tail.person_key = stay.person_key AND tail.is_regular = stay.is_regular AND tail.place = stay.tail_place
    ),
    {number}_numbered AS (
        SELECT * EXCLUDE (continues), sum(CASE WHEN continues THEN 0 ELSE 1 END) OVER (
            PARTITION BY {group} ORDER BY place ROWS UNBOUNDED PRECEDING) AS {number}
        FROM {number}_compared
    )"""


def _spells_of_chains(rules: ClinicalRules) -> str:
    """Return the CTE `spells`: every stay with its chain, and the class and number of its spell within the chain.

    A stay is separate by its class, or because it outlasts a spell of such a class, whose class is `around`. Any other stay belongs to the
    class of the stay that it continues. That is the last separate stay before it that ended later than every earlier stay, or else the first
    stay of the chain.
    """
    separate = sql_list(_SEPARATE)
    of_chain = f"PARTITION BY {_CHAIN} ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING"
    decides = f"""row_number() OVER (PARTITION BY {_CHAIN} ORDER BY place) = 1
                OR CASE WHEN is_new THEN end_date >= tail_end ELSE outlasts AND NOT transferred AND NOT is_open END"""
    compared = "begins_inside, transferred, outlasts, tail_end"
    return f"""
    mixed AS (
        SELECT {_CHAIN} FROM chain_numbered GROUP BY {_CHAIN} HAVING bool_or(stay_class IN ({separate}))
            AND bool_or(begins_inside AND NOT transferred AND (outlasts OR stay_class IN ({separate})))
    ),
    decided AS (
        SELECT *, begins_inside AND NOT transferred AND stay_class IN ({separate}) AS is_new,
            CASE WHEN {decides} THEN stay_class END AS decided_class
        FROM chain_numbered SEMI JOIN mixed USING ({_CHAIN})
    ),
    surrounded AS (
        SELECT * EXCLUDE (decided_class), last_value(decided_class IGNORE NULLS) OVER ({of_chain} AND 1 PRECEDING) AS around FROM decided
    ),
    separated AS (
        SELECT * EXCLUDE (is_new, around),
            CASE WHEN is_new OR outlasts AND NOT transferred AND around IN ({separate}) THEN stay_class END AS separate_class
        FROM surrounded
    ),
    classified AS (
        SELECT * EXCLUDE ({compared}, separate_class), coalesce(separate_class,
                last_value(CASE WHEN end_date >= tail_end THEN separate_class END IGNORE NULLS) OVER ({of_chain} AND 1 PRECEDING),
                first_value(stay_class) OVER ({of_chain} AND CURRENT ROW)) AS class_of_chain
        FROM separated
    ),
    {_numbered("classified", f"{_CHAIN}, class_of_chain", "spell_of_chain", rules)},
    spells AS (
        SELECT * EXCLUDE ({compared}), true AS has_separate FROM spell_of_chain_numbered
        UNION ALL BY NAME
        SELECT * EXCLUDE ({compared}), '' AS class_of_chain, 1 AS spell_of_chain, false AS has_separate
        FROM chain_numbered ANTI JOIN mixed USING ({_CHAIN})
    )"""


# The nights of a spell that count for another spell of the person. Only spells of one chain can overlap.
_SHARED_NIGHTS = f"""ranked AS (
        SELECT *, coalesce(list_position([{sql_list(_SEPARATE)}], spell_class), {len(_SEPARATE) + 1}) AS rank FROM joined WHERE has_separate
    ),
    shared AS (
        SELECT person_key, is_regular, first_place, count(DISTINCT night) AS shared_nights
        FROM (
            SELECT other.person_key, other.is_regular, other.first_place, unnest(range(
                greatest(other.admission_date, counted.admission_date) - DATE '1970-01-01',
                least(other.discharge_date, counted.discharge_date) - DATE '1970-01-01')) AS night
            FROM ranked AS other JOIN ranked AS counted USING ({_CHAIN})
            WHERE other.discharge_date IS NOT NULL AND counted.rank < other.rank)
        GROUP BY person_key, is_regular, first_place
    )"""


def _transferred(rules: ClinicalRules) -> str:
    destination, source, method = rules.not_a_transfer
    return f"""NOT tail.is_open
                    AND abs(stay.admission_date - tail.end_date) <= {rules.transfer_gap_days}
                    AND (stay.transfer_in OR tail.transfer_out)
                    AND NOT coalesce(tail.discharge_destination = {quote(destination)} AND stay.admission_source = {quote(source)}
                        AND stay.admission_method = {quote(method)}, false)
                    AND stay.stay_class <> 'birth'
                    AND (stay.stay_class <> 'maternity' OR tail.stay_class = 'maternity')"""

"""core__person: everyone in any feed, with a number that stays the same."""

from __future__ import annotations

from collections.abc import Collection

from expectations.catalogue import RAW_TABLES
from expectations.feeds import ADMISSIONS, HOSPITAL_FEEDS, OPT_OUTS, PATIENTS, REGISTRATIONS
from expectations.sql_values import quote
from expectations.tables.raw_gp import UNDATED_WITHDRAWAL
from pipelines.conform.clinical_rules import ClinicalRules, sql_list
from pipelines.conform.feeds import Sources

# The feeds whose objections, deaths and confidential records also count for a pseudonym that differs only in letter case.
CASE_CAUTIOUS = (PATIENTS.name, OPT_OUTS.name, ADMISSIONS.name)
_STATED_SEX = "('1', '2')"
_UNSTATED_ETHNICITY = "('Z', '99')"
_NO_PEOPLE = "(SELECT CAST(NULL AS INTEGER) AS person_key, CAST(NULL AS VARCHAR) AS person_id WHERE false)"
NO_DEATHS_STATED = "(SELECT '' AS person_id, CAST(NULL AS DATE) AS extract_date, CAST(NULL AS DATE) AS stated_date WHERE false)"
_NO_LIST = """SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS birth_date,
    CAST(NULL AS DATE) AS assumed_birth_date, CAST(NULL AS DATE) AS death_date,
    CAST(NULL AS VARCHAR) AS sex, CAST(NULL AS VARCHAR) AS ethnic_category WHERE false"""


def person_sql(
    person_ids: str, sources: Sources, rules: ClinicalRules, known: str | None = None, stated_deaths: str = NO_DEATHS_STATED,
    confidential: str = "", cautious: Collection[str] = CASE_CAUTIOUS,
) -> str:  # fmt: skip
    """Return the SQL of core__person.

    `person_ids` is SQL with a column person_id and may contain repeats. `known` is the core__person of an earlier run. Its
    people keep their keys and stay in the table even if no feed names them any more. New people follow in order of person_id,
    so a key is never used twice.

    `stated_deaths` is SQL of the rows of the registered list that state a death (`stated_dates.py`). A row that states a death
    goes before one that does not, and a readable day before an unreadable one. For sex and ethnicity a stated value goes before
    a refused one (Z, 9), and that before an unknown one (99, 0). The registered list goes before the latest hospital record.

    An objection or death in one of the `cautious` feeds also counts for everyone whose pseudonym differs from the stated one only in
    letter case. `confidential` is SQL of the people of confidential records: such a person is not on the list.
    """
    return f"""
    WITH known AS (SELECT person_key, person_id FROM {known or _NO_PEOPLE}),
    fresh AS (SELECT DISTINCT person_id FROM {person_ids} WHERE person_id NOT IN (SELECT person_id FROM known)),
    numbered AS (
        SELECT person_key, person_id FROM known
        UNION ALL
        SELECT (SELECT coalesce(max(person_key), -1) FROM known) + row_number() OVER (ORDER BY person_id), person_id FROM fresh
    ),
    listed AS ({_listed(sources)}),
    members AS ({_members(sources)}),
    hospital AS ({_hospital(sources)}),
    twins AS MATERIALIZED ({_TWINS}),
    stated_list_deaths AS ({_list_deaths(sources, stated_deaths)}),
    stated_hospital_deaths AS ({_deaths(sources, rules)}),
    stated_opt_outs AS ({_opt_outs(sources)}),
    list_deaths AS ({_with_twins("stated_list_deaths", "min(day) AS day", PATIENTS.name in cautious, _LISTED_DEATHS)}),
    deaths AS ({_with_twins("stated_hospital_deaths", "min(day) AS day, bool_or(undated) AS undated", ADMISSIONS.name in cautious)}),
    opt_outs AS ({_with_twins("stated_opt_outs", "bool_or(type_1) AS type_1, bool_or(national) AS national", OPT_OUTS.name in cautious)}),
    hidden AS ({_hidden(confidential if PATIENTS.name in cautious else "")})
    SELECT
        CAST(person_key AS INTEGER) AS person_key,
        person_id,
        listed.birth_date,
        listed.assumed_birth_date,
        coalesce(CASE WHEN listed.sex IN {_STATED_SEX} THEN listed.sex END, hospital.stated_sex, listed.sex, hospital.sex) AS sex,
        coalesce(
            CASE WHEN listed.ethnic_category NOT IN {_UNSTATED_ETHNICITY} THEN listed.ethnic_category END,
            hospital.stated_ethnicity,
            CASE WHEN 'Z' IN (listed.ethnic_category, hospital.refused_ethnicity) THEN 'Z' END,
            listed.ethnic_category, hospital.ethnicity
        ) AS ethnic_category,
        coalesce(listed.death_date, list_deaths.day, deaths.day) AS death_date,
        coalesce(listed.death_date, list_deaths.day, deaths.day) IS NULL
            AND (list_deaths.person_id IS NOT NULL OR coalesce(deaths.undated, false)) AS death_not_readable,
        coalesce(opt_outs.type_1, false) AS type_1_opt_out,
        coalesce(opt_outs.national, false) AS national_data_opt_out,
        members.person_id IS NOT NULL AND hidden.person_id IS NULL AS on_list
    FROM numbered
    LEFT JOIN listed USING (person_id)
    LEFT JOIN members USING (person_id)
    LEFT JOIN hospital USING (person_id)
    LEFT JOIN list_deaths USING (person_id)
    LEFT JOIN deaths USING (person_id)
    LEFT JOIN opt_outs USING (person_id)
    LEFT JOIN hidden USING (person_id)
    """


# Pairs of pseudonyms that differ only in letter case.
_TWINS = """SELECT one.person_id, two.person_id AS twin
        FROM (SELECT lower(person_id) AS folded FROM numbered GROUP BY folded HAVING count(*) > 1)
        JOIN numbered AS one ON lower(one.person_id) = folded JOIN numbered AS two ON lower(two.person_id) = folded
        WHERE one.person_id <> two.person_id"""
_LISTED_DEATHS = "SELECT person_id, death_date AS day FROM listed WHERE death_date IS NOT NULL"


def _with_twins(stated: str, merged: str, cautious: bool, also_of_twins: str = "") -> str:
    """Return what is stated of each person, and of pseudonyms that differ only in letter case; `merged` joins both."""
    if not cautious:
        return f"FROM {stated}"
    of_twins = f"(FROM {stated}{f' UNION ALL BY NAME {also_of_twins}' if also_of_twins else ''})"
    theirs = (
        f"SELECT theirs.* REPLACE (twins.person_id AS person_id) FROM {of_twins} AS theirs JOIN twins ON twin = theirs.person_id"
    )
    return f"SELECT person_id, {merged} FROM (FROM {stated} UNION ALL BY NAME {theirs}) GROUP BY person_id"


def _hidden(confidential: str) -> str:
    """Return the people whose pseudonym differs only in letter case from that of a confidential record."""
    if not confidential:
        return "SELECT CAST(NULL AS VARCHAR) AS person_id WHERE false"
    return f"""SELECT DISTINCT numbered.person_id FROM numbered
        JOIN {confidential} AS record ON lower(record.person_id) = lower(numbered.person_id)
        WHERE record.person_id <> numbered.person_id"""


def _listed(sources: Sources) -> str:
    if PATIENTS.name not in sources:
        return _NO_LIST
    return f"""SELECT person_id, make_date(birth_year, coalesce(birth_month, 1), 1) AS birth_date,
            CASE WHEN birth_month IS NULL THEN make_date(birth_year, 7, 1) END AS assumed_birth_date, death_date, sex, ethnic_category
        FROM {sources[PATIENTS.name]}"""


def _members(sources: Sources) -> str:
    """Return who is on the registered list: the people of PATIENT, or those with a registration if there is none."""
    feed = sources.get(PATIENTS.name) or sources.get(REGISTRATIONS.name) or _NO_PEOPLE
    return f"SELECT DISTINCT person_id FROM {feed}"


def _hospital(sources: Sources) -> str:
    """Return the latest sex and ethnicity in hospital records. The day comes before the value, so the maximum is the latest."""
    tables = [RAW_TABLES[feed] for feed in HOSPITAL_FEEDS if feed in sources]
    dated = [
        f"SELECT person_id, CAST({table.event_date} AS VARCHAR) AS day, sex, ethnic_category FROM {sources[table.feed]}"
        for table in tables
        if {"sex", "ethnic_category"} <= {column.name for column in table.columns}
    ]
    records = " UNION ALL ".join(dated) or (
        "SELECT CAST(NULL AS VARCHAR) AS person_id, '' AS day, CAST(NULL AS VARCHAR) AS sex, "
        "CAST(NULL AS VARCHAR) AS ethnic_category WHERE false"
    )
    return f"""
        SELECT person_id,
            substr(max(day || sex) FILTER (sex IN {_STATED_SEX}), 11) AS stated_sex,
            substr(max(day || sex), 11) AS sex,
            substr(max(day || ethnic_category) FILTER (ethnic_category NOT IN {_UNSTATED_ETHNICITY}), 11) AS stated_ethnicity,
            max(ethnic_category) FILTER (ethnic_category = 'Z') AS refused_ethnicity,
            substr(max(day || ethnic_category), 11) AS ethnicity
        FROM ({records}) GROUP BY person_id"""


def _list_deaths(sources: Sources, stated_deaths: str) -> str:
    """Return the people who died according to any row of their current delivery, with the first readable day."""
    if PATIENTS.name not in sources:
        return "SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS day WHERE false"
    return f"""SELECT person_id, min(stated_date) AS day
        FROM {stated_deaths} SEMI JOIN {sources[PATIENTS.name]} USING (person_id, extract_date) GROUP BY person_id"""


def _deaths(sources: Sources, rules: ClinicalRules) -> str:
    """Return deaths in hospital, with the day or as `undated`; one after which the person was admitted again is a coding error."""
    if ADMISSIONS.name not in sources:
        return "SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS day, false AS undated WHERE false"
    died = f"discharge_method IN ({sql_list(rules.died_methods)})"
    return f"""SELECT person_id, CASE WHEN died >= admitted THEN died END AS day, coalesce(undated >= admitted, false) AS undated
        FROM (
            SELECT person_id, max(admission_date) AS admitted, max(discharge_date) FILTER ({died}) AS died,
                max(admission_date) FILTER ({died} AND discharge_date IS NULL) AS undated
            FROM {sources[ADMISSIONS.name]} GROUP BY person_id
        ) WHERE died >= admitted OR undated >= admitted"""


def _opt_outs(sources: Sources) -> str:
    """Return who objects: for each kind of opt-out, everyone with an objection that no withdrawal ended."""
    if OPT_OUTS.name not in sources:
        return "SELECT CAST(NULL AS VARCHAR) AS person_id, false AS type_1, false AS national WHERE false"
    return f"""
        WITH sent AS (
            SELECT person_id, opt_out_type, status, effective_date, extract_date, least(effective_date, extract_date) AS day
            FROM {sources[OPT_OUTS.name]} WHERE status = '1' OR effective_date <= extract_date
        ),
        objections AS (SELECT * FROM sent WHERE status = '1'),
        withdrawals AS (SELECT * FROM sent WHERE status = '0'),
        withdrawn AS (
            SELECT objected.* FROM objections AS objected JOIN withdrawals AS withdrew USING (person_id, opt_out_type) WHERE {_ENDS}
        ),
        lasting AS (FROM objections ANTI JOIN withdrawn USING (person_id, opt_out_type, effective_date, extract_date))
        SELECT person_id, bool_or(opt_out_type = 'TYPE_1') AS type_1, bool_or(opt_out_type = 'NATIONAL') AS national
        FROM lasting GROUP BY person_id"""


# Whether a withdrawal ends an objection. A withdrawal of the same delivery must be dated after it, one of a later delivery not
# before it. One without a day ends only an objection that has none either, which counts from the day of its delivery.
_ENDS = f"""(withdrew.extract_date >= objected.extract_date AND withdrew.day > objected.day)
            OR (withdrew.extract_date > objected.extract_date AND (
                withdrew.day = objected.day
                OR (withdrew.day = DATE {quote(UNDATED_WITHDRAWAL)} AND objected.effective_date >= objected.extract_date)))"""

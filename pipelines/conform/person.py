"""core__person: everyone in any feed, with a number that stays the same."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from expectations.age import assumed_birth_sql, earliest_birth_sql
from expectations.catalogue import RAW_TABLES
from expectations.feeds import ADMISSIONS, HOSPITAL_FEEDS, OPT_OUTS, PATIENTS, REGISTRATIONS
from expectations.sql_values import quote, quote_all
from expectations.suppression import ADMITTED_AGAIN, DEATH_CONTRADICTED, DEATH_WITHDRAWN, DISCHARGE_NOT_READABLE, SUPPRESSIONS
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.deaths import NO_ONE_ALIVE, DeathSettings, review_digest_sql
from pipelines.conform.feeds import Sources
from pipelines.conform.hospital_deaths import MERGED, NO_DEATHS, hospital_deaths_sql

# The feeds whose objections, deaths and confidential records also count for a pseudonym that differs only in letter case.
CASE_CAUTIOUS = (PATIENTS.name, OPT_OUTS.name, ADMISSIONS.name)
_STATED_SEX = "('1', '2')"
_UNSTATED_ETHNICITY = "('Z', '99')"
_NO_PEOPLE = "(SELECT CAST(NULL AS INTEGER) AS person_key, CAST(NULL AS VARCHAR) AS person_id WHERE false)"
_NO_REVIEWS = "(SELECT '' AS person_id, CAST(NULL AS DATE) AS death_in_review WHERE false)"
NO_DEATHS_STATED = """(SELECT '' AS person_id, CAST(NULL AS DATE) AS extract_date, CAST(NULL AS DATE) AS stated_date, true AS is_possible,
    false AS is_replaced WHERE false)"""
_NO_MARKS = "(SELECT '' AS person_id, CAST(NULL AS DATE) AS extract_date, '' AS reason WHERE false)"
NO_OBJECTIONS = "(SELECT '' AS person_id, '' AS kind, '' AS state WHERE false)"
_NO_LIST = """SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS birth_date,
    CAST(NULL AS DATE) AS assumed_birth_date, CAST(NULL AS DATE) AS death_date,
    CAST(NULL AS VARCHAR) AS sex, CAST(NULL AS VARCHAR) AS ethnic_category WHERE false"""


@dataclass(frozen=True)
class StatedFacts:
    """SQL of facts that count even if the row that states them is not used; '' where the source has none.

    * `deaths` are the rows of every delivery of the list that state a death (`stated_dates.py`).
    * `stays` are the rows of every delivery of admissions that may state a death in hospital (`stated_stays.py`).
    * `marks` are people whom a mark of the list suppresses (`stated_dates.py`).
    * `objections` is core__objection.
    * `reviews` are the withdrawn deaths that an earlier run stored as in review.
    * `alive` are the people whom a recorded decision accepts as alive (`deaths.py`).
    * `confidential` are the people of confidential records.
    * `birth_days` has person_id and birth_day, the day of the month, where a source has it.
    * The `cautious` feeds also count for a pseudonym that differs only in letter case.
    """

    deaths: str = ""
    objections: str = ""
    stays: str = ""
    marks: str = ""
    alive: str = ""
    reviews: str = ""
    confidential: str = ""
    birth_days: str = ""
    cautious: Collection[str] = CASE_CAUTIOUS
    settings: DeathSettings = field(default_factory=DeathSettings)


def person_sql(
    person_ids: str, sources: Sources, rules: ClinicalRules, known: str | None = None, stated: StatedFacts | None = None
) -> str:
    """Return the SQL of core__person.

    `person_ids` is SQL with a column person_id and may contain repeats. `known` is the core__person of an earlier run. Its
    people keep their keys and stay in the table even if no feed names them any more. New people follow in order of person_id,
    so a key is never used twice.

    A row that states a death goes before one that does not, and a readable day before an unreadable one. Rows of the delivery of a person's
    current row count, and rows of later ones that could not be used. A death that an earlier delivery or a replaced file stated and the latest
    does not, or that a later registration or admission contradicts, is in review until a decision. For sex and ethnicity a stated value goes before
    a refused one (Z, 9), and that before an unknown one (99, 0). The registered list goes before the latest hospital record.

    An objection, death, mark or review in one of the `cautious` feeds also counts for everyone whose pseudonym differs from the stated one
    only in letter case. `confidential` is SQL of the people of confidential records: such a person is not on the list.
    """
    stated = stated or StatedFacts()
    return f"""
    WITH known AS (SELECT person_key, person_id FROM {known or _NO_PEOPLE}),
    fresh AS (SELECT DISTINCT person_id FROM {person_ids} WHERE person_id NOT IN (SELECT person_id FROM known)),
    numbered AS (
        SELECT person_key, person_id FROM known
        UNION ALL
        SELECT (SELECT coalesce(max(person_key), -1) FROM known) + row_number() OVER (ORDER BY person_id), person_id FROM fresh
    ),
    listed AS ({_listed(sources, stated.birth_days)}),
    members AS ({_members(sources)}),
    hospital AS ({_hospital(sources)}),
    twins AS MATERIALIZED ({_TWINS}),
    stated_list_deaths AS ({_list_deaths(sources, stated)}),
    stated_hospital_deaths AS ({_hospital_deaths(sources, rules, stated.stays)}),
    stated_opt_outs AS ({_opt_outs(stated.objections or NO_OBJECTIONS)}),
    list_deaths AS ({_with_twins("stated_list_deaths", "min(day) AS day", PATIENTS.name in stated.cautious, _LISTED_DEATHS)}),
    deaths AS ({_with_twins("stated_hospital_deaths", MERGED, ADMISSIONS.name in stated.cautious)}),
    opt_outs AS ({_with_twins("stated_opt_outs", "bool_or(type_1) AS type_1, bool_or(national) AS national", OPT_OUTS.name in stated.cautious)}),
    hidden AS ({_hidden(stated.confidential if PATIENTS.name in stated.cautious else "")}),
    marks AS ({_marks(sources, stated)}),
    withdrawn AS ({_withdrawn(sources, stated)}),
    again AS ({_registered_last(sources)}),
    people AS (
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
        members.person_id IS NOT NULL AND hidden.person_id IS NULL AS on_list,
        coalesce(marks.reason, CASE WHEN deaths.not_readable AND coalesce(listed.death_date, list_deaths.day, deaths.day) IS NULL
            THEN {quote(DISCHARGE_NOT_READABLE)} END) AS mark,
        again.start_date > coalesce(listed.death_date, list_deaths.day, deaths.day) + {stated.settings.registered_again_days} AS is_contradicted,
        withdrawn.person_id IS NOT NULL OR coalesce(deaths.taken_back, false) AS is_withdrawn,
        coalesce(deaths.admitted_again, false) AS admitted_again,
        coalesce(withdrawn.day, deaths.review_day) AS withdrawn_day
    FROM numbered
    LEFT JOIN listed USING (person_id)
    LEFT JOIN members USING (person_id)
    LEFT JOIN hospital USING (person_id)
    LEFT JOIN list_deaths USING (person_id)
    LEFT JOIN deaths USING (person_id)
    LEFT JOIN opt_outs USING (person_id)
    LEFT JOIN hidden USING (person_id)
    LEFT JOIN marks USING (person_id)
    LEFT JOIN withdrawn USING (person_id)
    LEFT JOIN again USING (person_id)
    ),
    reviewed AS (
        SELECT people.*, CASE
                WHEN is_contradicted THEN {quote(DEATH_CONTRADICTED)}
                WHEN death_date IS NOT NULL OR death_not_readable THEN NULL
                WHEN is_withdrawn OR coalesce(was_withdrawn, false) THEN {quote(DEATH_WITHDRAWN)}
                WHEN admitted_again THEN {quote(ADMITTED_AGAIN)}
            END AS review,
            CASE WHEN is_contradicted THEN death_date WHEN is_withdrawn THEN withdrawn_day WHEN was_withdrawn THEN day_before ELSE withdrawn_day
            END AS review_day
        FROM people LEFT JOIN (
            SELECT person_id, true AS was_withdrawn, death_in_review AS day_before FROM {stated.reviews or _NO_REVIEWS}
        ) USING (person_id)
    ),
    decided AS (
        SELECT reviewed.*, review IS NOT NULL AND accepted.person_key IS NOT NULL AS is_accepted
        FROM reviewed LEFT JOIN {stated.alive or NO_ONE_ALIVE} AS accepted
            ON accepted.person_key = reviewed.person_key AND accepted.digest = {review_digest_sql("reviewed.person_key", "review_day")}
    )
    SELECT * EXCLUDE (mark, is_contradicted, is_withdrawn, admitted_again, withdrawn_day, review, review_day, is_accepted)
            REPLACE (CASE WHEN NOT is_accepted THEN death_date END AS death_date),
        coalesce(mark, CASE WHEN NOT is_accepted THEN review END) AS suppression,
        CASE WHEN NOT is_accepted AND review IS NOT NULL THEN review_day END AS death_in_review
    FROM decided
    """


# Pairs of pseudonyms that differ only in letter case.
_TWINS = """SELECT one.person_id, two.person_id AS twin
        FROM (SELECT lower(person_id) AS folded FROM numbered GROUP BY folded HAVING count(*) > 1)
        JOIN numbered AS one ON lower(one.person_id) = folded JOIN numbered AS two ON lower(two.person_id) = folded
        WHERE one.person_id <> two.person_id"""
_FIRST_MARK = f"arg_min(reason, list_position([{quote_all(SUPPRESSIONS)}], reason)) AS reason"
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


def _listed(sources: Sources, birth_days: str) -> str:
    if PATIENTS.name not in sources:
        return _NO_LIST
    return f"""SELECT person_id, {earliest_birth_sql("birth_year", "birth_month", "birth_day" if birth_days else "")} AS birth_date,
            {assumed_birth_sql("birth_year", "birth_month")} AS assumed_birth_date, death_date, sex, ethnic_category
        FROM {sources[PATIENTS.name]} {f"LEFT JOIN {birth_days} USING (person_id)" if birth_days else ""}"""


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


def _listed_with(sources: Sources, stated: str, cautious: bool) -> str:
    """Return the SQL of what is stated of people on the list, with `listed_on`, the delivery of their current row, as `listed_id`."""
    same = "lower(listed_id) = lower(stated.person_id)" if cautious else "listed_id = stated.person_id"
    return f"{stated} AS stated JOIN (SELECT person_id AS listed_id, extract_date AS listed_on FROM {sources[PATIENTS.name]}) ON {same}"


def _list_deaths(sources: Sources, stated: StatedFacts) -> str:
    """Return the people who died according to any row of the delivery of their current row or a later one, with the first readable day."""
    if PATIENTS.name not in sources:
        return "SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS day WHERE false"
    rows = _listed_with(sources, stated.deaths or NO_DEATHS_STATED, PATIENTS.name in stated.cautious)
    return f"""SELECT listed_id AS person_id, min(stated_date) AS day FROM {rows}
        WHERE NOT is_replaced AND stated.extract_date >= listed_on GROUP BY listed_id"""


def _marks(sources: Sources, stated: StatedFacts) -> str:
    """Return the people on the list whom a row of the delivery of their current row or a later one marks, with the first reason."""
    if PATIENTS.name not in sources:
        return "SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS VARCHAR) AS reason WHERE false"
    rows = _listed_with(sources, stated.marks or _NO_MARKS, PATIENTS.name in stated.cautious)
    return f"""SELECT listed_id AS person_id, arg_min(reason, list_position([{quote_all(SUPPRESSIONS)}], reason)) AS reason FROM {rows}
        WHERE stated.extract_date >= listed_on GROUP BY listed_id"""


def _withdrawn(sources: Sources, stated: StatedFacts) -> str:
    """Return the people whose death an earlier delivery than that of their current row, or a replaced file, states, with the last day."""
    if PATIENTS.name not in sources:
        return "SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS day WHERE false"
    rows = _listed_with(sources, stated.deaths or NO_DEATHS_STATED, PATIENTS.name in stated.cautious)
    return f"""SELECT listed_id AS person_id, max(stated_date) AS day FROM {rows}
        WHERE is_possible AND (stated.extract_date < listed_on OR (is_replaced AND stated.extract_date = listed_on)) GROUP BY listed_id"""


def _registered_last(sources: Sources) -> str:
    """Return the start of each person's last registration."""
    if REGISTRATIONS.name not in sources:
        return "SELECT CAST(NULL AS VARCHAR) AS person_id, CAST(NULL AS DATE) AS start_date WHERE false"
    return f"SELECT person_id, max(start_date) AS start_date FROM {sources[REGISTRATIONS.name]} GROUP BY person_id"


def _hospital_deaths(sources: Sources, rules: ClinicalRules, stays: str) -> str:
    return hospital_deaths_sql(sources[ADMISSIONS.name], rules, stays) if ADMISSIONS.name in sources else NO_DEATHS


def _opt_outs(objections: str) -> str:
    """Return who objects: everyone with an objection in force, and everyone whom a permitted national list did not check."""
    return f"""SELECT person_id, bool_or(kind = 'type_1') AS type_1, bool_or(kind = 'national') AS national
        FROM {objections} WHERE state IN ('in_force', 'not_known') GROUP BY person_id"""

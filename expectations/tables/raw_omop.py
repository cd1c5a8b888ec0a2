"""The tables of the OMOP CDM 5.3 and 5.4 that Strata reads, as delivered.

Identifiers are text, because they may be negative 64-bit numbers or strings. Columns have their names in 5.4, and the source renames those of
5.3. Only columns that Strata uses are declared. Other columns of a file are listed and not stored.
"""

from __future__ import annotations

from dataclasses import replace

from expectations.diagnosis_codes import ICD10, alone
from expectations.identifier_schemes import Scheme
from expectations.sql_values import quote
from expectations.table import Action, Column, Kind, Lost, RowRule, Table
from expectations.tables.raw_common import PLACEHOLDER_DATES, PROVENANCE, duplicate_rule
from expectations.tables.raw_hospital import DISCHARGE_NOT_READABLE
from expectations.tables.raw_table_rules import (
    COLUMNS_PRESENT,
    DAY_AND_MONTH,
    FEED_COLLAPSED,
    NOT_EMPTY,
    SHARE_SET_ASIDE,
    lost_value_rules,
)

CONCEPT_ID = r"-?[0-9]{1,19}"
# The code of a source: a Read code has five characters, and some have the form of a postcode, such as G30yz.
CODE_FORM = rf"[A-Z0-9.]{{5}}|{alone(ICD10)}"
# These rules need other tables of the source: `pipelines/conform/omop/links.py` finds the rows that break them.
NO_SUCH_PERSON = RowRule(
    "unknown_person",
    "unknown_person",
    Action.SET_ASIDE,
    "The person is not in PERSON, or the row in PERSON was set aside.",
    ("person_id",),
)
OUTSIDE_OBSERVATION = RowRule(
    "outside_observation_period",
    "outside_observation_period",
    Action.SET_ASIDE,
    "The day is outside the observation periods of the person, so the data of that time may be incomplete.",
)


def _id(name: str, description: str, *, key: bool = False, scheme: Scheme = Scheme.RECORD) -> Column:
    action = Action.SET_ASIDE if key else Action.NULLED
    return Column(name, Kind.IDENTIFIER, description, nullable=not key, on_violation=action, required_in_file=key, scheme=scheme)


def _concept(name: str, description: str, *, required: bool = False) -> Column:
    return Column(name, Kind.CODE, description, pattern=CONCEPT_ID, required_in_file=required)


def _day(name: str, description: str, *, required: bool = False, chosen: bool = False) -> Column:
    action = Action.SET_ASIDE if required else Action.NULLED
    lost = Lost.SETS_ASIDE if required else Lost.UNKNOWN
    return Column(
        name, Kind.DATE, description, nullable=not required, on_violation=action, required_in_file=required, lost=lost, chosen_days=chosen
    )  # fmt: skip


def _count(
    name: str, description: str, unit: str, minimum: float, maximum: float | None = None, *, required: bool = False
) -> Column:
    action = Action.SET_ASIDE if required else Action.NULLED
    return Column(name, Kind.INTEGER, description, unit=unit, minimum=minimum, maximum=maximum, nullable=not required,
                  on_violation=action, required_in_file=required)  # fmt: skip


PERSON_ID = _id("person_id", "The person's pseudonym.", key=True, scheme=Scheme.PERSON)


def _ends_before(start: str, end: str) -> RowRule:
    return RowRule(
        "end_before_start", f"{end} < {start}", Action.SET_ASIDE, "The end is before the start.", (start, end), defect=6
    )


def _dated(column: str) -> tuple[RowRule, ...]:
    placeholders = ", ".join(f"DATE {quote(day)}" for day in PLACEHOLDER_DATES)
    return (
        RowRule("placeholder_date", f"{column} IN ({placeholders})", Action.SET_ASIDE,
                f"{column} is a placeholder that systems write for an unknown date.", (column,), defect=8),
        RowRule("date_after_extract", f"{column} > extract_date AND {column} NOT IN ({placeholders})", Action.SET_ASIDE,
                f"{column} is after the day of the extract.", (column,), defect=8),
    )  # fmt: skip


def _omop(
    name: str,
    description: str,
    columns: tuple[Column, ...],
    key: tuple[str, ...],
    *,
    event_date: str = "",
    row_rules: tuple[RowRule, ...] = (),
    observed: bool = False,
    person: str = "person_id",
    may_be_empty: bool = True,
) -> Table:
    """Return the raw table of a CDM table; `observed` rows must be in an observation period of their person."""
    linked = (NO_SUCH_PERSON,) if person and name != "person" else ()
    inside = (OUTSIDE_OBSERVATION,) if observed else ()
    dated = _dated(event_date) if event_date else ()
    return Table(
        name=f"raw__omop_{name}",
        description=description,
        columns=(*columns, *PROVENANCE),
        key=key,
        partitioned_by=("extract_id",),
        row_rules=(*dated, *row_rules, duplicate_rule(key)),
        table_rules=(
            *(() if may_be_empty else (NOT_EMPTY,)),
            COLUMNS_PRESENT,
            SHARE_SET_ASIDE,
            FEED_COLLAPSED,
            *((DAY_AND_MONTH,) if any(column.kind is Kind.DATE for column in columns) else ()),
            *lost_value_rules(columns),
        ),
        linked_rules=(*linked, *inside),
        feed=f"omop_{name}",
        event_date=event_date,
        available=event_date or "extract_date",
        person=person,
    )


def _clinical(name: str, description: str, domain: str, start: str, more: tuple[Column, ...], end: str = "") -> Table:
    """Return a table of clinical events: one row per event, with a concept, a day and an optional visit."""
    columns = (
        _id(f"{name}_id", "Number of the row.", key=True),
        PERSON_ID,
        _concept(f"{domain}_concept_id", "Standard concept. 0 where the source code has no standard concept.", required=True),
        _day(start, "First day.", required=True),
        *((_day(end, "Last day."),) if end else ()),
        _id("visit_occurrence_id", "The visit of the event."),
        Column(f"{domain}_source_value", Kind.TEXT, "Code or text in the source.", code_form=CODE_FORM),
        _concept(f"{domain}_source_concept_id", "Code in the source, as a concept."),
        *more,
    )
    rules = (_ends_before(start, end),) if end else ()
    return _omop(name, description, columns, (f"{name}_id",), event_date=start, row_rules=rules, observed=True)


PERSON = _omop(
    "person",
    "The people of the source (PERSON).",
    (
        PERSON_ID,
        _concept("gender_concept_id", "8507 male, 8532 female.", required=True),
        _count("year_of_birth", "Year of birth.", "year", 1850, required=True),
        _count("month_of_birth", "Month of birth.", "month", 1, 12),
        _count("day_of_birth", "Day of birth.", "day", 1, 31),
        _concept("race_concept_id", "Race, by the categories of the sender's country; not an NHS ethnic category."),
        _concept("ethnicity_concept_id", "Hispanic or not, in American sources; not an NHS ethnic category."),
        Column("race_source_value", Kind.TEXT, "Race in the source."),
        Column("ethnicity_source_value", Kind.TEXT, "Ethnicity in the source."),
        _id("location_id", "Where the person lives."),
        _id("care_site_id", "The person's main place of care."),
    ),
    ("person_id",),
    row_rules=(
        RowRule("birth_after_extract", "year_of_birth > year(extract_date)", Action.SET_ASIDE, "The year of birth is after the extract.",
                ("year_of_birth",), defect=8),
    ),
    may_be_empty=False,
)  # fmt: skip

OBSERVATION_PERIOD = _omop(
    "observation_period",
    "Periods in which the source records the events of a person (OBSERVATION_PERIOD).",
    (
        _id("observation_period_id", "Number of the row.", key=True),
        PERSON_ID,
        _day("observation_period_start_date", "First day.", required=True),
        _day("observation_period_end_date", "Last day.", required=True),
    ),
    ("observation_period_id",),
    event_date="observation_period_start_date",
    row_rules=(_ends_before("observation_period_start_date", "observation_period_end_date"),),
    may_be_empty=False,
)

VISIT_OCCURRENCE = _omop(
    "visit_occurrence",
    "Visits: hospital stays, emergency room, outpatients and others (VISIT_OCCURRENCE).",
    (
        _id("visit_occurrence_id", "Number of the visit.", key=True),
        PERSON_ID,
        _concept("visit_concept_id", "Kind of visit.", required=True),
        _day("visit_start_date", "First day.", required=True),
        _day("visit_end_date", "Last day."),
        _id("care_site_id", "Where it took place."),
        Column("visit_source_value", Kind.TEXT, "Code or text in the source.", code_form=CODE_FORM),
        _concept("visit_source_concept_id", "Kind of visit in the source, as a concept."),
        _concept("admitted_from_concept_id", "Where the person came from (5.3: admitting_source_concept_id)."),
        Column("admitted_from_source_value", Kind.TEXT, "Text in the source for where the person came from (5.3: admitting_source_value)."),
        replace(_concept("discharged_to_concept_id", "Where the person went (5.3: discharge_to_concept_id). If it cannot be read, the visit may have ended in death."),
                lost=Lost.SUPPRESSES, lost_reason=DISCHARGE_NOT_READABLE),
        Column("discharged_to_source_value", Kind.TEXT, "Text in the source for where the person went (5.3: discharge_to_source_value)."),
        Column("admission_method", Kind.TEXT, "Admission method, from the column named in the settings."),
    ),
    ("visit_occurrence_id",),
    event_date="visit_start_date",
    row_rules=(
        _ends_before("visit_start_date", "visit_end_date"),
        RowRule("visit_end_after_extract", "visit_end_date > extract_date AND visit_start_date <= extract_date", Action.NULLED,
                "The visit ends after the extract. It is read as an open visit.", ("visit_end_date",), defect=8),
    ),
    observed=True,
)  # fmt: skip

CONDITION_OCCURRENCE = _clinical(
    "condition_occurrence", "Diagnoses and findings (CONDITION_OCCURRENCE).", "condition", "condition_start_date",
    (_concept("condition_type_concept_id", "Provenance of the row."),), "condition_end_date",
)  # fmt: skip
DRUG_EXPOSURE = _clinical(
    "drug_exposure", "Medicines prescribed, dispensed or given (DRUG_EXPOSURE).", "drug", "drug_exposure_start_date",
    (Column("quantity", Kind.NUMBER, "Quantity."), _count("days_supply", "Days that the medicine lasts.", "days", 0, 3650)), "drug_exposure_end_date",
)  # fmt: skip
PROCEDURE_OCCURRENCE = _clinical(
    "procedure_occurrence", "Procedures (PROCEDURE_OCCURRENCE).", "procedure", "procedure_date", ()
)  # fmt: skip
MEASUREMENT = _clinical(
    "measurement", "Measurements (MEASUREMENT).", "measurement", "measurement_date",
    (
        Column("value_as_number", Kind.NUMBER, "The measured value, in the unit that was sent."),
        _concept("value_as_concept_id", "The result as a concept."),
        _concept("unit_concept_id", "Unit of the value. Events have the value in the unit of the measurement."),
    ),
)  # fmt: skip
OBSERVATION = _clinical(
    "observation", "Other facts (OBSERVATION).", "observation", "observation_date",
    (Column("value_as_number", Kind.NUMBER, "The value."), _concept("value_as_concept_id", "The value as a concept.")),
)  # fmt: skip

DEATH = _omop(
    "death",
    "Deaths (DEATH), one row per person.",
    (PERSON_ID, replace(_day("death_date", "Day of death.", required=True), is_death=True)),
    ("person_id",),
    event_date="death_date",
)
COHORT = _omop(
    "cohort",
    "People who met a cohort definition of the source, with dates (COHORT).",
    (
        _id("cohort_definition_id", "The definition.", key=True),
        _id("subject_id", "The person.", key=True, scheme=Scheme.PERSON),
        _day("cohort_start_date", "Day of entry.", required=True, chosen=True),
        _day("cohort_end_date", "Day of leaving."),
    ),
    ("cohort_definition_id", "subject_id", "cohort_start_date"),
    event_date="cohort_start_date",
    row_rules=(
        _ends_before("cohort_start_date", "cohort_end_date"),
    ),
    person="subject_id",
)  # fmt: skip
CONCEPT = _omop(
    "concept",
    "Names and vocabularies of concepts (CONCEPT); optional.",
    (
        _id("concept_id", "The concept.", key=True),
        Column("concept_name", Kind.TEXT, "Name of the concept."),
        Column("domain_id", Kind.TEXT, "Domain of the concept."),
        Column("vocabulary_id", Kind.TEXT, "Vocabulary of the concept.", required_in_file=True),
        Column("concept_code", Kind.TEXT, "Code of the concept in the vocabulary.", code_form=CODE_FORM),
    ),
    ("concept_id",),
    person="",
)
CARE_SITE = _omop(
    "care_site",
    "Places of care (CARE_SITE); optional.",
    (_id("care_site_id", "The place.", key=True), Column("care_site_name", Kind.TEXT, "Name of the place.")),
    ("care_site_id",),
    person="",
)

OMOP_TABLES = (
    PERSON, OBSERVATION_PERIOD, VISIT_OCCURRENCE, CONDITION_OCCURRENCE, DRUG_EXPOSURE, PROCEDURE_OCCURRENCE, MEASUREMENT,
    OBSERVATION, DEATH, COHORT, CONCEPT, CARE_SITE,
)  # fmt: skip
CDM_TABLES = {table.feed.removeprefix("omop_"): table for table in OMOP_TABLES}  # CDM table -> its raw table
REQUIRED = ("person", "observation_period", "visit_occurrence")

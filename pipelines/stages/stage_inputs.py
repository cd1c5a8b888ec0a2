"""What several stages read: validated rows of each feed, index events and outcomes that a source defines."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pyarrow as pa

from expectations.feeds import ADMISSIONS, EVENT_FEEDS, PATIENTS, REGISTRATIONS
from expectations.table import Table
from expectations.tables.raw_omop import DEATH, VISIT_OCCURRENCE
from pipelines.building import build_features as features_stage
from pipelines.building.outcome_events import OutcomeSearch
from pipelines.conform.availability import AvailabilitySettings, lag_by_event_type
from pipelines.conform.by_source import conform_of
from pipelines.conform.deaths import alive_sql
from pipelines.conform.national_list import check_national_list
from pipelines.conform.omop.cohorts import index_events_sql, outcomes_sql
from pipelines.conform.person import CASE_CAUTIOUS
from pipelines.extracts.extract_records import current_extracts
from pipelines.lake.decision_record import DEATH_REVIEW, decisions_that_count
from pipelines.stages.context import StageContext
from pipelines.stages.results import StageResult
from pipelines.study.opt_out_rules import planning_rule, reference_to, use_of_opt_outs
from pipelines.validation.stated_dates import confidential_people_sql, named_people_sql, stated_dates_sql, suppressing_marks_sql
from pipelines.validation.stated_stays import stated_stays_sql, stated_visits_sql
from pipelines.validation.validated_rows import superseded_rows_sql, validated_rows_sql


def validated_rows(context: StageContext) -> Mapping[str, str]:
    """Return the SQL of the validated rows of every raw table that the stage reads and that has an extract, by feed."""
    return {table.feed: validated_rows_of(context, table) for table in context.raw_tables if has_extracts(context, table)}


def has_extracts(context: StageContext, table: Table) -> bool:
    """Return whether a feed has an extract."""
    return bool(current_extracts(context.lake, table.feed))


def validated_rows_of(context: StageContext, table: Table) -> str:
    """Return the SQL of a feed's current, validated rows."""
    return validated_rows_sql(context.lake, context.source.reading, table.feed, table)


def national_list_check(context: StageContext) -> StageResult:
    """Return the result of the check that the national list is valid; it is not needed if a decision includes people with an opt-out."""
    rule = planning_rule(context.lake)
    if rule.decision and not rule.excludes:
        return StageResult(message=f"the national data opt-out does not apply to planning outputs: {reference_to(rule.decision)}")
    today = context.outside.today
    if context.settings.source.kind == "synthetic":
        return StageResult(message="the dates of a synthetic source are not real, so its national list does not expire")
    check_national_list(context.lake, today)
    return StageResult({})


def stated_deaths(context: StageContext) -> str:
    """Return the SQL of the rows of the list that state a death; '' without the feed."""
    return _stated(context, PATIENTS.name, "death_date")


def stated_stays(context: StageContext) -> str:
    """Return the SQL of the rows of admissions that may state a death in hospital; '' without the feed."""
    if _table_of(context, VISIT_OCCURRENCE.feed) and context.settings.source.omop:
        return stated_visits_sql(context.lake, context.source.reading, context.settings.source.omop.died_destinations)
    if not _table_of(context, ADMISSIONS.name):
        return ""
    return stated_stays_sql(context.lake, context.source.reading, context.settings.clinical.died_methods)


def suppressing_marks(context: StageContext) -> str:
    """Return the SQL of the people whom a mark of the list suppresses; '' without the feed."""
    return suppressing_marks_sql(context.lake, context.source.reading) if _table_of(context, PATIENTS.name) else ""


def people_accepted_as_alive(context: StageContext) -> str:
    """Return the SQL of the people whom a recorded decision accepts as alive."""
    accepted = decisions_that_count(context.lake, DEATH_REVIEW)
    return alive_sql([(int(one.subject.rpartition(" ")[2]), one.digest) for one in accepted])


def stated_ends(context: StageContext) -> str:
    """Return the SQL of the rows that state the end of a registration; '' without the feed."""
    return _stated(context, REGISTRATIONS.name, "end_date")


def _stated(context: StageContext, feed: str, column: str) -> str:
    return stated_dates_sql(context.lake, context.source.reading, feed, column) if _table_of(context, feed) else ""


def deaths_named(context: StageContext) -> str:
    """Return the SQL of everyone whom DEATH of an OMOP source names; '' without that table."""
    return named_people_sql(context.lake, context.source.reading, DEATH) if _table_of(context, DEATH.feed) else ""


def confidential_people(context: StageContext) -> str:
    """Return the SQL of the people whose record on the list is confidential; '' without the feed."""
    return (
        confidential_people_sql(context.lake, context.source.reading, PATIENTS.name) if _table_of(context, PATIENTS.name) else ""
    )


def case_cautious(context: StageContext) -> tuple[str, ...]:
    """Return the feeds that do not declare whether letter case matters in their pseudonyms, of those for which it may grant something."""
    return tuple(feed for feed in CASE_CAUTIOUS if context.source.reading.case_of(feed) is None)


def _table_of(context: StageContext, feed: str) -> Table | None:
    return next((table for table in context.raw_tables if table.feed == feed), None)


def superseded_rows(context: StageContext, feeds: Collection[str] = EVENT_FEEDS) -> Mapping[str, str]:
    """Return, by feed of events, the rows that a later delivery changed or deleted."""
    lake, reading = context.lake, context.source.reading
    tables = [table for table in context.raw_tables if table.feed in feeds and has_extracts(context, table)]
    rows = {table.feed: superseded_rows_sql(lake, reading, table.feed, table) for table in tables}
    return {feed: sql for feed, sql in rows.items() if sql}


def availability(context: StageContext) -> AvailabilitySettings:
    """Return when the facts of each feed became known."""
    return conform_of(context.source).availability()


def index_events_of_the_source(context: StageContext) -> pa.Table | None:
    """Return the index events of an OMOP source's target cohort, None where people are scored on dates."""
    omop = context.settings.source.omop
    if omop is None or omop.target_cohort_id is None:
        return None
    with context.machine.duckdb() as con:
        return con.sql(index_events_sql(context.lake, omop.target_cohort_id)).to_arrow_table()


def outcomes_of_the_source(context: StageContext) -> pa.Table | None:
    """Return the events of an OMOP source's outcome cohort, None where the study defines its outcome."""
    omop = context.settings.source.omop
    if omop is None or omop.outcome_cohort_id is None:
        return None
    with context.machine.duckdb() as con:
        return con.sql(outcomes_sql(context.lake, omop.outcome_cohort_id)).to_arrow_table()


# What a feature request is made of: every stage that builds features declares these.
SETTINGS_OF_FEATURES = (
    "source", "study.cohort", "study.imd_edition", "study.feature_families", "purpose.use", "purpose.allowed_feeds",
)  # fmt: skip


def feature_request(context: StageContext) -> features_stage.FeatureRequest:
    """Return what the features are to be built for."""
    study, purpose = context.settings.study, context.settings.purpose
    return features_stage.FeatureRequest(
        study.cohort,
        purpose.use,
        study.imd_edition,
        purpose.allowed_feeds,
        context.outside.code_lists,
        study.feature_families,
        lag_by_event_type(availability(context)),
    )


def cohort_request(context: StageContext) -> features_stage.FeatureRequest:
    """Return what the features are built for, with the opt-outs that a recorded decision leaves in force for the cohort."""
    return replace(feature_request(context), use=use_of_opt_outs(context.lake, context.settings.purpose.use))


# What the search for an outcome is made of: every stage that finds outcomes declares these.
SETTINGS_OF_OUTCOMES = ("source", "clinical", "purpose.allowed_feeds")


def outcome_search(context: StageContext) -> OutcomeSearch:
    """Return how the outcome is searched for."""
    settings = context.settings
    return OutcomeSearch(
        outcomes_of_the_source(context), settings.clinical, settings.purpose.allowed_feeds, context.outside.code_lists
    )

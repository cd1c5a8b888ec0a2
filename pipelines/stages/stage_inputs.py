"""What stages read: validated rows of each feed, reference files, index events and outcomes that a source gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from expectations.feeds import EVENT_FEEDS, PATIENTS, REGISTRATIONS
from expectations.table import Table
from expectations.tables.raw_gp import OPT_OUTS
from expectations.tables.raw_omop import DEATH
from pipelines.building import build_features as features_stage
from pipelines.building.outcome_events import OutcomeSearch
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.by_source import conform_of
from pipelines.conform.omop.cohorts import index_events_sql, outcomes_sql
from pipelines.extracts import ingest as ingest_stage
from pipelines.reference.files import Reference, with_landing_reference
from pipelines.run.deployment import Deployment
from pipelines.stages.run_plan import code_lists, raw_tables, source
from pipelines.validation.opt_out_rows import latest_objections_sql
from pipelines.validation.stated_dates import named_people_sql, stated_dates_sql
from pipelines.validation.validated_rows import superseded_rows_sql, validated_rows_sql

Summary = dict[str, Any]


def conformed(deployment: Deployment, work: Callable[[duckdb.DuckDBPyConnection, Mapping[str, str]], Summary]) -> Summary:
    """Do one conform step over the validated rows of every feed."""
    with deployment.duckdb() as con:
        return work(con, conform_of(source(deployment)).rows(validated_rows(deployment)))


def validated_rows(deployment: Deployment) -> Mapping[str, str]:
    """Return the SQL of the validated rows of every raw table that has an extract, by feed."""
    return {table.feed: validated(deployment, table) for table in raw_tables(deployment) if has_extracts(deployment, table)}


def has_extracts(deployment: Deployment, table: Table) -> bool:
    """Say whether a feed has an extract."""
    return bool(ingest_stage.current_extracts(deployment.lake, table.feed))


def validated(deployment: Deployment, table: Table) -> str:
    """Give the SQL of a feed's current, validated rows."""
    return validated_rows_sql(deployment.lake, source(deployment).reading, table.feed, table)


def stated_deaths(deployment: Deployment) -> str:
    """Return the SQL of the rows of the list that state a death; '' without the feed."""
    return _stated(deployment, PATIENTS.name, "death_date")


def stated_ends(deployment: Deployment) -> str:
    """Return the SQL of the rows that state the end of a registration; '' without the feed."""
    return _stated(deployment, REGISTRATIONS.name, "end_date")


def _stated(deployment: Deployment, feed: str, column: str) -> str:
    named = feed in {table.feed for table in raw_tables(deployment)}
    return stated_dates_sql(deployment.lake, source(deployment).reading, feed, column) if named else ""


def deaths_named(deployment: Deployment) -> str:
    """Return the SQL of everyone whom DEATH of an OMOP source names; '' without that table."""
    death = [table for table in raw_tables(deployment) if table.feed == DEATH.feed]
    return named_people_sql(deployment.lake, source(deployment).reading, DEATH) if death else ""


def latest_objections(deployment: Deployment) -> str:
    """Return the SQL of the objections that the latest delivery of opt-outs lists; '' without the feed."""
    table = next(
        (table for table in raw_tables(deployment) if table.feed == OPT_OUTS.feed and has_extracts(deployment, table)), None
    )
    return latest_objections_sql(deployment.lake, table) if table else ""


def superseded(deployment: Deployment) -> Mapping[str, str]:
    """Give, by feed of events, the rows that a later delivery changed or took back."""
    lake, reading = deployment.lake, source(deployment).reading
    tables = [table for table in raw_tables(deployment) if table.feed in EVENT_FEEDS and has_extracts(deployment, table)]
    rows = {table.feed: superseded_rows_sql(lake, reading, table.feed, table) for table in tables}
    return {feed: sql for feed, sql in rows.items() if sql}


def availability(deployment: Deployment) -> AvailabilitySettings:
    """Return when the facts of each feed became known."""
    return conform_of(source(deployment)).availability()


def reference(deployment: Deployment) -> Reference:
    """Give the reference files, those that landed with the extracts too."""
    known = with_landing_reference(deployment.settings.reference, deployment.landing / "reference")
    return Reference(known, deployment.folder, deployment.landing / "fetched")


def given_index_events(deployment: Deployment) -> pa.Table | None:
    """Give the index events of an OMOP source's target cohort; None where people are scored on dates."""
    omop = deployment.settings.source.omop
    if omop is None or omop.target_cohort_id is None:
        return None
    with deployment.duckdb() as con:
        return con.sql(index_events_sql(deployment.lake, omop.target_cohort_id)).to_arrow_table()


def given_outcomes(deployment: Deployment) -> pa.Table | None:
    """Give the events of an OMOP source's outcome cohort; None where the study defines its own."""
    omop = deployment.settings.source.omop
    if omop is None or omop.outcome_cohort_id is None:
        return None
    with deployment.duckdb() as con:
        return con.sql(outcomes_sql(deployment.lake, omop.outcome_cohort_id)).to_arrow_table()


def feature_request(deployment: Deployment) -> features_stage.FeatureRequest:
    """Give what the features are to be built for."""
    settings = deployment.settings
    return features_stage.FeatureRequest(
        settings.study.cohort,
        settings.purpose.use,
        settings.study.imd_edition,
        settings.purpose.allowed_feeds,
        code_lists(deployment),
        settings.study.feature_families,
    )


def outcome_search(deployment: Deployment) -> OutcomeSearch:
    """Give how the outcome is looked for."""
    settings = deployment.settings
    return OutcomeSearch(given_outcomes(deployment), settings.clinical, settings.purpose.allowed_feeds, code_lists(deployment))

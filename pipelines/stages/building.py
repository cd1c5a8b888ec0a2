"""From core tables to features and labels."""

from __future__ import annotations

from datetime import date

from expectations.tables import core, core_places
from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from expectations.tables.monitoring import LIST_USE
from expectations.tables.risk import COHORT_FLOW, LABELS
from features.outcomes import ImmatureOutcomeError
from pipelines.building import build_features as features_stage
from pipelines.building import build_labels as labels_stage
from pipelines.building.load_feature_table import load_feature_table
from pipelines.errors import RefusalError
from pipelines.lake.decision_record import NATIONAL_OPT_OUT
from pipelines.lake.files import without_partition
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.stages.context import StageContext, open_context
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_people_and_core, has_ready_table
from pipelines.stages.results import StageResult, skipped
from pipelines.stages.stage import Per, Stage, stage
from pipelines.stages.stage_inputs import (
    SETTINGS_OF_FEATURES,
    SETTINGS_OF_OUTCOMES,
    cohort_request,
    feature_request,
    index_events_of_the_source,
    outcome_search,
    validated_rows_of,
)
from pipelines.why.answer import Answer, why, why_ready_made

READ_BY_CATALOGUE = (core.REGISTRATION, core.RESIDENCE, core_places.AREA, core.EVENT, core.COVERAGE, LIST_USE)
READ_BY_FEATURES = (
    core.PERSON, core.REGISTRATION, core.RESIDENCE, core_places.AREA, core_places.ORGANISATION_RELATION,
    core_places.ORGANISATION_LINE, core.SPELL, core.EVENT,
    core.EVENT_SUPERSEDED, core.CODE, core.COVERAGE, LIST_USE,
)  # fmt: skip
READ_BY_OCCURRENCES = (core.PERSON, core.SPELL, core.EVENT, core.CODE)  # every event of an outcome, at any time
READ_BY_OUTCOMES = (*READ_BY_OCCURRENCES, core.COVERAGE)  # whether it happened to a person whom the feeds cover


@stage(
    [CATALOGUE],
    reads=READ_BY_CATALOGUE,
    settings=SETTINGS_OF_FEATURES,
    outside=(OutsideInput.CODE_LISTS,),
    exists=has_people_and_core,
)
def build_catalogue(context: StageContext) -> StageResult:
    """Write features__catalogue."""
    reasons = features_stage.build_catalogue(context.lake, feature_request(context))
    return StageResult({"features": context.lake.rows(CATALOGUE.name) - len(reasons), "not_computed": len(reasons)})


@stage(
    [PERSON_FEATURES, COHORT_FLOW],
    reads=READ_BY_FEATURES,
    reads_earlier=(PERSON_FEATURES,),
    settings=SETTINGS_OF_FEATURES,
    outside=(OutsideInput.CODE_LISTS,),
    decisions=(NATIONAL_OPT_OUT,),
    per=Per.INDEX_DATE,
    follows=(CATALOGUE.name, core.LINKAGE.name),
    exists=has_people_and_core,
)
def build_features(context: StageContext) -> StageResult:
    """Write features__person and risk__cohort_flow of an index date."""
    return StageResult(build_features_of(context, context.index_date))


def build_features_of(context: StageContext, index_date: date) -> dict[str, int]:
    """Build the features of an index date for a stage that declares what they are made of."""
    request, events = cohort_request(context), index_events_of_the_source(context)
    with context.machine.range_runner() as run_ranges:
        built = features_stage.build_features(context.lake, request, index_date, given=events, run_ranges=run_ranges)
    return {"rows": built.rows, "features": built.features}


@stage(
    [LABELS],
    reads=(PERSON_FEATURES, core.REGISTRATION, *READ_BY_OUTCOMES),
    of_date=(PERSON_FEATURES,),
    reads_earlier=(LABELS,),
    settings=(*SETTINGS_OF_OUTCOMES, "study.cohort", "study.outcome", "study.validation.kind", "study.index_dates"),
    outside=(OutsideInput.CODE_LISTS, OutsideInput.DATA_CUT),
    per=Per.INDEX_DATE | Per.STUDY,
    exists=has_people_and_core,
)
def build_labels(context: StageContext) -> StageResult:
    """Write risk__labels of an index date. A date that has not matured has no labels, except for the reason that someone is not at risk."""
    lake, study, index_date, cut = context.lake, context.settings.study, context.index_date, context.outside.data_cut
    search, per_person = outcome_search(context), not study.cohort.one_date_for_all
    try:
        built = labels_stage.build_labels(lake, study.outcome, index_date, cut, search=search, all_dates=per_person)
    except RefusalError:
        _drop_labels(lake, study.outcome.name, index_date)  # those of an earlier run must train no model
        raise
    except ImmatureOutcomeError:
        if index_date in (*context.plan["train"], *context.plan["test"]):
            raise
        if per_person or not study.outcome.not_all_at_risk:
            return StageResult(message="not matured: no labels yet")
        built = labels_stage.build_reasons(lake, study.outcome, index_date, cut, search=search)
        return StageResult({"not_at_risk": built.not_at_risk}, message="not matured: no labels yet")
    counts = {"rows": built.rows, "events": built.events, "left_list": built.left_list}
    return StageResult({**counts, "not_at_risk": built.not_at_risk})


def _drop_labels(lake: Lake, outcome: str, index_date: date) -> None:
    dated = lake.exists(LABELS.name) and "index_date" in lake.partitioned_by(LABELS.name)
    without_partition(lake, LABELS.name, {"outcome": outcome, **({"index_date": index_date.isoformat()} if dated else {})})


@stage(
    [PERSON_FEATURES, CATALOGUE, LABELS, COHORT_FLOW],
    feeds=("feature_table",),
    settings=("source", "study.outcome", "study.validation"),
    per=Per.INDEX_DATE,
    exists=has_ready_table,
)
def load_ready_table(context: StageContext) -> StageResult:
    """Write the feature tables of a ready-made feature table."""
    settings, (table,) = context.settings.source.feature_table, context.raw_tables
    if settings is None or context.index_date != settings.delivered:
        return skipped("no rows of this date")
    outcome, validation = context.settings.study.outcome, context.settings.study.validation
    with context.machine.duckdb() as con:
        rows = validated_rows_of(context, table)
        lake, name, horizon = context.lake, outcome.name, outcome.horizon_days
        return StageResult(load_feature_table(lake, con, table, rows, settings, name, horizon, validation))


def explain_person(deployment: Deployment, person_id: str, index_date: date, feature: str | None = None) -> Answer:
    """Show what a person's features on an index date are based on, or what kept the person out of the cohort."""
    if has_ready_table(deployment):
        return why_ready_made(deployment.lake, person_id, index_date, feature)
    context = open_context(deployment, build_features, index_date)
    request, events = cohort_request(context), index_events_of_the_source(context)
    return why(deployment.lake, request, person_id, index_date, feature, events)


STAGES: tuple[Stage, ...] = (load_ready_table, build_catalogue, build_features, build_labels)

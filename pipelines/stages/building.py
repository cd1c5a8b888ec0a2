"""From core tables to features and labels."""

from __future__ import annotations

from datetime import date
from typing import Any

from expectations.tables.risk import LABELS
from features.outcomes import ImmatureOutcomeError
from pipelines.building import build_features as features_stage
from pipelines.building import build_labels as labels_stage
from pipelines.building.load_feature_table import load_feature_table
from pipelines.errors import RefusalError
from pipelines.lake.files import without_partition
from pipelines.lake.storage import Lake
from pipelines.run.deployment import Deployment
from pipelines.stages.by_study import each_study
from pipelines.stages.run_plan import data_cut, index_date_plan, raw_tables
from pipelines.stages.stage_inputs import feature_request, given_index_events, outcome_search, validated
from pipelines.why.answer import Answer, why, why_ready_made

Summary = dict[str, Any]


def build_catalogue(deployment: Deployment) -> Summary:
    """Write features__catalogue."""
    reasons = features_stage.build_catalogue(deployment.lake, feature_request(deployment))
    return {"features": deployment.lake.rows("features__catalogue") - len(reasons), "not_computed": len(reasons)}


def build_features(deployment: Deployment, index_date: date) -> Summary:
    """Write features__person and risk__cohort_flow of an index date."""
    request, given = feature_request(deployment), given_index_events(deployment)
    with deployment.range_runner() as run_ranges:
        built = features_stage.build_features(deployment.lake, request, index_date, given=given, run_ranges=run_ranges)
    return {"rows": built.rows, "features": built.features}


def build_labels(deployment: Deployment, index_date: date) -> Summary:
    """Write risk__labels of an index date; a date that has not matured has no labels yet, but for why someone is not at risk."""
    return each_study(deployment, lambda study: _label_study(study, index_date))


def _label_study(deployment: Deployment, index_date: date) -> Summary:
    lake, study, cut = deployment.lake, deployment.settings.study, data_cut(deployment)
    search = outcome_search(deployment)
    per_person = not study.cohort.one_date_for_all
    try:
        built = labels_stage.build_labels(lake, study.outcome, index_date, cut, search=search, all_dates=per_person)
    except RefusalError:
        _drop_labels(lake, study.outcome.name, index_date)  # those of an earlier run must train nobody
        raise
    except ImmatureOutcomeError:
        plan = index_date_plan(deployment)
        if index_date in (*plan["train"], *plan["test"]):
            raise
        if per_person or not study.outcome.not_all_at_risk:
            return {"status": "not matured: no labels yet"}
        built = labels_stage.build_reasons(lake, study.outcome, index_date, cut, search=search)
        return {"status": "not matured: no labels yet", "not_at_risk": built.not_at_risk}
    return {"rows": built.rows, "events": built.events, "left_list": built.left_list, "not_at_risk": built.not_at_risk}


def _drop_labels(lake: Lake, outcome: str, index_date: date) -> None:
    dated = lake.exists(LABELS.name) and "index_date" in lake.partitioned_by(LABELS.name)
    without_partition(lake, LABELS.name, {"outcome": outcome, **({"index_date": index_date.isoformat()} if dated else {})})


def explain_person(deployment: Deployment, person_id: str, index_date: date, feature: str | None = None) -> Answer:
    """Say what a person's features on an index date rest on, or what kept the person out of the cohort."""
    if not deployment.settings.source.chosen.is_conformed:
        return why_ready_made(deployment.lake, person_id, index_date, feature)
    request, given = feature_request(deployment), given_index_events(deployment)
    return why(deployment.lake, request, person_id, index_date, feature, given)


def load_ready_table(deployment: Deployment, index_date: date) -> Summary:
    """Write the feature tables of a ready-made feature table."""
    settings, table = deployment.settings.source.feature_table, raw_tables(deployment)[0]
    if settings is None or index_date != settings.delivered:
        return {"skipped": "no rows of this date"}
    outcome, validation = deployment.settings.study.outcome, deployment.settings.study.validation
    with deployment.duckdb() as con:
        rows = validated(deployment, table)
        return load_feature_table(deployment.lake, con, table, rows, settings, outcome.name, outcome.horizon_days, validation)

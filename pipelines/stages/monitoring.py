"""What is watched once scores are published, and the alerts it raises."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from expectations.contract_terms import CONTRACTS
from pipelines.alerts import raise_alerts as alerts_stage
from pipelines.alerts.rule_declaration import Rows, Watched
from pipelines.alerts.rules import SCORES_STALE
from pipelines.building import build_labels as labels_stage
from pipelines.errors import RefusalError
from pipelines.monitoring import feature_drift, matured_performance, score_lists
from pipelines.run.deployment import Deployment
from pipelines.stages.by_study import each_study
from pipelines.stages.modelling import champion_of
from pipelines.stages.run_plan import data_cut, data_cut_until, index_date_plan, late
from pipelines.stages.stage_inputs import outcome_search

Summary = dict[str, Any]


def drift(deployment: Deployment) -> Summary:
    """Write monitoring__drift of the scoring date: each champion's features against its training dates."""
    return each_study(deployment, _drift_of_study)


def _drift_of_study(deployment: Deployment) -> Summary:
    champion = champion_of(deployment)
    dates = feature_drift.training_dates(deployment.lake, champion.model.digest)
    watched = feature_drift.WatchedModel(champion.name, champion.version, champion.model.predictors, dates)
    return feature_drift.write_drift(deployment.lake, watched, index_date_plan(deployment)["score"][-1])


def scores(deployment: Deployment) -> Summary:
    """Write monitoring__scores of every published run."""
    return each_study(deployment, _scores_of_study)


def _scores_of_study(deployment: Deployment) -> Summary:
    study = deployment.settings.study
    with deployment.duckdb() as con:
        return score_lists.write_scores(deployment.lake, con, study.outcome.name, study.capacity.deciding_share)


def calibration(deployment: Deployment) -> Summary:
    """Write monitoring__calibration of every published run that has matured, with labels built where there are none."""
    return each_study(deployment, _calibration_of_study)


def _calibration_of_study(deployment: Deployment) -> Summary:
    lake, study, cut = deployment.lake, deployment.settings.study, data_cut(deployment)
    ready_made = deployment.settings.source.feature_table is not None

    def build_labels(day: date) -> None:
        if ready_made:
            return
        try:
            labels_stage.build_labels(lake, study.outcome, day, cut, search=outcome_search(deployment))
        except RefusalError:  # nobody had the outcome: the run is counted as not measured
            return

    own_dates = not study.cohort.one_date_for_all or not study.validation.by_date
    request = matured_performance.MaturedRequest(study.outcome, cut, study.capacity, study.seed, build_labels, own_dates)
    return matured_performance.write_calibration(lake, request)


def stale_scores(deployment: Deployment, today: date | None = None) -> list[str]:
    """Return a message for each outcome whose scores are older than the contract of risk__current promises."""
    watched = _watched(deployment, today or datetime.now(UTC).date())
    return [finding.message for finding in SCORES_STALE.watch(watched, CONTRACTS["risk__current"].fresh_days)]


def alerts(deployment: Deployment, today: date | None = None) -> Summary:
    """Write monitoring__alerts, send the channels what is new and what is over, and write the monitoring page."""
    settings, day = deployment.settings, today or datetime.now(UTC).date()
    watched = _watched(deployment, day)
    summary = alerts_stage.raise_alerts(watched, settings.alerts, settings.deployment)
    from pipelines.reports.monitoring.page import write_monitoring_page  # the drawing library takes a second to import

    write_monitoring_page(
        deployment.lake, deployment.reports / "monitoring.html", settings.deployment, list(watched.outcomes), day
    )
    return summary


def _watched(deployment: Deployment, day: date) -> Watched:
    """Return what the alert rules read on a day."""
    settings = deployment.settings
    outcomes = [study.outcome.name for study in settings.study.each]

    def late_feeds() -> Rows:
        cut, limit = data_cut_until(deployment, day), settings.schedule.late_after_days
        return [
            {"feed": feed, "latest": latest, "days_behind": (cut - latest).days, "limit_days": limit}
            for feed, latest in late(deployment, day).items()
        ]

    return Watched(deployment.lake, outcomes, day, late_feeds, settings.purpose.approval_expires)

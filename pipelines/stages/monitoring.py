"""What is watched once scores are published, and the alerts it raises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from expectations.contract_terms import CONTRACTS
from pipelines.alerts import raise_alerts as alerts_stage
from pipelines.alerts import rules
from pipelines.building import build_labels as labels_stage
from pipelines.errors import RefusalError
from pipelines.lake.run_record import published_runs
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
    """Say of each outcome whether its scores are older than the contract of risk__current promises."""
    day, limit = today or datetime.now(UTC).date(), CONTRACTS["risk__current"].fresh_days
    found = []
    for study in deployment.settings.study.each:
        published = alerts_stage.published_on(published_runs(deployment.lake, study.outcome.name))
        found += [finding.message for finding in rules.stale_scores(study.outcome.name, published, day, limit)]
    return found


def alerts(deployment: Deployment, today: date | None = None) -> Summary:
    """Write monitoring__alerts, tell the channels what is new and what is over, and write the monitoring page."""
    settings, day = deployment.settings, today or datetime.now(UTC).date()
    outcomes = [study.outcome.name for study in settings.study.each]
    beside = list(_beside(deployment, day))
    told = alerts_stage.raise_alerts(deployment.lake, settings.alerts, settings.deployment, outcomes, day, beside=beside)
    from pipelines.reports.monitoring.page import write_monitoring_page  # the drawing library takes a second to import

    write_monitoring_page(deployment.lake, deployment.reports / "monitoring.html", settings.deployment, outcomes, day)
    return told


def _beside(deployment: Deployment, day: date) -> Iterator[rules.Finding]:
    """Find what the settings and the deliveries tell: feeds that are late, an approval that ends."""
    settings, limits = deployment.settings, deployment.settings.alerts.rules
    if limits.feed_late:
        yield from rules.feeds_that_are_late(
            late(deployment, day), data_cut_until(deployment, day), settings.schedule.late_after_days
        )
    if limits.approval_ends_days is not None:
        yield from rules.approval_that_ends(settings.purpose.approval_expires, day, limits.approval_ends_days)

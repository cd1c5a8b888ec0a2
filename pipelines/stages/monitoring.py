"""What is monitored once scores are published, and the alerts it raises."""

from __future__ import annotations

from datetime import date
from functools import partial

from expectations.contract_terms import CONTRACTS
from expectations.tables import caseload, monitoring, risk
from expectations.tables.core import REGISTRATION
from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from expectations.tables.records import EXTRACTS, VALIDATION
from pipelines.alerts import raise_alerts as alerts_stage
from pipelines.alerts.rule_declaration import Rows, Watched
from pipelines.alerts.rules import SCORES_STALE
from pipelines.building import build_labels as labels_stage
from pipelines.errors import RefusalError
from pipelines.monitoring import feature_drift, matured_performance, score_lists
from pipelines.stages.building import READ_BY_OUTCOMES
from pipelines.stages.context import StageContext
from pipelines.stages.modelling import champion_of
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_list
from pipelines.stages.results import StageResult
from pipelines.stages.stage import Check, Per, Stage, stage
from pipelines.stages.stage_inputs import SETTINGS_OF_OUTCOMES, outcome_search

FRESH = "fresh_enough"


@stage(
    [monitoring.DRIFT],
    reads=(PERSON_FEATURES, risk.MODELS),
    settings=("study.name", "study.outcome", "study.index_dates", "study.validation.kind"),
    outside=(OutsideInput.CHAMPION, OutsideInput.DATA_CUT),
    per=Per.STUDY,
    follows=(risk.RUNS.name,),
    exists=has_list,
)
def drift(context: StageContext) -> StageResult:
    """Write monitoring__drift of the scoring date: each champion's features against its training dates."""
    champion = champion_of(context)
    dates = feature_drift.training_dates(context.lake, champion.model.digest)
    watched = feature_drift.WatchedModel(champion.name, champion.version, champion.model.predictors, dates)
    return StageResult(feature_drift.write_drift(context.lake, watched, context.plan["score"][-1]))


@stage(
    [monitoring.SCORES],
    reads=(risk.SCORES, risk.RUNS),
    reads_earlier=(monitoring.SCORES,),
    settings=("study.outcome.name", "study.capacity"),
    per=Per.STUDY,
    exists=has_list,
)
def scores(context: StageContext) -> StageResult:
    """Write monitoring__scores of every published run."""
    study = context.settings.study
    with context.machine.duckdb() as con:
        return StageResult(score_lists.write_scores(context.lake, con, study.outcome.name, study.capacity.deciding_share))


@stage(
    [monitoring.CALIBRATION],
    adds_to=(risk.LABELS,),
    reads=(risk.SCORES, risk.RUNS, risk.LABELS, PERSON_FEATURES, caseload.ACTIONS, caseload.CASELOAD, REGISTRATION, *READ_BY_OUTCOMES),
    reads_earlier=(monitoring.CALIBRATION,),
    settings=(
        *SETTINGS_OF_OUTCOMES, "study.outcome", "study.cohort.kind", "study.validation.kind", "study.capacity", "study.seed",
    ),
    outside=(OutsideInput.CODE_LISTS, OutsideInput.DATA_CUT),
    per=Per.STUDY,
    exists=has_list,
)  # fmt: skip
def calibration(context: StageContext) -> StageResult:
    """Write monitoring__calibration of every published run that has matured, with labels built where there are none."""
    lake, study, cut = context.lake, context.settings.study, context.outside.data_cut
    ready_made = context.settings.source.feature_table is not None

    def build_labels(day: date) -> None:
        if ready_made:
            return
        try:
            labels_stage.build_labels(lake, study.outcome, day, cut, search=outcome_search(context))
        except RefusalError:  # no one had the outcome: the run is counted as not measured
            return

    own_dates = not study.cohort.one_date_for_all or not study.validation.by_date
    request = matured_performance.MaturedRequest(study.outcome, cut, study.capacity, study.seed, build_labels, own_dates)
    return StageResult(matured_performance.write_calibration(lake, request))


@stage(
    name=f"{risk.CURRENT.name} {FRESH}",
    reads=(risk.RUNS,),
    settings=("study.outcome.name", "study.also.*.outcome.name"),
    outside=(OutsideInput.TODAY,),
    check=Check(
        FRESH, risk.CURRENT, "Show where the scores that readers see are older than their contract promises.", blocking=False
    ),
    exists=has_list,
)
def stale_scores(context: StageContext) -> StageResult:
    """Check of each outcome whether its scores are older than the contract of risk__current promises."""
    watched = Watched(context.lake, _outcomes(context), context.outside.today)
    limit = CONTRACTS[risk.CURRENT.name].fresh_days
    return StageResult(broken="; ".join(finding.message for finding in SCORES_STALE.watch(watched, limit)))


@stage(
    [monitoring.ALERTS],
    reads=(
        monitoring.DRIFT, monitoring.SCORES, monitoring.CALIBRATION, VALIDATION, risk.RUNS, risk.VOLUMES, monitoring.LIST_USE,
        monitoring.LIST_USE_BY_PRACTICE, monitoring.UNITS, PERSON_FEATURES, CATALOGUE, EXTRACTS,
    ),
    reads_earlier=(monitoring.ALERTS, monitoring.STAGES),
    settings=(
        "deployment", "alerts", "schedule.late_after_days", "purpose.approval_expires", "study.outcome.name", "study.also.*.outcome.name",
    ),
    outside=(OutsideInput.TODAY, OutsideInput.LATE_FEEDS),
    exists=has_list,
)  # fmt: skip
def alerts(context: StageContext) -> StageResult:
    """Write monitoring__alerts, tell the channels what is new and what is over, and write the monitoring page."""
    settings, day, outcomes = context.settings, context.outside.today, _outcomes(context)
    watched = Watched(context.lake, outcomes, day, partial(_late_feeds, context), settings.purpose.approval_expires)
    facts = alerts_stage.raise_alerts(watched, settings.alerts, settings.deployment)
    from pipelines.reports.monitoring.page import write_monitoring_page  # the drawing library takes a second to import

    write_monitoring_page(context.lake, context.machine.reports / "monitoring.html", settings.deployment, outcomes, day)
    return StageResult(facts, is_unfinished=bool(facts["messages_failed"]))


def _outcomes(context: StageContext) -> list[str]:
    study = context.settings.study
    return [study.outcome.name, *(further.outcome.name for further in study.also)]


def _late_feeds(context: StageContext) -> Rows:
    behind, limit = context.outside.days_behind, context.settings.schedule.late_after_days
    return [
        {"feed": feed, "latest": latest, "days_behind": behind[feed], "limit_days": limit}
        for feed, latest in context.outside.late_feeds.items()
    ]


STAGES: tuple[Stage, ...] = (drift, scores, calibration, alerts, stale_scores)

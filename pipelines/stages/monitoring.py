"""What is monitored once scores are published, and the alerts it raises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from expectations.contract_terms import CONTRACTS
from expectations.tables import caseload, monitoring, risk
from expectations.tables.core import REGISTRATION
from expectations.tables.features import PERSON_FEATURES
from expectations.tables.records import EXTRACTS, VALIDATION
from pipelines.alerts import raise_alerts as alerts_stage
from pipelines.alerts import rules
from pipelines.building import build_labels as labels_stage
from pipelines.errors import RefusalError
from pipelines.lake.run_record import published_runs
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

    own_dates = study.cohort.kind != "registered" or study.validation.kind != "time"
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
    day, limit = context.outside.today, CONTRACTS[risk.CURRENT.name].fresh_days
    found: list[str] = []
    for outcome in _outcomes(context):
        published = alerts_stage.published_on(published_runs(context.lake, outcome))
        found += [finding.message for finding in rules.stale_scores(outcome, published, day, limit)]
    return StageResult(broken="; ".join(found))


@stage(
    [monitoring.ALERTS],
    reads=(
        monitoring.DRIFT, monitoring.SCORES, monitoring.CALIBRATION, VALIDATION, risk.RUNS, risk.VOLUMES, EXTRACTS,
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
    of_the_settings = list(_findings_of_the_settings(context, day))
    facts = alerts_stage.raise_alerts(context.lake, settings.alerts, settings.deployment, outcomes, day, beside=of_the_settings)
    from pipelines.reports.monitoring.page import write_monitoring_page  # the drawing library takes a second to import

    write_monitoring_page(context.lake, context.machine.reports / "monitoring.html", settings.deployment, outcomes, day)
    return StageResult(facts, is_unfinished=bool(facts["messages_failed"]))


def _outcomes(context: StageContext) -> list[str]:
    study = context.settings.study
    return [study.outcome.name, *(further.outcome.name for further in study.also)]


def _findings_of_the_settings(context: StageContext, day: date) -> Iterator[rules.Finding]:
    """Find what the settings and the deliveries show: feeds that are late, an approval that ends."""
    settings, limits = context.settings, context.settings.alerts.rules
    if limits.feed_late:
        late, cut = context.outside.late_feeds, context.outside.latest_delivery
        yield from rules.feeds_that_are_late(late, cut, settings.schedule.late_after_days)
    if limits.approval_ends_days is not None:
        yield from rules.approval_that_ends(settings.purpose.approval_expires, day, limits.approval_ends_days)


STAGES: tuple[Stage, ...] = (drift, scores, calibration, alerts, stale_scores)

"""From features and labels to models and published scores."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from expectations.feeds import ADMISSIONS, LIST_FEEDS, PATIENTS
from expectations.tables import caseload, core, core_places, risk
from expectations.tables.equity import AUDIT_FOR_READERS
from expectations.tables.features import CATALOGUE, PERSON_FEATURES
from expectations.tables.records import EXTRACTS, VALIDATION
from features.code_lists import load_code_lists
from models.predictors import SchemaMismatchError
from models.risk_model import CoverageNotServedError, RiskModel
from pipelines.errors import RefusalError
from pipelines.lake.code_version import code_version
from pipelines.lake.decision_record import APPROVAL, NATIONAL_OPT_OUT
from pipelines.lake.run_record import RunInputs, extracts_read
from pipelines.reports.caseload.files import write_caseloads
from pipelines.reports.model.page import model_report
from pipelines.run.late_feeds import late_feeds_as_text
from pipelines.scoring import score as score_stage
from pipelines.scoring.left_out import with_marks
from pipelines.scoring.publication import refresh_current
from pipelines.scoring.removals import applied_deliveries, record_known, record_removals
from pipelines.scoring.shadow_scores import write_shadow_scores
from pipelines.stages.building import READ_BY_FEATURES
from pipelines.stages.caseloads import list_maker
from pipelines.stages.context import StageContext
from pipelines.stages.outside import OutsideInput
from pipelines.stages.presence import has_list
from pipelines.stages.results import StageResult, skipped
from pipelines.stages.stage import Per, Stage, stage
from pipelines.stages.stage_inputs import SETTINGS_OF_FEATURES, has_extracts, validated_rows_of
from pipelines.study.opt_out_rules import training_rule, use_of_opt_outs
from pipelines.tracking.tracked_record import CHALLENGER, CHAMPION
from pipelines.training import record as training_record
from pipelines.training.incumbent import read_incumbent
from pipelines.training.inputs import TABLES_READ, TrainingInputs, people_with_opt_out, training_id
from pipelines.training.promotion import promote_approved
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest

if TYPE_CHECKING:
    from pipelines.tracking.tracker import Tracker

READ_BY_CODES = (core.EVENT, core.PERSON, core.CODE, core.CODE_ANCESTOR)  # by models that use codes; training also names them


@stage(
    [risk.MODELS, risk.MODEL_AUDIT, AUDIT_FOR_READERS],
    records=(risk.CROSS_FITTED,),
    reads=(PERSON_FEATURES, CATALOGUE, risk.LABELS, risk.COHORT_FLOW, EXTRACTS, core.CODE_NAME, *READ_BY_CODES),
    reads_earlier=(risk.MODELS,),
    settings=(
        "deployment", "source.feature_table", "purpose.use", "purpose.approval", "purpose.approval_expires", "purpose.allowed_feeds",
        "study.name", "study.outcome", "study.index_dates", "study.imd_edition", "study.candidates",
        "study.code_level", "study.validation", "study.gates", "study.bands", "study.capacity", "study.seed",
    ),
    outside=(OutsideInput.DATA_CUT, OutsideInput.INCUMBENT),
    changes=(OutsideInput.INCUMBENT,),
    decisions=(NATIONAL_OPT_OUT,),
    per=Per.STUDY,
    exists=has_list,
)  # fmt: skip
def train(context: StageContext) -> StageResult:
    """Train, evaluate and record each study's candidates. A training of the same inputs is not repeated."""
    lake, settings, study, dates = context.lake, context.settings, context.settings.study, dict(context.plan)
    extracts, tracker = extracts_read(lake), context.outside.registry(OutsideInput.INCUMBENT)
    rule = training_rule(lake)
    inputs = TrainingInputs(
        training_id(context.settings_version, dates, extracts, rule),
        {use: [day.isoformat() for day in days] for use, days in dates.items()},
        lake.versions(list(TABLES_READ)),
        code_version(),
        context.settings_version,
        settings.deployment,
        settings.purpose,
        extracts,
        score_stage.catalogue_version(lake),
        opt_out_rule=rule,
    )
    if training_record.is_recorded(lake, inputs.training_id):
        return StageResult({"training_id": inputs.training_id}, message="trained before on the same inputs")
    groups = settings.source.feature_table
    kinds = tuple(groups.groups) if groups else ()
    incumbent = read_incumbent(tracker, study.name, inputs.training_id)
    allowed, engine = settings.purpose.allowed_feeds, context.machine.engine
    trials = f"sqlite:///{context.machine.home.resolve() / 'tuning.db'}"
    excluded = people_with_opt_out(lake) if rule.excludes else None
    request = TrainingRequest(
        lake, study, engine, dates, context.outside.data_cut, kinds, allowed, incumbent, trials, excluded_people=excluded
    )
    result = run_study(request)
    return StageResult(training_record.record_training(lake, tracker, study, result, inputs, model_report))


@stage(
    name="promotion",
    adds_to=(risk.MODELS,),
    reads=(risk.MODELS,),
    decisions=(APPROVAL,),
    settings=("study.name", "study.outcome.name"),
    outside=(OutsideInput.CHAMPION, OutsideInput.TODAY),
    changes=(OutsideInput.CHAMPION, OutsideInput.CHALLENGER),
    per=Per.STUDY,
    exists=has_list,
)
def promote(context: StageContext) -> StageResult:
    """Make the chosen model of the latest training champion if a recorded approval allows it: the first step of scoring."""
    study, tracker = context.settings.study, context.outside.registry(OutsideInput.CHAMPION)
    return StageResult(promote_approved(context.lake, tracker, study.name, study.outcome.name, context.outside.today))


@stage(
    [risk.SCORES, risk.DRIVERS, risk.RUNS, risk.CURRENT, caseload.CASELOAD, caseload.RISING, caseload.EXCLUSIONS],
    records=(risk.SHADOW_SCORES,),
    adds_to=(PERSON_FEATURES, risk.COHORT_FLOW, caseload.REMOVED, caseload.REMOVALS),
    reads=(
        PERSON_FEATURES, CATALOGUE, risk.COHORT_FLOW, risk.LABELS, risk.MODELS, risk.CROSS_FITTED, caseload.ACTIONS, VALIDATION, EXTRACTS,
        core_places.ORGANISATION, *READ_BY_FEATURES, *READ_BY_CODES,
    ),
    reads_earlier=(risk.SCORES, risk.DRIVERS, risk.RUNS, risk.CURRENT, caseload.CASELOAD, caseload.RISING, caseload.REMOVED, caseload.REMOVALS),
    feeds=(ADMISSIONS.name, PATIENTS.name),
    settings=(
        *SETTINGS_OF_FEATURES, "purpose.approval", "purpose.approval_expires", "study.name", "study.outcome", "study.index_dates",
        "study.validation", "study.bands", "study.driver_bands", "study.drivers_per_person", "study.drivers_not_shown",
        "study.rising_risk_step", "study.rising_risk_bands", "study.caseloads",
    ),
    outside=(
        OutsideInput.DATA_CUT, OutsideInput.FEED_CUTS, OutsideInput.LATE_FEEDS, OutsideInput.CODE_LISTS, OutsideInput.CHAMPION, OutsideInput.CHALLENGER,
    ),
    decisions=(NATIONAL_OPT_OUT,),
    per=Per.INDEX_DATE | Per.STUDY,
    first=promote,
    exists=has_list,
)  # fmt: skip
def score(context: StageContext) -> StageResult:
    """Score the scoring date with each study's champion and publish. Other index dates publish nothing."""
    index_date = context.index_date
    if index_date not in context.plan["score"]:
        return skipped("not the scoring date: nothing published")
    lake, study, purpose, cut = context.lake, context.settings.study, context.settings.purpose, context.outside.data_cut
    use = use_of_opt_outs(lake, purpose.use)
    champion = champion_of(context)
    _refuse_without_reasons(context)
    try:
        threads = context.machine.engine.threads
        scoring = score_stage.score_rows(lake, study, champion, index_date, threads, use=use, data_cut=_known_until(context))
    except (SchemaMismatchError, CoverageNotServedError) as error:
        raise RefusalError(
            f"the champion of '{study.name}', version {champion.version}, cannot score {index_date}: {str(error).rstrip('.')}. Bring back what it needs, or "
            "approve a model that was trained without it (strata decide CONFIG approval)"
        ) from error
    inputs = RunInputs(
        outcome=study.outcome.name,
        index_date=index_date,
        data_cut_date=cut,
        extracts=extracts_read(lake),
        settings_version=context.settings_version,
        code_version=code_version(),
        model_digest=champion.model.digest,
        catalogue_version=score_stage.catalogue_version(lake),
        previous_run_id=score_stage.previous_run_id(lake, study.outcome.name, index_date),
        late_feeds=late_feeds_as_text(context.outside.late_feeds),
    )
    marked = replace(scoring, frame=_with_marks(context, scoring.frame))
    published = score_stage.publish(lake, study, purpose, champion, marked, inputs, list_maker(context, champion, marked, inputs))
    # People with a date each are scored on a day of the past, and stay listed as they were on it.
    removed = record_removals(lake, study.outcome.name) if study.cohort.one_date_for_all else {}
    current = refresh_current(lake, study.outcome.name)
    record_known(lake, applied_deliveries(lake))
    removals = {"people_removed": sum(removed.values()), "removed_by_reason": removed} if removed else {}
    return StageResult(
        {**published, **removals, "current_run_id": current, **_pages(context), **_shadow(context, scoring, inputs.run_id)}
    )


def _known_until(context: StageContext) -> date:
    """Return the day until which deaths and departures are known: a list that is newer than the data cut is not ignored."""
    cuts = context.outside.feed_cuts
    return max([context.outside.data_cut, *(cuts[feed] for feed in LIST_FEEDS if feed in cuts)])


def _refuse_without_reasons(context: StageContext) -> None:
    """Refuse to list people of whom it is not known whether they can have the outcome at all."""
    study, lake, index_date = context.settings.study, context.lake, context.index_date
    if not study.cohort.one_date_for_all or not study.validation.by_date or not study.outcome.not_all_at_risk:
        return
    part = {"outcome": study.outcome.name, "index_date": index_date.isoformat()}
    if not lake.rows(risk.LABELS.name, part):
        raise RefusalError(
            f"'{study.outcome.name}' excludes people who cannot have it, and risk__labels does not say who on {index_date}: nothing was "
            "published. The labels stage says why. Fix that and run again"
        )


def _with_marks(context: StageContext, frame: pd.DataFrame) -> pd.DataFrame:
    """Flag who is at the end of life, in hospital, in a care home or on a caseload; a ready-made table does not say."""
    if context.settings.source.feature_table is not None:
        return frame
    hospital = [table for table in context.raw_tables if table.feed == ADMISSIONS.name]
    rows = [validated_rows_of(context, table) for table in hospital if has_extracts(context, table)]
    lists = load_code_lists(context.outside.code_lists)
    return with_marks(context.lake, frame, context.index_date, lists, rows[0] if rows else "")


def _pages(context: StageContext) -> dict[str, int]:
    """Write the caseload pages of the current run, if the settings ask for them, and return how many files there are."""
    study = context.settings.study
    if not study.caseloads.write_pages:
        return {}
    folder, leave_out = context.machine.reports / "caseloads", study.caseloads.leave_out
    run = score_stage.published_runs(context.lake, study.outcome.name)[-1]
    return {"caseload_files": len(write_caseloads(context.lake, run, folder, leave_out, None))}


def champion_of(context: StageContext) -> score_stage.Champion:
    """Return the model that scores; a RefusalError says what is missing before there is one."""
    name, tracker = context.settings.study.name, context.outside.registry(OutsideInput.CHAMPION)
    if tracker.version_of(name, CHAMPION) is None:
        raise RefusalError(
            f"there is no champion of '{name}', so nothing was scored: no candidate is eligible and approved. "
            "Read the model reports, or risk__models (columns gates, status). Then record an approval: "
            f"strata decide CONFIG approval '{name} version N' --role ROLE --reason WHY"
        )
    return _registered(tracker, name, CHAMPION)


def _shadow(context: StageContext, scoring: score_stage.Scoring, run_id: str) -> dict[str, Any]:
    """Score with the challenger too, if there is one. Where folds of people are used, it has learnt from these very rows."""
    study, tracker = context.settings.study, context.outside.registry(OutsideInput.CHALLENGER)
    if not study.validation.by_date or tracker.version_of(study.name, CHALLENGER) is None:
        return {}
    try:
        challenger = _registered(tracker, study.name, CHALLENGER)
    except (KeyError, TypeError, ValueError) as error:  # written by another version of Strata
        return {"shadow": f"the challenger's files cannot be read: {error}"}
    threads = context.machine.engine.threads
    return {"shadow": write_shadow_scores(context.lake, study.outcome.name, challenger, scoring.frame, run_id, threads)}


def _registered(tracker: Tracker, name: str, alias: str) -> score_stage.Champion:
    version = str(tracker.version_of(name, alias))
    run_id = tracker.version_tags(name, version)["run_id"]
    return score_stage.Champion(RiskModel.from_files(tracker.files_of(name, version)), name, version, run_id)


STAGES: tuple[Stage, ...] = (train, score)

"""From features and labels to models, published scores and the inequality of outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from expectations.feeds import ADMISSIONS
from features.code_lists import load_code_lists
from features.labels import Occurrences
from models.predictors import SchemaMismatchError
from models.risk_model import CoverageNotServedError, RiskModel
from pipelines.equity.outcome_rates import GROUP_KINDS, RatesRequest, write_outcome_rates
from pipelines.errors import RefusalError
from pipelines.lake.code_version import code_version, digest_of
from pipelines.lake.run_record import RunInputs, extracts_read
from pipelines.reports.model.page import model_report
from pipelines.run.deployment import Deployment
from pipelines.scoring import score as score_stage
from pipelines.scoring.left_out import with_marks
from pipelines.scoring.publication import refresh_current
from pipelines.scoring.shadow_scores import write_shadow_scores
from pipelines.stages.by_study import each_study
from pipelines.stages.caseloads import list_maker, write_pages
from pipelines.stages.late_feeds import in_words
from pipelines.stages.run_plan import code_lists, data_cut, index_date_plan, late, raw_tables, settings_version
from pipelines.stages.stage_inputs import has_extracts, outcome_search, validated
from pipelines.tracking.tracked_record import CHALLENGER, CHAMPION
from pipelines.training import record as training_record
from pipelines.training.incumbent import read_incumbent
from pipelines.training.inputs import TABLES_READ, TrainingInputs
from pipelines.training.promotion import promote_approved
from pipelines.training.train import run_study
from pipelines.training.training_request import TrainingRequest

if TYPE_CHECKING:
    from pipelines.tracking.tracker import Tracker

Summary = dict[str, Any]


def train(deployment: Deployment) -> Summary:
    """Train, judge and record each study's candidates; a training of the same inputs is not repeated."""
    return each_study(deployment, _train_study)


def _train_study(deployment: Deployment) -> Summary:
    lake, study = deployment.lake, deployment.settings.study
    dates = index_date_plan(deployment)
    versions = lake.versions(list(TABLES_READ))
    told = {use: [day.isoformat() for day in days] for use, days in dates.items()}
    inputs = TrainingInputs(
        _training_id(deployment, told),
        told,
        versions,
        code_version(),
        settings_version(deployment),
        deployment.settings.deployment,
        deployment.settings.purpose,
        extracts_read(lake),
        score_stage.catalogue_version(lake),
    )
    if training_record.is_recorded(lake, inputs.training_id):
        return {"status": "trained before on the same inputs", "training_id": inputs.training_id}
    groups = deployment.settings.source.feature_table
    kinds = tuple(groups.groups) if groups else ()
    incumbent = read_incumbent(deployment.tracker, study.name, inputs.training_id)
    allowed = deployment.settings.purpose.allowed_feeds
    trials = f"sqlite:///{deployment.home.resolve() / 'tuning.db'}"
    request = TrainingRequest(
        lake, study, deployment.settings.engine, dates, data_cut(deployment), kinds, allowed, incumbent, trials
    )
    result = run_study(request)
    return training_record.record_training(lake, deployment.tracker, study, result, inputs, model_report)


def score(deployment: Deployment, index_date: date) -> Summary:
    """Score the scoring date with each study's champion and publish; other index dates publish nothing."""
    return each_study(deployment, lambda study: _score_study(study, index_date))


def _score_study(deployment: Deployment, index_date: date) -> Summary:
    if index_date not in index_date_plan(deployment)["score"]:
        return {"skipped": "not the scoring date: nothing published"}
    lake, study, purpose = deployment.lake, deployment.settings.study, deployment.settings.purpose
    decided = promote_approved(lake, deployment.tracker, study.name, study.outcome.name)
    champion = champion_of(deployment)
    _refuse_without_reasons(deployment, index_date)
    try:
        scoring = score_stage.score_rows(
            lake, study, champion, index_date, deployment.settings.engine.threads, use=purpose.use, data_cut=data_cut(deployment)
        )
    except (SchemaMismatchError, CoverageNotServedError) as error:
        raise RefusalError(
            f"the champion of '{study.name}', version {champion.version}, cannot score {index_date}: {str(error).rstrip('.')}. Bring back what it needs, or "
            "approve a model that was trained without it (strata decide CONFIG approval)"
        ) from error
    inputs = RunInputs(
        outcome=study.outcome.name,
        index_date=index_date,
        data_cut_date=data_cut(deployment),
        extracts=extracts_read(lake),
        settings_version=settings_version(deployment),
        code_version=code_version(),
        model_digest=champion.model.digest,
        catalogue_version=score_stage.catalogue_version(lake),
        previous_run_id=score_stage.previous_run_id(lake, study.outcome.name, index_date),
        late_feeds=in_words(late(deployment)),
    )
    marked = replace(scoring, frame=_marked(deployment, scoring.frame, index_date))
    make_lists = list_maker(deployment, champion, marked, inputs)
    published = score_stage.publish(lake, study, purpose, champion, marked, inputs, make_lists)
    current = refresh_current(lake, study.outcome.name)
    pages = {"caseload_files": write_pages(deployment)["files"]} if study.caseloads.write_pages else {}
    return {**published, **decided, "current_run_id": current, **pages, **_shadow(deployment, scoring, inputs.run_id)}


def _refuse_without_reasons(deployment: Deployment, index_date: date) -> None:
    """Refuse to list people of whom nobody knows whether they can have the outcome at all."""
    study, lake = deployment.settings.study, deployment.lake
    if not study.cohort.one_date_for_all or not study.validation.by_date or not study.outcome.not_all_at_risk:
        return
    part = {"outcome": study.outcome.name, "index_date": index_date.isoformat()}
    if not lake.rows("risk__labels", part):
        raise RefusalError(
            f"'{study.outcome.name}' leaves people out who cannot have it, and risk__labels does not say who on {index_date}: nothing was "
            "published. The labels stage says why; mend that and run again"
        )


def _marked(deployment: Deployment, frame: pd.DataFrame, index_date: date) -> pd.DataFrame:
    """Mark who is at the end of life, in hospital, in a care home or on a caseload; a ready-made table tells none of it."""
    if deployment.settings.source.feature_table is not None:
        return frame
    hospital = {table.feed: table for table in raw_tables(deployment) if table.feed == ADMISSIONS.name}
    came = [validated(deployment, table) for table in hospital.values() if has_extracts(deployment, table)]
    return with_marks(deployment.lake, frame, index_date, load_code_lists(code_lists(deployment)), came[0] if came else "")


def outcome_rates(deployment: Deployment) -> Summary:
    """Write the rates of the outcomes by group, for every index date whose labels are there."""
    lake, study, given = deployment.lake, deployment.settings.study, deployment.settings.source.feature_table
    if not lake.exists("risk__labels"):
        return {"status": "no index date has matured: no rates yet"}
    search, declared = outcome_search(deployment), {one.outcome.name: one.outcome for one in study.each}

    def occurrences(outcome: str) -> Occurrences | None:
        if given is not None or outcome not in declared:
            return None
        return search.occurrences(lake, declared[outcome], data_cut(deployment))

    kinds = tuple(dict.fromkeys((*GROUP_KINDS, *(given.groups if given else ()))))
    own_dates = not study.cohort.one_date_for_all and given is None
    horizons = {name: outcome.horizon_days for name, outcome in declared.items()}
    request = RatesRequest(study.outcome.horizon_days, kinds, own_dates, study.seed, occurrences, horizons)
    with deployment.duckdb() as con:
        return write_outcome_rates(lake, con, request)


def _training_id(deployment: Deployment, dates: Mapping[str, list[str]]) -> str:
    known = {use: days for use, days in dates.items() if use != "score" or not dates["train"]}
    return digest_of([settings_version(deployment), code_version(), known, extracts_read(deployment.lake)])


def champion_of(deployment: Deployment) -> score_stage.Champion:
    """Give the model that scores; a RefusalError says what there must be before there is one."""
    name, tracker = deployment.settings.study.name, deployment.tracker
    if tracker.version_of(name, CHAMPION) is None:
        raise RefusalError(
            f"there is no champion of '{name}', so nothing was scored: no candidate is eligible and approved. "
            "Read the model reports, or risk__models (columns gates, status). Then record an approval: "
            f"strata decide CONFIG approval '{name} version N' --role ROLE --reason WHY"
        )
    return _registered(tracker, name, CHAMPION)


def _shadow(deployment: Deployment, scoring: score_stage.Scoring, run_id: str) -> Summary:
    """Score with the challenger too, where there is one; where folds of people judge, it has learnt from these very rows."""
    study, tracker = deployment.settings.study, deployment.tracker
    if not study.validation.by_date or tracker.version_of(study.name, CHALLENGER) is None:
        return {}
    try:
        challenger = _registered(tracker, study.name, CHALLENGER)
    except (KeyError, TypeError, ValueError) as error:  # written by another version of Strata
        return {"shadow": f"the challenger's files cannot be read: {error}"}
    threads = deployment.settings.engine.threads
    return {"shadow": write_shadow_scores(deployment.lake, study.outcome.name, challenger, scoring.frame, run_id, threads)}


def _registered(tracker: Tracker, name: str, alias: str) -> score_stage.Champion:
    version = str(tracker.version_of(name, alias))
    run_id = tracker.version_tags(name, version)["run_id"]
    return score_stage.Champion(RiskModel.from_files(tracker.files_of(name, version)), name, version, run_id)

"""What a run publishes with its scores: caseloads, rising risk and every reason counted; and the pages for a practice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from expectations.suppression import NOT_READABLE, SUPPRESSIONS
from features.code_lists import load_code_lists
from models.predictors import SchemaMismatchError
from models.risk_model import CoverageNotServedError
from pipelines.caseloads.rising import CANNOT, Earlier, Rising, must_be_built, people_of_rising_risk, published_editions
from pipelines.caseloads.run_lists import CaseloadRequest, caseload, exclusions
from pipelines.errors import RefusalError
from pipelines.lake.run_record import RunInputs, published_runs
from pipelines.reports.caseload.files import write_caseloads
from pipelines.run.deployment import Deployment
from pipelines.scoring.published_lists import RunLists
from pipelines.scoring.score import Champion, Scoring, score_rows
from pipelines.stages.building import build_features_of
from pipelines.stages.by_study import each_study
from pipelines.stages.context import StageContext
from pipelines.stages.results import StageResult
from pipelines.training.inputs import cohort_flow


def list_maker(
    context: StageContext, champion: Champion, scoring: Scoring, inputs: RunInputs
) -> Callable[[pd.DataFrame], RunLists]:
    """Return the function that makes a run's lists from the rows of its scores. A run for planning lists no one."""
    lake, study, use = context.lake, context.settings.study, context.settings.purpose.use
    request = CaseloadRequest(
        study.caseloads,
        inputs.outcome,
        inputs.index_date,
        use,
        inputs.previous_run_id,
        load_code_lists(context.outside.code_lists),
    )

    flow = dict(cohort_flow(lake, [inputs.index_date.isoformat()]))
    unreadable = {reason: flow[reason] for reason in (*NOT_READABLE, *SUPPRESSIONS) if reason in flow}

    def make(scores: pd.DataFrame) -> RunLists:
        if use == "planning":
            empty = caseload(lake, scores.head(0), replace(request, previous_run_id=""))
            counted = exclusions(inputs.outcome, scores, scoring.opted_out, empty, {}, unreadable)
            return RunLists(empty, Rising().rows, counted)
        listed, risen = caseload(lake, scores, request), _rising(context, champion, scores, inputs)
        counted = exclusions(inputs.outcome, scores, scoring.opted_out, listed, risen.left_out, unreadable)
        return RunLists(listed, risen.rows, counted)

    return make


def _rising(context: StageContext, champion: Champion, scores: pd.DataFrame, inputs: RunInputs) -> Rising:
    """Compare with the run before, whose date this champion scores again; nothing if there is none."""
    lake, study, use = context.lake, context.settings.study, context.settings.purpose.use
    before = [run for run in published_runs(lake, inputs.outcome) if run["run_id"] == inputs.previous_run_id]
    if not before or not study.cohort.one_date_for_all or not study.validation.by_date:
        return Rising()
    run_id, day = str(before[0]["run_id"]), before[0]["index_date"]
    if must_be_built(lake, run_id, day, inputs.catalogue_version):
        build_features_of(context, day)
    try:
        then = score_rows(lake, study, champion, day, context.machine.engine.threads, use=use)
    except (SchemaMismatchError, CoverageNotServedError):
        return Rising(left_out={CANNOT: len(scores)})
    frame = then.frame[["person_id", "coverage"]].assign(risk=then.risk).astype({"person_id": str})
    scored = frame.merge(published_editions(lake, run_id), on="person_id", how="left", validate="one_to_one")
    return people_of_rising_risk(
        scores, Earlier(run_id, day, scored), study.bands, study.rising_risk_step, study.rising_risk_bands
    )


def write_pages(deployment: Deployment, place_code: str | None = None) -> StageResult:
    """Write the pages and CSV files of the current run of each study, for one place or for all."""
    return each_study(deployment, lambda study: _write_study_pages(study, place_code))


def _write_study_pages(deployment: Deployment, place_code: str | None) -> StageResult:
    study = deployment.settings.study
    runs = published_runs(deployment.lake, study.outcome.name)
    if not runs:
        raise RefusalError(f"no run of '{study.outcome.name}' is published: there is no caseload yet. Run the pipeline first")
    folder = deployment.reports / "caseloads"
    written = write_caseloads(deployment.lake, runs[-1], folder, study.caseloads.leave_out, place_code)
    return StageResult({"run_id": runs[-1]["run_id"], "files": len(written), "folder": str(folder)})

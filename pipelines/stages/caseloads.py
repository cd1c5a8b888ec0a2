"""What a run publishes beside its scores: caseloads, rising risk and every reason counted; and the pages for a practice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd

from features.code_lists import load_code_lists
from features.cohort import DEATH_NOT_READABLE, END_NOT_READABLE
from models.predictors import SchemaMismatchError
from models.risk_model import CoverageNotServedError
from pipelines.caseloads.rising import CANNOT, Earlier, Rising, must_be_built, published_editions, rising
from pipelines.caseloads.run_lists import CaseloadRequest, caseload, exclusions
from pipelines.errors import RefusalError
from pipelines.lake.run_record import RunInputs, published_runs
from pipelines.reports.caseload.files import write_caseloads
from pipelines.run.deployment import Deployment
from pipelines.scoring.published_lists import RunLists
from pipelines.scoring.score import Champion, Scoring, score_rows
from pipelines.stages.building import build_features
from pipelines.stages.by_study import each_study
from pipelines.stages.run_plan import code_lists
from pipelines.training.inputs import cohort_flow

Summary = dict[str, Any]


def list_maker(
    deployment: Deployment, champion: Champion, scoring: Scoring, inputs: RunInputs
) -> Callable[[pd.DataFrame], RunLists]:
    """Give what makes a run's lists from the rows of its scores; a run for planning names nobody to anyone, and has none."""
    lake, study, use = deployment.lake, deployment.settings.study, deployment.settings.purpose.use
    request = CaseloadRequest(
        study.caseloads,
        inputs.outcome,
        inputs.index_date,
        use,
        inputs.previous_run_id,
        load_code_lists(code_lists(deployment)),
    )

    flow = dict(cohort_flow(lake, [inputs.index_date.isoformat()]))
    unreadable = {reason: flow[reason] for reason in (DEATH_NOT_READABLE, END_NOT_READABLE) if reason in flow}

    def make(scores: pd.DataFrame) -> RunLists:
        if use == "planning":
            nobody = caseload(lake, scores.head(0), replace(request, previous_run_id=""))
            counted = exclusions(inputs.outcome, scores, scoring.opted_out, nobody, {}, unreadable)
            return RunLists(nobody, Rising().rows, counted)
        listed, risen = caseload(lake, scores, request), _rising(deployment, champion, scores, inputs)
        counted = exclusions(inputs.outcome, scores, scoring.opted_out, listed, risen.left_out, unreadable)
        return RunLists(listed, risen.rows, counted)

    return make


def _rising(deployment: Deployment, champion: Champion, scores: pd.DataFrame, inputs: RunInputs) -> Rising:
    """Compare with the run before, whose date is scored again by this champion; nothing where there is none."""
    lake, study = deployment.lake, deployment.settings.study
    found = [run for run in published_runs(lake, inputs.outcome) if run["run_id"] == inputs.previous_run_id]
    if not found or not study.cohort.one_date_for_all or not study.validation.by_date:
        return Rising()
    run_id, day = str(found[0]["run_id"]), found[0]["index_date"]
    if must_be_built(lake, run_id, day, inputs.catalogue_version):
        build_features(deployment, day)
    try:
        then = score_rows(lake, study, champion, day, deployment.settings.engine.threads, use=deployment.settings.purpose.use)
    except (SchemaMismatchError, CoverageNotServedError):
        return Rising(left_out={CANNOT: len(scores)})
    frame = then.frame[["person_id", "coverage"]].assign(risk=then.risk).astype({"person_id": str})
    scored = frame.merge(published_editions(lake, run_id), on="person_id", how="left", validate="one_to_one")
    return rising(scores, Earlier(run_id, day, scored), study.bands, study.rising_risk_step, study.rising_risk_bands)


def write_pages(deployment: Deployment, place_code: str | None = None) -> Summary:
    """Write the pages and CSV files of the current run of each study, for one place or for all."""
    return each_study(deployment, lambda study: _write_study_pages(study, place_code))


def _write_study_pages(deployment: Deployment, place_code: str | None) -> Summary:
    study = deployment.settings.study
    runs = published_runs(deployment.lake, study.outcome.name)
    if not runs:
        raise RefusalError(f"no run of '{study.outcome.name}' is published: there is no caseload yet. Run the pipeline first")
    folder = deployment.reports / "caseloads"
    written = write_caseloads(deployment.lake, runs[-1], folder, study.caseloads.leave_out, place_code)
    return {"run_id": runs[-1]["run_id"], "files": len(written), "folder": str(folder)}

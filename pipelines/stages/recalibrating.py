"""The yearly recalibration of each study's champion: a separate training, started by a person."""

from __future__ import annotations

from pipelines.lake.code_version import code_version, digest_of
from pipelines.lake.run_record import extracts_read
from pipelines.reports.model.page import model_report
from pipelines.run.deployment import Deployment
from pipelines.scoring.score import catalogue_version
from pipelines.stages.by_study import each_study
from pipelines.stages.results import StageResult
from pipelines.stages.run_plan import data_cut, index_date_plan, settings_version
from pipelines.study.opt_out_rules import training_rule
from pipelines.training import record as training_record
from pipelines.training.incumbent import read_incumbent
from pipelines.training.inputs import TABLES_READ, TrainingInputs, part_of_digest, people_with_opt_out
from pipelines.training.recalibration import recalibrate_study
from pipelines.training.training_request import TrainingRequest


def recalibrate(deployment: Deployment) -> StageResult:
    """Fit the calibration of each study's champion again on the latest matured index date, evaluate and record it.

    An approval makes it champion when the next scoring begins.
    """
    return each_study(deployment, _recalibrate_study)


def _recalibrate_study(deployment: Deployment) -> StageResult:
    lake, study, settings = deployment.lake, deployment.settings.study, deployment.settings
    dates, extracts = index_date_plan(deployment), extracts_read(lake)
    incumbent = read_incumbent(deployment.tracker, study.name, "")
    digest = incumbent.model.digest if incumbent and incumbent.model else ""
    test = [day.isoformat() for day in dates["test"]]
    rule = training_rule(lake)
    made_of = [digest, settings_version(deployment), code_version(), test, extracts]
    training_id = digest_of(["recalibration", *made_of, *part_of_digest(rule)])
    if training_record.is_recorded(lake, training_id):
        return StageResult({"training_id": training_id}, message="recalibrated before on the same inputs")
    allowed = settings.purpose.allowed_feeds
    request = TrainingRequest(
        lake, study, settings.engine, dates, data_cut(deployment), allowed_feeds=allowed, incumbent=incumbent,
        excluded_people=people_with_opt_out(lake) if rule.excludes else None,
    )  # fmt: skip
    again = recalibrate_study(request)
    inputs = TrainingInputs(
        training_id,
        {
            "train": [day.isoformat() for day in again.train_dates],
            "test": test,
            "score": [day.isoformat() for day in dates["score"]],
        },
        lake.versions(list(TABLES_READ)),
        code_version(),
        settings_version(deployment),
        settings.deployment,
        settings.purpose,
        extracts,
        catalogue_version(lake),
        recalibrates=incumbent.version if incumbent else "",
        opt_out_rule=rule,
    )
    return StageResult(training_record.record_training(lake, deployment.tracker, study, again.result, inputs, model_report))

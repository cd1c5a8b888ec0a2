"""Letting go of what is kept no longer, erasing a person, and scoring a past run again."""

from __future__ import annotations

from datetime import date
from typing import Any

from expectations.identifier_text import normal
from models.risk_model import RiskModel
from pipelines.errors import RefusalError
from pipelines.lake.storage import Lake
from pipelines.postgres.settings import connection_string
from pipelines.run.deployment import Deployment
from pipelines.scoring.score import Champion, Scoring, score_rows
from pipelines.stages import publishing
from pipelines.stages.run_plan import data_cut
from pipelines.study.opt_out_rules import use_of_opt_outs
from pipelines.upkeep import erasure, reproduction, retention

Summary = dict[str, Any]


def tidy(deployment: Deployment) -> Summary:
    """Remove what the settings keep no longer, here and in the publishing database."""
    done: Summary = dict(retention.tidy(deployment.lake, deployment.settings.upkeep, data_cut(deployment)))
    if done["runs_removed"] and deployment.settings.publish.postgres:
        done |= publishing.follow_in_postgres(deployment).facts
    return done


def erase_person(deployment: Deployment, person_id: str, reason: str) -> Summary:
    """Take a person out of every table and report, here and in the publishing database."""
    reading = deployment.settings.source.nhs
    ignores_case = reading is not None and any(reading.case_of(feed) == "ignored" for feed in reading.feeds)
    done: Summary = dict(erasure.erase_person(deployment.lake, deployment.reports, person_id, reason, ignores_case))
    if deployment.settings.publish.postgres:
        from pipelines.postgres.follow import erase

        done["rows_of_the_database"] = erase(connection_string(deployment.settings.publish.postgres), normal(person_id))
    return done


def reproduce(deployment: Deployment, run_id: str) -> reproduction.Reproduction:
    """Score a past run again, from its own tables and by its own model."""
    run = reproduction.recorded_run(deployment.lake, run_id)
    name, version = str(run["model_name"]), str(run["model_version"])
    studies = {given.settings.study.name: given for given in deployment.studies}
    if name not in studies:
        raise RefusalError(f"the run {run_id} is of the study '{name}'; this configuration has {', '.join(studies)}")
    tracker, settings = deployment.tracker, studies[name].settings
    champion = Champion(
        RiskModel.from_files(tracker.files_of(name, version)), name, version, tracker.version_tags(name, version)["run_id"]
    )

    def score(lake: Lake, champion: Champion, index_date: date) -> Scoring:
        use, cut = use_of_opt_outs(deployment.lake, settings.purpose.use), date.fromisoformat(str(run["data_cut_date"]))
        return score_rows(lake, settings.study, champion, index_date, settings.engine.threads, use=use, data_cut=cut)

    return reproduction.reproduce(deployment.lake, run, champion, score)

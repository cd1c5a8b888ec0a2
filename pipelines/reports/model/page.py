"""The report of one candidate as one HTML page: order and text are in `templates/model.html`, figures in `content.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from models.scored_rows import ScoredRows
from pipelines.reports.model.content import report_content
from pipelines.reports.model.reported import ReportedCandidate
from pipelines.reports.pages import render
from pipelines.study.settings import StudySettings
from pipelines.training.inputs import TrainingInputs
from pipelines.training.judging import JudgedCandidate, StudyResult


def model_report(
    study: StudySettings,
    result: StudyResult,
    candidate: JudgedCandidate,
    ranked: Mapping[str, ScoredRows],
    status: Mapping[str, str],
    made: TrainingInputs,
    flow: Sequence[tuple[str, int]],
) -> str:
    """Return the page of one candidate."""
    return render("model.html", **report_content(ReportedCandidate(study, result, candidate, ranked, status, made, flow)))

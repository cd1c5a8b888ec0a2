"""Write the report of one candidate as one HTML page: styles and figures inside, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from models.scored_rows import ScoredRows
from pipelines.model_report.content import report_content
from pipelines.study_settings import StudySettings
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
    """Give the page of one candidate."""
    return _template().render(report_content(study, result, candidate, ranked, status, made, flow))


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pipelines.model_report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["as_svg"] = Markup  # drawn by ourselves, from numbers
    return environment.get_template("page.html")

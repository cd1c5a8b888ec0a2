"""A stage's work for one study after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from features.outcomes import ImmatureOutcomeError
from pipelines.errors import RefusalError
from pipelines.run.deployment import Deployment
from pipelines.stages.results import StageResult, Status


def each_study(deployment: Deployment, work: Callable[[Deployment], StageResult]) -> StageResult:
    """Do the work for each study. A study that is refused stops none of the others.

    The result of a single study is returned as it is. With several studies each fact begins with the study's name. RefusalError
    is raised only if all studies were refused.
    """
    if len(deployment.studies) == 1:
        return work(deployment.studies[0])
    results: dict[str, StageResult] = {}
    refused: dict[str, str] = {}
    for study in deployment.studies:
        name = study.settings.study.name
        try:
            results[name] = work(study)
        except (RefusalError, ImmatureOutcomeError) as refusal:
            refused[name] = str(refusal)
    return _merged(results, refused)


def _merged(results: dict[str, StageResult], refused: dict[str, str]) -> StageResult:
    if not results:
        raise RefusalError(StageResult(refused=refused).refusals)
    worked = {name: result for name, result in results.items() if result.status != Status.SKIPPED}
    if not worked and not refused:
        return next(iter(results.values()))
    facts: dict[str, Any] = {f"{name} {key}": value for name, result in worked.items() for key, value in result.summary.items()}
    return StageResult(facts, refused=refused, is_unfinished=any(result.is_unfinished for result in worked.values()))

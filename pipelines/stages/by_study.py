"""A stage's work for one study after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from features.outcomes import ImmatureOutcomeError
from pipelines.errors import RefusalError
from pipelines.run.deployment import Deployment

REFUSED = "refused"
Summary = dict[str, Any]


def each_study(deployment: Deployment, work: Callable[[Deployment], Summary]) -> Summary:
    """Do the work for each study; one that is refused keeps none of the others from theirs.

    A single study's summary is given as it is. Of several each entry begins with the study's name, `refused` says in words which were and why, and
    a RefusalError is raised only where all of them were.
    """
    if len(deployment.studies) == 1:
        return work(deployment.studies[0])
    done: dict[str, Summary] = {}
    refused: dict[str, str] = {}
    for study in deployment.studies:
        name = study.settings.study.name
        try:
            done[name] = work(study)
        except (RefusalError, ImmatureOutcomeError) as refusal:
            refused[name] = str(refusal)
    words = "\n".join(f"{name}: {reason}" for name, reason in refused.items())
    if not done:
        raise RefusalError(words)
    told = {name: summary for name, summary in done.items() if "skipped" not in summary}
    if not told and not refused:
        return next(iter(done.values()))
    named = {f"{name} {key}": value for name, summary in told.items() for key, value in summary.items()}
    return named | ({REFUSED: words} if refused else {})

"""What the report of one candidate is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from models.scored_rows import ScoredRows
from pipelines.study.settings import StudySettings
from pipelines.training.inputs import TrainingInputs
from pipelines.training.judging import JudgedCandidate, StudyResult


@dataclass(frozen=True)
class ReportedCandidate:
    """One candidate, with the training that its report shows: `status` and `ranked` are of every candidate, `flow` of the test date."""

    study: StudySettings
    result: StudyResult
    candidate: JudgedCandidate
    ranked: Mapping[str, ScoredRows]
    status: Mapping[str, str]
    made: TrainingInputs
    flow: Sequence[tuple[str, int]]

"""One training of a study: what it trains from, under which settings, and what follows from these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.audit_groups import KINDS as GROUP_KINDS
from models.fitting import Fitting
from models.predictors import Predictor, predictors_from_catalogue
from models.training import TrainingPlan
from pipelines.building.engine_settings import EngineSettings
from pipelines.lake.storage import Lake
from pipelines.study.settings import StudySettings
from pipelines.training.modelling_rows import ModellingRows, offered_predictors, read_catalogue

if TYPE_CHECKING:
    from pipelines.training.incumbent import Incumbent


@dataclass(frozen=True)
class TrainingRequest:
    """The study to train, and what its training may use.

    `dates` holds the index dates by use (train, test, score). `table_groups` are the group kinds that a ready-made feature table declares.
    `allowed_feeds` are the feeds that the approval covers (None: all). `trials` is the URL of a database that keeps the trials of a tuning, so that
    an interrupted one continues. `excluded_people` has the person_key of people whose data neither train nor test.
    """

    lake: Lake
    study: StudySettings
    engine: EngineSettings
    dates: Mapping[str, tuple[date, ...]]
    data_cut: date
    table_groups: Sequence[str] = ()
    allowed_feeds: Sequence[str] | None = None
    incumbent: Incumbent | None = None
    trials: str | None = None
    excluded_people: NDArray[np.int32] | None = None

    def may_use(self, rows: ModellingRows) -> NDArray[np.bool_]:
        """Return for each row whether the data of its person may train and test models."""
        people = rows.frame["person_key"].to_numpy()
        return np.ones(len(people), dtype=np.bool_) if self.excluded_people is None else ~np.isin(people, self.excluded_people)

    @property
    def by_time(self) -> bool:
        """Whether later index dates test the models."""
        return self.study.validation.by_date

    @property
    def test_date(self) -> date | None:
        """The index date of the test rows; None if time does not separate them from the training rows."""
        return self.dates["test"][0] if self.by_time else None

    @property
    def group_kinds(self) -> Sequence[str]:
        """The kinds of group that the audit compares."""
        return tuple(GROUP_KINDS) if self.by_time else self.table_groups

    @property
    def fitting(self) -> Fitting:
        return Fitting(self.study.seed, self.engine.threads)

    @property
    def predictors(self) -> tuple[Predictor, ...]:
        """The curated predictors that some candidate may use."""
        return self._offered[0]

    @property
    def unread(self) -> tuple[str, ...]:
        """Columns that neither a candidate nor the audit nor the model in use needs."""
        model = self.incumbent.model if self.incumbent else None
        needed = {predictor.name for predictor in model.predictors} if model else set()
        return tuple(name for name in self._offered[1] if name not in needed)

    @cached_property
    def _offered(self) -> tuple[tuple[Predictor, ...], list[str]]:
        return offered_predictors(self.study.candidates, predictors_from_catalogue(read_catalogue(self.lake)))

    def plan(self, tune_in_folds: bool = False) -> TrainingPlan:
        """Return what is the same for all candidates."""
        outcome, study = self.study.outcome, self.study
        return TrainingPlan(outcome.name, outcome.horizon_days, study.candidates, study.bands, self.fitting, tune_in_folds)

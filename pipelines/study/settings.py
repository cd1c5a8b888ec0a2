"""The settings of a study: what is predicted, for whom, by which models, on which index dates, and further outcomes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from expectations.setting_types import Distinct
from features.code_level import CodeLevelSettings
from features.cohort import CohortSettings
from features.outcomes import OutcomeSettings
from models.gate_settings import GateSettings
from models.settings import BandSettings, CandidateSettings, CapacitySettings, ValidationPlan
from pipelines.study.caseload_settings import CaseloadSettings
from pipelines.study.contradictions import EVERY_BAND, contradictions, shared_contradictions

FeatureFamily = Literal[
    "demographics",
    "utilisation",
    "long-term conditions",
    "medicines",
    "frailty",
    "measurements",
    "deprivation",
    "inequality",
    "OMOP source",
]


class IndexDates(BaseModel, extra="forbid", frozen=True):
    """The index dates of training, test and scoring; by default they are derived from the data cut."""

    train: tuple[date, ...] | None = Field(default=None, description="training dates, earliest first")
    test: date | None = Field(
        default=None,
        description="index date of the test set; the default is the latest with matured outcomes on the day of the month of the data cut",
    )
    score: date | None = Field(default=None, description="index date of the scores; the default is the data cut")
    training_dates: int = Field(default=2, ge=1, le=24, description="number of training dates to derive")
    months_between: int = Field(default=6, ge=1, le=24, description="months between derived training dates")


class ApprovalSettings(BaseModel, extra="forbid", frozen=True):
    """A recorded approval; without one no model becomes champion, and each approval makes only one model champion."""

    role: str = Field(min_length=1, description="role of the approver, never a name")
    reason: str = Field(min_length=1, description="why the model may be used")
    day: date = Field(description="day of the approval")


class FurtherStudy(BaseModel, extra="forbid", frozen=True):
    """Another outcome of the same people and features; missing settings, except the approval, are those of the first study."""

    name: str = Field(pattern=r"[a-z0-9_]+", description="name of its experiment and registered model")
    outcome: OutcomeSettings = Field(description="what is predicted")
    index_dates: IndexDates | None = None
    candidates: CandidateSettings | None = None
    code_level: CodeLevelSettings | None = None
    validation: ValidationPlan | None = None
    gates: GateSettings | None = None
    bands: BandSettings | None = None
    capacity: CapacitySettings | None = None
    approval: ApprovalSettings | None = Field(default=None, description="the recorded approval of its chosen model")

    @property
    def differences(self) -> dict[str, object]:
        """Return the settings in which it differs from the first study."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if value is not None or name == "approval"}


class StudySettings(BaseModel, extra="forbid", frozen=True):
    """What is predicted, for whom, by which models, and when a model is good and fair enough."""

    name: str = Field(
        default="emergency_admission", pattern=r"[a-z0-9_]+", description="name of the experiment and the registered model"
    )
    cohort: CohortSettings = CohortSettings()
    outcome: OutcomeSettings = OutcomeSettings()
    code_lists: Path | None = Field(
        default=None,
        description="folder of a team's own code lists; each half replaces Strata's of the same list and terminology",
    )
    feature_families: Distinct[FeatureFamily] | None = Field(
        default=None,
        min_length=1,
        description="families of features to compute, with the features they are computed from; the default is all",
    )
    imd_edition: Literal[2019, 2025] = Field(default=2025, description="edition of the Indices of Deprivation")
    index_dates: IndexDates = IndexDates()
    candidates: CandidateSettings = CandidateSettings()
    code_level: CodeLevelSettings = Field(
        default=CodeLevelSettings(), description="which codes become columns, for candidates that use codes"
    )
    validation: ValidationPlan = ValidationPlan()
    gates: GateSettings = GateSettings()
    bands: BandSettings = BandSettings()
    capacity: CapacitySettings = CapacitySettings()
    driver_bands: int = Field(
        default=2,
        ge=0,
        le=EVERY_BAND,
        description=f"number of highest bands whose people have drivers; {EVERY_BAND} for every band",
    )
    drivers_per_person: int = Field(default=5, ge=1, le=20, description="drivers stored for each of these people")
    drivers_not_shown: Distinct[str] = Field(
        default=("hiv",),
        description="feeds, concepts and features that no driver may show, such as those of sensitive codes",
    )
    rising_risk_step: float = Field(
        default=0.1, gt=0, le=1, description="rise of risk since the last run that is flagged as rising"
    )
    rising_risk_bands: int = Field(
        default=2,
        ge=1,
        le=EVERY_BAND,
        description=f"number of bands that a risk must rise for the list of rising risk; {EVERY_BAND} to flag no one by bands",
    )
    caseloads: CaseloadSettings = CaseloadSettings()
    approval: ApprovalSettings | None = Field(default=None, description="the recorded approval of the chosen model")
    seed: int = Field(default=20260101, ge=0, description="seed of all random numbers")
    also: tuple[FurtherStudy, ...] = Field(
        default=(), description="further outcomes of the same people, each trained, evaluated and published like this one"
    )

    @model_validator(mode="after")
    def _are_distinct(self) -> Self:
        for what, names in (("name", [one.name for one in self.each]), ("outcome", [one.outcome.name for one in self.each])):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(
                    f"two studies have the {what} {twice[0]!r}, which must be unique because experiments, models and tables use it; for "
                    "another form of an outcome (horizon, on_death), set outcome.name to a new name and outcome.defined_as to the outcome"
                )
        return self

    @model_validator(mode="after")
    def _fit_each_other(self) -> Self:
        if messages := shared_contradictions(self):
            raise ValueError("; ".join(messages))
        for study in self.each:
            if messages := contradictions(study):
                also = f"study '{study.name}': " if self.also else ""
                raise ValueError(also + "; ".join(messages))
        return self

    @property
    def gates_in_force(self) -> GateSettings:
        """Return the gates, with the AUROC alarm of the outcome if the settings have none."""
        if "auroc_alarm" in self.gates.model_fields_set:
            return self.gates
        return self.gates.model_copy(update={"auroc_alarm": self.outcome.definition.auroc_alarm})

    @property
    def each(self) -> tuple[StudySettings, ...]:
        """Return every study, this one first; missing settings of a further study are those of this one."""
        alone = self.model_copy(update={"also": ()})
        return (alone, *(alone.model_copy(update=further.differences) for further in self.also))

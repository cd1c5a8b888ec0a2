"""A study's settings: what is predicted for whom, by which models, from which days, and what else is predicted beside it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from features.code_level import CodeLevelSettings
from features.cohort import CohortSettings
from features.outcomes import OutcomeSettings
from models.settings import BandSettings, CandidateSettings, CapacitySettings, GateSettings, ValidationPlan
from pipelines.study.caseload_settings import CaseloadSettings

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
    """Days from which the models look forward; left out, they follow from the data cut."""

    train: tuple[date, ...] | None = Field(default=None, description="training dates, earliest first")
    test: date | None = Field(default=None, description="the date that decides: the latest matured one where left out")
    score: date | None = Field(default=None, description="the scoring date: the data cut where left out")
    training_dates: int = Field(default=2, ge=1, le=24, description="how many training dates to derive")
    months_between: int = Field(default=6, ge=1, le=24, description="months between derived training dates")


class ApprovalSettings(BaseModel, extra="forbid", frozen=True):
    """A recorded approval: without one no model becomes champion, and one makes one model champion, no later one."""

    role: str = Field(min_length=1, description="role of the approver, never a name")
    reason: str = Field(min_length=1, description="why the model may be used")
    day: date = Field(description="day of the approval")


class FurtherStudy(BaseModel, extra="forbid", frozen=True):
    """Another outcome of the same people and features; whatever is left out, but for the approval, is as in the first study."""

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
        """Give the settings in which it differs from the first study."""
        given = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in given.items() if value is not None or name == "approval"}


class StudySettings(BaseModel, extra="forbid", frozen=True):
    """What is predicted, for whom, by which models, and when a model is good and fair enough."""

    name: str = Field(
        default="emergency_admission", pattern=r"[a-z0-9_]+", description="name of the experiment and the registered model"
    )
    cohort: CohortSettings = CohortSettings()
    outcome: OutcomeSettings = OutcomeSettings()
    code_lists: Path | None = Field(
        default=None, description="folder of a team's own code lists, which add to those of Strata or replace one by name"
    )
    feature_families: tuple[FeatureFamily, ...] | None = Field(
        default=None, description="families of features to compute, with what they are made of; all where left out"
    )
    imd_edition: Literal[2019, 2025] = Field(default=2025, description="edition of the Indices of Deprivation")
    index_dates: IndexDates = IndexDates()
    candidates: CandidateSettings = CandidateSettings()
    code_level: CodeLevelSettings = Field(
        default=CodeLevelSettings(), description="which codes become columns, for candidates that learn from codes"
    )
    validation: ValidationPlan = ValidationPlan()
    gates: GateSettings = GateSettings()
    bands: BandSettings = BandSettings()
    capacity: CapacitySettings = CapacitySettings()
    driver_bands: int = Field(default=2, ge=0, le=10, description="highest bands whose people get drivers")
    drivers_per_person: int = Field(default=5, ge=1, le=20, description="drivers kept for each of them")
    drivers_not_shown: tuple[str, ...] = Field(
        default=("hiv",),
        description="feeds, concepts and features that no driver may be made of: what a practice may not be shown, such as sensitive codes",
    )
    rising_risk_step: float = Field(default=0.1, gt=0, le=1, description="rise of risk since the last run that is flagged")
    rising_risk_bands: int = Field(default=2, ge=1, le=10, description="bands risen that put a person on the list of rising risk")
    caseloads: CaseloadSettings = CaseloadSettings()
    approval: ApprovalSettings | None = Field(default=None, description="the recorded approval of the chosen model")
    seed: int = Field(default=20260101, ge=0, description="seed of everything that draws")
    also: tuple[FurtherStudy, ...] = Field(
        default=(), description="further outcomes of the same people, each trained, judged and published beside this one"
    )

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        for what, names in (("name", [one.name for one in self.each]), ("outcome", [one.outcome.name for one in self.each])):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(
                    f"two studies have the {what} {twice[0]!r}: experiments, models and tables are told apart by it; for an outcome in "
                    "another form (horizon, on_death) give outcome.name a name of its own and the outcome as defined_as"
                )
        return self

    @property
    def gates_in_force(self) -> GateSettings:
        """Give the gates, with the alarm that belongs to the outcome where the settings name none."""
        if "auroc_alarm" in self.gates.model_fields_set:
            return self.gates
        return self.gates.model_copy(update={"auroc_alarm": self.outcome.definition.auroc_alarm})

    @property
    def each(self) -> tuple[StudySettings, ...]:
        """Give every study, this one first; what a further one leaves out is as in this one."""
        alone = self.model_copy(update={"also": ()})
        return (alone, *(alone.model_copy(update=further.differences) for further in self.also))


def months_before(day: date, months: int) -> date:
    """Give the first day of the month that lies some months before a day's month."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def planned_index_dates(study: StudySettings, data_cut: date) -> dict[str, tuple[date, ...]]:
    """Give the training, test and scoring dates of a study for a data cut.

    A date that is left out follows from the cut: the test date is the latest first of a month whose horizon and maturity
    lag end before the cut; training dates lie the same span or more before it, so that no labels overlap.
    """
    span = timedelta(days=study.outcome.horizon_days + study.outcome.maturity_days)
    dates = study.index_dates
    test = dates.test or (data_cut - span - timedelta(days=1)).replace(day=1)
    latest = (test - span).replace(day=1)
    train = dates.train or tuple(
        sorted(months_before(latest, number * dates.months_between) for number in range(dates.training_dates))
    )
    return {"train": train, "test": (test,), "score": (dates.score or data_cut,)}

"""One deployment's settings: a YAML file, parsed to typed and validated values before any work begins.

Each section is owned by the step that uses it; here they are put together, and what can be checked across sections is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from features.code_level import CodeLevelSettings
from features.cohort import CohortSettings
from features.outcomes import OutcomeSettings
from models.settings import BandSettings, CandidateSettings, CapacitySettings, GateSettings, ValidationPlan
from pipelines.alerts.settings import AlertSettings
from pipelines.building.spark_engine import SparkSettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.settings import ConformSettings
from pipelines.errors import SettingsError
from pipelines.postgres.settings import PostgresSettings
from pipelines.sources.feature_table import FeatureTableSettings
from pipelines.sources.nhs import NhsSettings
from pipelines.sources.omop.settings import OmopSettings
from pipelines.sources.reference import ReferenceSettings
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.validation.validate import ValidationSettings

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
SourceKind = Literal["synthetic", "nhs", "omop", "feature_table"]


class PurposeSettings(BaseModel, extra="forbid", frozen=True):
    """What the run is for, and what allows it."""

    use: Literal["finding_people_for_care", "planning"] = Field(
        description="finding_people_for_care applies type 1 opt-outs; planning applies the national data opt-out too"
    )
    approval: str = Field(min_length=1, description="the approval the run rests on, as its register names it")
    approval_expires: date = Field(description="the approval's last day; after it every run is refused")
    allowed_feeds: tuple[str, ...] | None = Field(default=None, description="feeds the approval covers; all where not given")


class SourceSettings(BaseModel, extra="forbid", frozen=True):
    """Where data come from: the section of the chosen kind must be there."""

    kind: SourceKind = Field(description="synthetic, nhs, omop or feature_table")
    synthetic: SyntheticSettings | None = None
    nhs: NhsSettings | None = None
    omop: OmopSettings | None = None
    feature_table: FeatureTableSettings | None = None

    @model_validator(mode="after")
    def _section_of_kind(self) -> Self:
        if getattr(self, self.kind) is None:
            raise ValueError(f"the section '{self.kind}' is missing: kind is '{self.kind}'")
        return self


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
    rising_risk_step: float = Field(default=0.1, gt=0, le=1, description="rise of risk since the last run that is flagged")
    approval: ApprovalSettings | None = Field(default=None, description="the recorded approval of the chosen model")
    seed: int = Field(default=20260101, ge=0, description="seed of everything that draws")


class EngineSettings(BaseModel, extra="forbid", frozen=True):
    """What the machine may give, and where features are built; `engine: spark` alone stands for its `kind`."""

    kind: Literal["local", "spark"] = Field(
        default="local", description="local: this machine builds the features; spark: Spark builds them by range of people"
    )
    threads: int = Field(default=2, ge=1, le=256, description="threads of DuckDB and LightGBM")
    memory_gb: float = Field(default=4.0, ge=0.5, le=4096, description="memory limit of DuckDB, in GB")
    spark: SparkSettings = SparkSettings()

    @model_validator(mode="before")
    @classmethod
    def _kind_alone(cls, given: object) -> object:
        return {"kind": given} if isinstance(given, str) else given


class PublishSettings(BaseModel, extra="forbid", frozen=True):
    """Where scores are published beside the lake."""

    postgres: PostgresSettings | None = Field(default=None, description="a PostgreSQL database that follows the lake")


class Settings(BaseModel, extra="forbid", frozen=True):
    """One deployment."""

    deployment: str = Field(pattern=r"[a-z0-9_]+", description="name of the deployment")
    home: Path = Field(default=Path("data"), description="folder of everything a run writes; STRATA_HOME overrides it")
    purpose: PurposeSettings
    data_cut_date: date | None = Field(default=None, description="the day the data reach to: the latest delivery where left out")
    source: SourceSettings
    reference: ReferenceSettings = ReferenceSettings()
    validation: ValidationSettings = ValidationSettings()
    conform: ConformSettings = ConformSettings()
    clinical: ClinicalRules = ClinicalRules()
    study: StudySettings = StudySettings()
    publish: PublishSettings = PublishSettings()
    alerts: AlertSettings = AlertSettings()
    engine: EngineSettings = EngineSettings()


class _Loader(yaml.SafeLoader):
    """YAML in which a key stands once in its section."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: the keys {twice} stand twice in one section")
        return super().construct_mapping(node, deep)


def _as_written(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


# A date is checked where it is used, so that a wrong one is named with its key.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_written)


def read_settings(path: Path) -> Settings:
    """Read and validate a deployment's settings; a SettingsError names every wrong key and what is allowed."""
    if not path.is_file():
        nearby = ", ".join(sorted(str(found) for found in path.parent.glob("*.yaml"))) or "none"
        raise SettingsError(f"there is no configuration {path}; those in its folder: {nearby}")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not readable YAML: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} holds no settings; see config/demo.yaml for an example")
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise SettingsError("\n".join([f"{path} cannot be used:", *_explained(error)])) from error


def _explained(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        place = ".".join(str(part) for part in problem["loc"]) or "the file"
        allowed = _allowed_keys(problem["loc"][:-1])
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(problem["loc"][-1]), allowed, 1)
            hint = f"did you mean '{near[0]}'? " if near else ""
            yield f"  {place}: there is no such key; {hint}allowed here: {', '.join(allowed)}"
        else:
            given = "" if problem["type"] == "missing" else f" (given: {str(problem['input'])[:80]!r})"
            yield f"  {place}: {problem['msg'].removeprefix('Value error, ')}{given}"


def _allowed_keys(place: tuple[int | str, ...]) -> list[str]:
    """Give the keys of the section at a place, as far as the models tell."""
    model: Any = Settings
    for part in place:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            found = [kind for kind in get_args(model) if hasattr(kind, "model_fields")]
            model = found[0] if found else model
            continue
        options = (field.annotation, *get_args(field.annotation))
        model = next((kind for kind in options if hasattr(kind, "model_fields")), field.annotation)
    return sorted(getattr(model, "model_fields", {}))


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

"""The settings of a deployment: a YAML file, converted to typed and validated values before any work begins.

Each section is defined by the stage that uses it. This module composes the sections and checks one against another.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Self, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from features.outcomes import OUTCOMES
from pipelines.alerts.settings import AlertSettings
from pipelines.building.engine_settings import EngineSettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.settings import ConformSettings
from pipelines.errors import SettingsError
from pipelines.postgres.settings import PostgresSettings
from pipelines.reference.files import ReferenceSettings
from pipelines.run.schedule import ScheduleSettings
from pipelines.run.section_rules import contradictions_between_sections
from pipelines.sources.settings import SourceSettings
from pipelines.study.purpose import PurposeSettings
from pipelines.study.settings import StudySettings
from pipelines.upkeep.settings import UpkeepSettings
from pipelines.validation.validation_settings import ValidationSettings


class PublishSettings(BaseModel, extra="forbid", frozen=True):
    """Where scores are published in addition to the lake."""

    postgres: PostgresSettings | None = Field(default=None, description="a PostgreSQL database that is kept equal to the lake")


class Settings(BaseModel, extra="forbid", frozen=True):
    """The settings of one deployment."""

    deployment: str = Field(pattern=r"[a-z0-9_]+", description="name of the deployment")
    home: Path = Field(default=Path("data"), description="folder of all files that a run writes; STRATA_HOME overrides it")
    purpose: PurposeSettings
    data_cut_date: date | None = Field(
        default=None,
        description="last day that the data reach; by default the earliest of the latest deliveries of the required feeds",
    )
    source: SourceSettings
    reference: ReferenceSettings = ReferenceSettings()
    validation: ValidationSettings = ValidationSettings()
    conform: ConformSettings = ConformSettings()
    clinical: ClinicalRules = ClinicalRules()
    study: StudySettings = StudySettings()
    publish: PublishSettings = PublishSettings()
    alerts: AlertSettings = AlertSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    upkeep: UpkeepSettings = UpkeepSettings()
    engine: EngineSettings = EngineSettings()

    @model_validator(mode="after")
    def _outcomes_of_the_source(self) -> Self:
        defines_outcome = self.source.chosen.brings_its_own_outcome
        unknown = [study.outcome.name for study in self.study.each if not study.outcome.is_known]
        if unknown and not defines_outcome:
            raise ValueError(f"study.outcome: there is no outcome {unknown[0]!r}; the outcomes are {', '.join(sorted(OUTCOMES))}")
        if self.study.also and defines_outcome:
            raise ValueError(
                "study.also: a feature_table, or an OMOP source with an outcome_cohort_id, defines a single outcome; write one configuration "
                "for each of its outcomes"
            )
        return self

    @model_validator(mode="after")
    def _split_column_is_of_a_table(self) -> Self:
        """Raise ValueError for a split by a column if the source has no such column."""
        for study in self.study.each:
            if study.validation.split_column:
                self.source.chosen.refuse_split_column(study.validation.split_column)
        return self

    @model_validator(mode="after")
    def _sections_fit_each_other(self) -> Self:
        if messages := contradictions_between_sections(self):
            raise ValueError("; ".join(messages))
        return self


class _Loader(yaml.SafeLoader):
    """YAML in which a key may appear only once in its section."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: a section has these keys twice: {', '.join(twice)}")
        return super().construct_mapping(node, deep)


def _as_written(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


# A date is checked by the setting that uses it, so that an error names the key.
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_written)


def read_settings(path: Path) -> Settings:
    """Read and validate a deployment's settings; raise SettingsError with every wrong key and the allowed values."""
    if not path.is_file():
        nearby = ", ".join(sorted(str(file) for file in path.parent.glob("*.yaml"))) or "none"
        raise SettingsError(f"there is no configuration {path}; configurations in its folder: {nearby}")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not readable YAML: {error}; correct it") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path} has no settings; see config/demo.yaml for an example")
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
            value = "" if problem["type"] == "missing" else f" (value: {str(problem['input'])[:80]!r})"
            is_empty = problem["type"] == "too_short" and not problem["input"]
            message = (
                "it is empty; name at least one, or remove the setting"
                if is_empty
                else problem["msg"].removeprefix("Value error, ")
            )
            yield f"  {place}: {message}{value}"


def _allowed_keys(place: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the section at a place in the settings, or none if the models do not define them."""
    model: Any = Settings
    for part in place:
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            sections = [kind for kind in get_args(model) if hasattr(kind, "model_fields")]
            model = sections[0] if sections else model
            continue
        options = (field.annotation, *get_args(field.annotation))
        model = next((kind for kind in options if hasattr(kind, "model_fields")), field.annotation)
    return sorted(getattr(model, "model_fields", {}))

"""One deployment's settings: a YAML file, parsed to typed and validated values before any work begins.

Each section is owned by the step that uses it; here they are put together, and what can be checked across sections is.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Self, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from expectations.catalogue import RAW_TABLES
from features.catalogue import build_catalogue
from features.code_lists import load_code_lists
from features.outcomes import OUTCOMES
from pipelines.alerts.settings import AlertSettings
from pipelines.building.engine_settings import EngineSettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.settings import ConformSettings
from pipelines.errors import SettingsError
from pipelines.postgres.settings import PostgresSettings
from pipelines.reference.files import ReferenceSettings
from pipelines.run.schedule import ScheduleSettings
from pipelines.sources.settings import SourceSettings
from pipelines.study.purpose import PurposeSettings
from pipelines.study.settings import StudySettings
from pipelines.upkeep.settings import UpkeepSettings
from pipelines.validation.validation_settings import ValidationSettings


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
    schedule: ScheduleSettings = ScheduleSettings()
    upkeep: UpkeepSettings = UpkeepSettings()
    engine: EngineSettings = EngineSettings()

    @model_validator(mode="after")
    def _outcomes_of_the_source(self) -> Self:
        brings_its_own = self.source.chosen.brings_its_own_outcome
        unknown = [study.outcome.name for study in self.study.each if not study.outcome.is_known]
        if unknown and not brings_its_own:
            raise ValueError(f"study.outcome: there is no outcome {unknown[0]!r}; known are {sorted(OUTCOMES)}")
        if self.study.also and brings_its_own:
            raise ValueError(
                "study.also: a feature_table, or an OMOP source with an outcome_cohort_id, brings one outcome of its own; give each "
                "of its outcomes a configuration"
            )
        return self

    @model_validator(mode="after")
    def _split_column_is_of_a_table(self) -> Self:
        """Refuse a split by a column where rows have none of their own."""
        for study in self.study.each:
            if study.validation.split_column:
                self.source.chosen.refuse_split_column(study.validation.split_column)
        return self

    @model_validator(mode="after")
    def _drivers_not_shown_are_known(self) -> Self:
        """Refuse a name that would hide nothing; a source with columns of its own is taken at its word."""
        if not self.source.chosen.has_catalogued_features or self.study.drivers_not_shown == StudySettings().drivers_not_shown:
            return self
        catalogue = build_catalogue(load_code_lists(None), self.study.imd_edition)
        known = {*RAW_TABLES, *catalogue.concepts, *catalogue.by_name}
        unknown = [name for name in self.study.drivers_not_shown if name not in known]
        if unknown and self.study.code_lists is None:
            near = [match for name in unknown for match in difflib.get_close_matches(name, known, 2)]
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise ValueError(f"study.drivers_not_shown: there is no feed, concept or feature {', '.join(unknown)}{hint}")
        return self


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

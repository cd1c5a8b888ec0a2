"""The settings as one stage sees them: the paths it declares and nothing else; and digests of settings that bear on a result."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterable, Mapping
from inspect import getattr_static
from typing import Any, get_args

from pydantic import BaseModel

from pipelines.lake.code_version import digest_of
from pipelines.run.settings import Settings

# Decisions of people. They are recorded in monitoring__decision, and no digest of settings holds them: recording one runs again only what
# applies it.
DECISIONS = frozenset(
    {"study.approval", "study.also.*.approval", "purpose.approval", "purpose.approval_expires", "validation.accepted"}
)
# Where files are. Their content counts, as the outside inputs of pipelines/stages/outside.py.
PLACES = frozenset({"source.*.landing", "source.*.folder", "source.*.file", "study.code_lists"})
# What the machine provides bears on no result.
MACHINE = frozenset({"home", "engine"})
NEVER_IN_A_DIGEST = DECISIONS | PLACES | MACHINE
# Sections that bear on nothing that a run's scores are made of.
NOT_OF_A_RESULT = frozenset({"reference", "publish", "alerts", "schedule", "upkeep"})


class UndeclaredSettingError(Exception):
    """A stage asked for a setting that it does not declare: a bug in its declaration."""


class SettingsView:
    """A section of the settings of which a stage sees only the paths that it declares.

    Below a declared path the real object is returned. On the way to one, another view is returned. Properties and methods of
    a section see what the stage sees.
    """

    def __init__(self, section: BaseModel, path: str, declared: Collection[str], used: set[str]) -> None:
        self._section, self._path, self._declared, self._used = section, path, declared, used

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        section = self._section
        if name in type(section).model_fields:
            return self._value(f"{self._path}.{name}".lstrip("."), getattr(section, name))
        found = None if name.startswith("model_") else getattr_static(type(section), name, None)
        if isinstance(found, property) and found.fget is not None:
            return found.fget(self)
        if isinstance(found, types.FunctionType):
            return types.MethodType(found, self)
        raise UndeclaredSettingError(f"the settings '{self._path or 'as a whole'}' have nothing '{name}' that a stage may use")

    def _value(self, path: str, value: Any) -> Any:
        covering = [declared for declared in self._declared if _covers(declared, path)]
        if covering:
            self._used.update(covering)
            return value
        if any(declared.startswith(f"{path}.") for declared in self._declared):
            return self._below(path, value)
        raise UndeclaredSettingError(f"the stage reads the setting '{path}', which it does not declare")

    def _below(self, path: str, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self._below(f"{path}.*", item) for item in value)
        return SettingsView(value, path, self._declared, self._used) if isinstance(value, BaseModel) else value


def check_paths_of_settings(paths: Iterable[str]) -> None:
    """Raise ValueError for a path that no setting has, and for one that would hand over a decision without naming it."""
    declared = set(paths)
    for path in declared:
        if not _exists(path):
            raise ValueError(f"no setting has the path '{path}'")
        hidden = sorted(decision for decision in DECISIONS - declared if decision.startswith(f"{path}."))
        if hidden:
            raise ValueError(f"'{path}' holds the decision '{hidden[0]}': declare what is needed of it, or the decision as well")


def settings_that_count(settings: Settings, paths: Iterable[str]) -> dict[str, Any]:
    """Return the settings at some paths as plain data, without what never counts: decisions, places and the machine."""
    dumped = settings.model_dump(mode="json")
    for path in NEVER_IN_A_DIGEST:
        _drop(dumped, path.split("."))
    return {path: _at(dumped, path.split(".")) for path in sorted(paths)}


def settings_digest(settings: Settings, code_list_versions: Mapping[str, str] | None) -> str:
    """Return a digest of all settings that bear on a result, with the versions of the team's code lists in place of their folder."""
    sections = [name for name in Settings.model_fields if name not in NOT_OF_A_RESULT | MACHINE]
    return digest_of([settings_that_count(settings, sections), code_list_versions])


def _covers(declared: str, path: str) -> bool:
    return path == declared or path.startswith(f"{declared}.")


def _exists(path: str) -> bool:
    model: Any = Settings
    for name in path.replace(".*", "").split("."):
        field = getattr(model, "model_fields", {}).get(name)
        if field is None:
            return False
        options = (field.annotation, *get_args(field.annotation))
        model = next((kind for kind in options if hasattr(kind, "model_fields")), None)
    return True


def _drop(section: Any, path: list[str]) -> None:
    name, rest = path[0], path[1:]
    inner = list(section.values()) if isinstance(section, dict) else section if isinstance(section, list) else []
    if name == "*":
        for part in inner:
            _drop(part, rest)
    elif isinstance(section, dict) and name in section:
        if rest:
            _drop(section[name], rest)
        else:
            section.pop(name)


def _at(section: Any, path: list[str]) -> Any:
    if not path:
        return section
    if path[0] == "*":
        return [_at(part, path[1:]) for part in section or ()]
    return _at(section.get(path[0]), path[1:]) if isinstance(section, dict) else None

"""What a stage is given: the lake, the settings and outside inputs that it declares, and what the machine provides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import duckdb

from expectations.table import Table
from pipelines.building.engine_settings import EngineSettings
from pipelines.building.range_workers import RangeRunner
from pipelines.lake.recording import RecordingLake
from pipelines.run.deployment import Deployment
from pipelines.run.settings import Settings
from pipelines.sources.protocol import OpenedSource
from pipelines.stages import run_plan
from pipelines.stages.outside import Outside, OutsideInput
from pipelines.stages.settings_view import SettingsView, UndeclaredSettingError

if TYPE_CHECKING:
    from pipelines.stages.stage import Stage


@dataclass(frozen=True)
class Machine:
    """What the machine provides: processors, memory and folders. It bears on no result, so every stage has it."""

    engine: EngineSettings
    home: Path
    landing: Path
    reports: Path
    duckdb: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
    range_runner: Callable[[], AbstractContextManager[RangeRunner]]


@dataclass
class Uses:
    """What a stage read and wrote while it ran."""

    tables_read: set[str] = field(default_factory=set)
    tables_written: set[str] = field(default_factory=set)
    settings: set[str] = field(default_factory=set)
    outside: set[OutsideInput] = field(default_factory=set)

    def add(self, other: Uses) -> None:
        """Add what the same stage used for another study or date."""
        for name in ("tables_read", "tables_written", "settings", "outside"):
            getattr(self, name).update(getattr(other, name))


@dataclass(frozen=True)
class StageContext:
    """Everything that a stage may use. Settings and outside inputs that it does not declare cannot be reached."""

    lake: RecordingLake
    settings: Settings  # a view of the declared paths: any other raises UndeclaredSettingError
    outside: Outside
    machine: Machine
    uses: Uses
    raw_tables: tuple[Table, ...]  # of the feeds whose validated rows the stage reads
    _index_date: date | None
    _open_source: Callable[[], OpenedSource]
    _settings_version: Callable[[], str]

    @property
    def index_date(self) -> date:
        """Return the index date of a stage that runs for each."""
        assert self._index_date is not None, "this stage does not run for index dates"
        return self._index_date

    @property
    def source(self) -> OpenedSource:
        """Return the opened source of a stage that declares settings of the source."""
        self.settings.source  # noqa: B018 - it raises for a stage that declares none
        return self._open_source()

    @property
    def plan(self) -> Mapping[str, tuple[date, ...]]:
        """Return the training, test and scoring dates."""
        return run_plan.planned_dates(self.settings.study, self.outside.data_cut)

    @cached_property
    def settings_version(self) -> str:
        """Return the digest of all settings that bear on a result, for the record of what a result was made of."""
        return self._settings_version()


def open_context(deployment: Deployment, stage: Stage, index_date: date | None = None) -> StageContext:
    """Return the context of a stage for one study of a deployment."""
    uses, lake = Uses(), RecordingLake(deployment.lake.root)
    uses.tables_read, uses.tables_written = lake.tables_read, lake.tables_written
    view = SettingsView(deployment.settings, "", stage.settings, uses.settings)
    machine = Machine(
        deployment.settings.engine,
        deployment.home,
        deployment.landing,
        deployment.reports,
        deployment.duckdb,
        deployment.range_runner,
    )
    return StageContext(
        lake,
        cast(Settings, view),
        Outside(frozenset(stage.outside), lambda: deployment, uses.outside),
        machine,
        uses,
        stage.raw_tables(deployment),
        index_date,
        lambda: run_plan.source(deployment),
        lambda: run_plan.settings_version(deployment),
    )


__all__ = ["Machine", "StageContext", "UndeclaredSettingError", "Uses", "open_context"]

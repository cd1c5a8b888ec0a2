"""A deployment: its settings and the folders that it uses."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from pipelines.building.range_workers import RangeRunner, over_ranges
from pipelines.building.spark_engine import over_ranges_on_spark, spark_session
from pipelines.errors import RefusalError
from pipelines.lake.duckdb_connection import connect
from pipelines.lake.file_modes import close_to_others
from pipelines.lake.storage import Lake
from pipelines.lake.whole_files import write_whole
from pipelines.run.home_format import CURRENT_FORMAT, FORMAT_FILE, OWNER_FILE, check_format, check_owner
from pipelines.run.settings import Settings, read_settings

if TYPE_CHECKING:
    from pipelines.tracking.tracker import Tracker

HELD: set[Path] = set()  # the homes that this process has locked


@dataclass(frozen=True, eq=False)
class Deployment:
    """Settings, the folder of the configuration (where relative paths start) and the home, where all files are written."""

    settings: Settings
    folder: Path
    home: Path
    config: Path | None = None  # as on the command line, to print the next command

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    @cached_property
    def studies(self) -> tuple[Deployment, ...]:
        """Return one deployment for each study, with only that study in its settings, the first study first."""
        if not self.settings.study.also:
            return (self,)
        return tuple(
            replace(self, settings=self.settings.model_copy(update={"study": study})) for study in self.settings.study.each
        )

    @cached_property
    def lake(self) -> Lake:
        return Lake((self.home / "lake").resolve())  # it may be a link to a folder that other machines can read

    @cached_property
    def tracker(self) -> Tracker:
        from pipelines.tracking.tracker import Tracker  # MLflow takes seconds to import

        return Tracker(self.home)

    @contextmanager
    def duckdb(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a DuckDB with the threads and memory of the settings; its temporary files go to the home."""
        engine = self.settings.engine
        with connect(engine.memory_gb, engine.threads, self.home / "spill") as connection:
            yield connection

    @contextmanager
    def range_runner(self) -> Iterator[RangeRunner]:
        """Yield the function that runs ranges of people: in processes of this machine, or on Spark."""
        engine = self.settings.engine
        if engine.kind == "local":
            yield partial(over_ranges, workers=engine.threads)
            return
        with spark_session(engine.spark, engine.threads, self.home / "spill" / "spark") as session:
            yield partial(over_ranges_on_spark, session=session)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lock the home for one run, or raise RefusalError if another process has it; a second lock by this process has no effect."""
        if self.home in HELD:
            yield
            return
        self._claim()
        with (self.home / "run.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RefusalError(
                    f"another run is writing to {self.home}; wait for it to end, or set STRATA_HOME to another folder"
                ) from None
            HELD.add(self.home)
            try:
                yield
            finally:
                HELD.discard(self.home)

    def _claim(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        close_to_others(self.home)
        if not (self.home / OWNER_FILE).exists():
            # The format comes first: a home with an owner alone is of the first format.
            write_whole(self.home / FORMAT_FILE, f"{CURRENT_FORMAT}\n")
            write_whole(self.home / OWNER_FILE, self.settings.deployment + "\n")
        check_owner(self.home, self.settings.deployment)


def open_deployment(config: Path, any_format: bool = False) -> Deployment:
    """Read a configuration and return its deployment; the home is STRATA_HOME, or else `home` in the settings.

    Raises RefusalError for a home of another format, unless `any_format` is set for an upgrade.
    """
    settings = read_settings(config)
    home = Path(os.environ.get("STRATA_HOME") or settings.home)
    check_owner(home, settings.deployment)
    if not any_format:
        check_format(home)
    return Deployment(settings, config.resolve().parent, home.resolve(), config)

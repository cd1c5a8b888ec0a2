"""A stage, declared once: what it writes and reads, the settings and outside inputs it receives, and the function that does its work.

Dagster's assets and their dependencies, the digest by which an unchanged stage is skipped and the page docs/stages.md come
from this declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Flag, auto

from expectations.table import Table
from expectations.tables.core import QUARANTINE, UNREAD_LINE
from expectations.tables.core_places import ORGANISATION_LINE
from expectations.tables.records import EXTRACTS, RESTATED_ROWS, VALIDATED_EXTRACTS
from pipelines.errors import ValidationStop
from pipelines.run.deployment import Deployment
from pipelines.stages import run_plan
from pipelines.stages.by_study import each_study
from pipelines.stages.context import StageContext, Uses, open_context
from pipelines.stages.outside import OutsideInput
from pipelines.stages.results import StageResult
from pipelines.stages.settings_view import check_paths_of_settings

ALL_FEEDS = ("every feed",)
Work = Callable[[StageContext], StageResult]
# What the validated rows of a feed are read from, next to its raw table; rows of several deliveries are compared when first read.
RECORDS_OF_A_FEED = (EXTRACTS, VALIDATED_EXTRACTS, QUARANTINE, UNREAD_LINE, RESTATED_ROWS, ORGANISATION_LINE)


class Per(Flag):
    """How often a stage runs."""

    ONCE = 0
    INDEX_DATE = auto()
    STUDY = auto()


@dataclass(frozen=True)
class Check:
    """A check of a table, which a stage makes: its name, and whether what is broken stops everything downstream."""

    name: str
    table: Table
    description: str
    blocking: bool = True


def always(deployment: Deployment) -> bool:
    """Return True: every deployment has the stage."""
    return True


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage.

    writes: the tables that it makes, each an asset. `records` are further tables that it alone writes, and `adds_to` are
        tables of other stages to which it adds.
    reads: the tables of this run that it reads, which become dependencies. Of those in `of_date` it reads the rows of its
        index date. `feeds` are feeds whose validated rows it reads: in an OMOP source every table bears on each of them.
    reads_earlier: its own or later tables as earlier runs left them. They count, and are no dependency.
    settings: the paths of the settings that it receives. outside: its outside inputs. changes: those that it changes itself.
    decisions: the kinds of decision that it applies. A decision of another kind does not make it run again.
    per: whether it runs once, for each index date, for each study, or for each study and date.
    follows: the names of assets that come before it although it reads nothing of theirs, such as one with a blocking check.
    first: a small stage that is done before this one whenever this one is asked for.
    check: the check that it makes, for a stage that is a check of a table. A ValidationStop of its work is the answer that it is broken.
    exists: whether a deployment has the stage.
    """

    work: Work
    name: str
    description: str
    writes: tuple[Table, ...] = ()
    records: tuple[Table, ...] = ()
    adds_to: tuple[Table, ...] = ()
    reads: tuple[Table, ...] = ()
    of_date: tuple[Table, ...] = ()
    feeds: tuple[str, ...] = ()
    reads_earlier: tuple[Table, ...] = ()
    settings: tuple[str, ...] = ()
    outside: tuple[OutsideInput, ...] = ()
    decisions: tuple[str, ...] = ()
    changes: tuple[OutsideInput, ...] = ()
    per: Per = Per.ONCE
    follows: tuple[str, ...] = ()
    first: Stage | None = None
    check: Check | None = None
    group: str = ""
    kind: str = "deltalake"
    feed: str = ""  # of a stage that is made for each feed
    exists: Callable[[Deployment], bool] = always

    def __post_init__(self) -> None:
        check_paths_of_settings(self.settings)
        foreign = {table.name for table in self.of_date} - {table.name for table in self.reads}
        if foreign:
            raise ValueError(f"{self.name}: it reads the rows of its date of tables that it does not read: {sorted(foreign)}")

    def __call__(self, deployment: Deployment, index_date: date | None = None) -> StageResult:
        """Do the stage's work now, whether or not anything it reads is new; the small stage before it first."""
        if self.first:
            self.first(deployment, index_date)
        return self.traced(deployment, index_date)[0]

    def traced(self, deployment: Deployment, index_date: date | None = None) -> tuple[StageResult, Uses]:
        """Do the stage's work and return its result with what it used."""
        uses = Uses()

        def work(study: Deployment) -> StageResult:
            context = open_context(study, self, index_date)
            try:
                return self.work(context)
            except ValidationStop as stop:
                if self.check is None:
                    raise
                return StageResult(broken=str(stop))  # the answer of a check
            finally:
                uses.add(context.uses)

        return each_study(deployment, work) if Per.STUDY in self.per else work(deployment), uses

    def raw_tables(self, deployment: Deployment) -> tuple[Table, ...]:
        """Return the raw tables whose validated rows the stage reads in a deployment."""
        if not self.feeds:
            return ()
        source = run_plan.source(deployment)
        named = tuple(table for table in source.tables if table.feed in self.feeds)
        every_table = self.feeds == ALL_FEEDS or (not named and source.source.feeds_read(self.feeds) is None)
        return source.tables if every_table else named

    def tables_read(self, deployment: Deployment) -> tuple[Table, ...]:
        """Return every table of this run that the stage reads in a deployment."""
        raw = self.raw_tables(deployment)
        return (*self.reads, *raw, *(RECORDS_OF_A_FEED if self.feeds else ()))

    @property
    def tables_written(self) -> tuple[Table, ...]:
        """Return every table that the stage writes."""
        restated = (RESTATED_ROWS,) if self.feeds else ()
        return (*self.writes, *self.records, *self.adds_to, *restated)


Decorator = Callable[[Work], Stage]


def stage(writes: Sequence[Table] = (), name: str = "", **declared: object) -> Decorator:
    """Declare a function as the stage that writes some tables. Its description is the first line of the function's docstring."""

    def declare(work: Work) -> Stage:
        words = (work.__doc__ or "").strip().splitlines()[0]
        return replace(Stage(work, name or writes[0].name, words), writes=tuple(writes), **declared)  # type: ignore[arg-type]

    return declare

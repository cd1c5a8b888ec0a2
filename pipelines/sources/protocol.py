"""What every source answers. The other packages ask the object and never compare the kind of a source."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

from expectations.catalogue import RAW_TABLES
from expectations.feeds import FEEDS, OMOP_FEEDS
from expectations.table import Table
from pipelines.sources.nhs import NhsSettings, PseudonymSettings

LANDING = "landing"


class Source(ABC):
    """A source, made of its section of the settings: nhs, synthetic, omop or feature_table.

    The class attributes and methods below have the answer that most sources give; a source overrides what differs.
    """

    kind: ClassVar[str]
    is_conformed: ClassVar[bool] = True  # False: its rows are features already, with their own index dates
    has_catalogued_features: ClassVar[bool] = True  # the feature catalogue names all that a driver may be made of
    has_optional_feeds: ClassVar[bool] = False  # a feed may be absent, and what needs it is then switched off
    writes_its_extracts: ClassVar[bool] = False  # Strata writes the files itself, so no new ones arrive
    feeds_it_never_has: ClassVar[tuple[str, ...]] = tuple(feed.name for feed in OMOP_FEEDS)

    @abstractmethod
    def open(self, folder: Path, home: Path, split_column: str | None = None) -> OpenedSource:
        """Find the source's files; a SettingsError or ExtractError names what is missing.

        Relative paths start at `folder`. `split_column` is the column of a feature table that says which rows train and test.
        """

    @property
    @abstractmethod
    def correct_date(self) -> str | None:
        """Return what to do about a delivery dated after today; None where such a date is no error."""

    @property
    def has_list(self) -> bool:
        """Return whether the source names the people of a registered list: without one there is no one to score."""
        return True

    @property
    def brings_its_own_outcome(self) -> bool:
        return False

    @property
    def brings_its_own_rows(self) -> bool:
        """Return whether the source defines the rows, each with its index date."""
        return not self.is_conformed

    @property
    def groups(self) -> Collection[str]:
        """Return the group kinds that the source defines for the audit, in addition to Strata's."""
        return ()

    def delivers(self, feed: str) -> bool:
        """Return whether the source can have deliveries of a feed."""
        return feed in RAW_TABLES

    def lacks(self, feed: str) -> bool:
        """Return whether the source can have no record of a feed, also not in tables of another form."""
        return feed in self.feeds_it_never_has

    def lag_days(self, feed: str) -> int:
        """Return the days after which a fact of a feed is usually known."""
        return FEEDS[feed].lag_days

    @property
    def data_cut(self) -> date | None:
        """Return the day the data reach to, if the settings of the source fix it; None for the latest delivery."""
        return None

    @property
    def required_feeds(self) -> Collection[str]:
        """Return the feeds without which a run does not begin."""
        return ()

    def paths(self) -> Iterator[tuple[str, str]]:
        """Yield the paths that the settings name, each with its key."""
        yield from ()

    def feeds_read(self, feeds: Sequence[str]) -> tuple[str, ...] | None:
        """Return the feeds on which a step depends that reads `feeds` as conform names them; None for every feed."""
        return tuple(feeds)

    @property
    def pseudonyms(self) -> PseudonymSettings | None:
        """Return where the keys are with which Strata makes pseudonyms; None where it makes none."""
        return None

    def refuse_split_column(self, column: str) -> None:
        """Raise ValueError if the rows of the source cannot be split into training and test rows by this column."""
        raise ValueError(
            f"study.validation.kind 'column' needs a source of kind 'feature_table', whose column '{column}' splits the "
            f"rows; kind is '{self.kind}': a board is validated by 'time', a cohort with its own dates by 'person_folds'"
        )


@dataclass(frozen=True)
class OpenedSource:
    """A source whose files were found: its raw tables in the order they are taken in, and what ingest needs to read them.

    `folder` is where the configuration's relative paths start.
    """

    source: Source
    tables: tuple[Table, ...]
    reading: NhsSettings
    landing: Path
    folder: Path

    @property
    def has_list(self) -> bool:
        return self.source.has_list

    @property
    def correct_date(self) -> str | None:
        return self.source.correct_date

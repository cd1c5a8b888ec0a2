"""How validated rows become core tables, with one object for each kind of source.

Only steps that differ between kinds are here. Registrations, spells, linkage and actions are the same for all: they read
`rows`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import ClassVar

import duckdb

from expectations.tables.raw_omop import CONCEPT
from pipelines.conform import core_tables
from pipelines.conform.availability import AvailabilitySettings
from pipelines.conform.clinical_rules import ClinicalRules
from pipelines.conform.core_tables import StatedFacts, Summary
from pipelines.conform.coverage import CoverageSettings
from pipelines.conform.event import EventRequest
from pipelines.conform.feeds import Sources
from pipelines.conform.omop import core_tables as omop_tables
from pipelines.conform.omop.feed_rows import omop_availability, omop_birth_days, omop_sources, visits_as_stays_sql
from pipelines.conform.omop.links import linked_rows, quarantine_unlinked
from pipelines.conform.omop.visits import Cdm
from pipelines.lake.storage import Lake
from pipelines.sources.nhs_source import NhsSource
from pipelines.sources.omop.files import table_files
from pipelines.sources.omop.settings import OmopSettings
from pipelines.sources.omop.source import OmopSource
from pipelines.sources.protocol import OpenedSource, Source
from pipelines.sources.synthetic.source import SyntheticSource

Validated = Mapping[str, str]  # raw table's feed -> SQL, usable in FROM, of its validated rows


class SourceConform(ABC):
    """The conform steps that depend on the kind of source."""

    concept_feed: ClassVar[str] = ""  # the raw table of CONCEPT, whose rows name codes; '' where the source has none

    @abstractmethod
    def rows(self, validated: Validated) -> Sources:
        """Return the SQL of the rows of each feed, in the shape of the feed's declaration."""

    @abstractmethod
    def availability(self) -> AvailabilitySettings:
        """Return when the facts of each feed became known."""

    @abstractmethod
    def people(
        self, lake: Lake, con: duckdb.DuckDBPyConnection, validated: Validated, rules: ClinicalRules, stated: StatedFacts
    ) -> Summary:
        """Write core__person."""

    @abstractmethod
    def events(self, lake: Lake, con: duckdb.DuckDBPyConnection, validated: Validated, request: EventRequest) -> Summary:
        """Write core__event, core__event_superseded and their dictionaries."""

    @abstractmethod
    def coverage(
        self, lake: Lake, con: duckdb.DuckDBPyConnection, validated: Validated, settings: CoverageSettings, data_cut: date,
        cuts: Mapping[str, date],
    ) -> Summary:  # fmt: skip
        """Write core__coverage."""

    def concept_ancestors(self) -> Sequence[Path]:
        """Return the files that hold the concepts above each concept."""
        return ()


@dataclass(frozen=True)
class FeedConform(SourceConform):
    """Conform steps for extracts of feeds, delivered or synthetic."""

    opened: OpenedSource

    def rows(self, validated: Validated) -> Sources:
        return validated

    def availability(self) -> AvailabilitySettings:
        reading = self.opened.reading
        return AvailabilitySettings(
            lag_days={feed: reading.lag_days(feed) for feed in reading.feeds}, admission_lag_days=reading.admission_lag_days
        )

    def people(
        self, lake: Lake, con: duckdb.DuckDBPyConnection, validated: Validated, rules: ClinicalRules, stated: StatedFacts
    ) -> Summary:
        return core_tables.conform_people(lake, con, validated, rules, stated)

    def events(self, lake: Lake, con: duckdb.DuckDBPyConnection, validated: Validated, request: EventRequest) -> Summary:
        return core_tables.conform_events(lake, con, validated, request)

    def coverage(
        self, lake: Lake, con: duckdb.DuckDBPyConnection, validated: Validated, settings: CoverageSettings, data_cut: date,
        cuts: Mapping[str, date],
    ) -> Summary:  # fmt: skip
        return core_tables.conform_coverage(lake, con, validated, settings, data_cut, cuts)


@dataclass(frozen=True)
class OmopConform(SourceConform):
    """Conform steps for an OMOP source: rows that break a rule of other tables are quarantined first."""

    opened: OpenedSource

    concept_feed: ClassVar[str] = CONCEPT.feed

    @property
    def settings(self) -> OmopSettings:
        assert isinstance(self.opened.source, OmopSource)
        return self.opened.source.settings

    def rows(self, validated: Validated) -> Sources:
        return omop_sources(linked_rows(_cdm(validated)), self.settings)

    def availability(self) -> AvailabilitySettings:
        return omop_availability(self.settings)

    def people(
        self, lake: Lake, con: duckdb.DuckDBPyConnection, validated: Validated, rules: ClinicalRules, stated: StatedFacts
    ) -> Summary:
        cdm = _cdm(validated)
        quarantine_unlinked(lake, con, cdm)
        stays = visits_as_stays_sql(linked_rows(cdm), self.settings)
        stated = replace(stated, birth_days=omop_birth_days(cdm))
        return core_tables.conform_people(lake, con, omop_tables.people_sources(self.rows(validated), stays), rules, stated)

    def events(self, lake: Lake, con: duckdb.DuckDBPyConnection, validated: Validated, request: EventRequest) -> Summary:
        return omop_tables.conform_omop_events(lake, con, linked_rows(_cdm(validated)), self.settings, request)

    def coverage(
        self, lake: Lake, con: duckdb.DuckDBPyConnection, validated: Validated, settings: CoverageSettings, data_cut: date,
        cuts: Mapping[str, date],
    ) -> Summary:  # fmt: skip
        return omop_tables.conform_omop_coverage(lake, con)

    def concept_ancestors(self) -> Sequence[Path]:
        return table_files(self.opened.landing, "concept_ancestor")


CONFORM: dict[type[Source], Callable[[OpenedSource], SourceConform]] = {
    NhsSource: FeedConform,
    SyntheticSource: FeedConform,
    OmopSource: OmopConform,
}


def conform_of(opened: OpenedSource) -> SourceConform:
    """Return the conform steps of a source; a ValueError names a source whose rows are not conformed."""
    source = type(opened.source)
    if source not in CONFORM:
        raise ValueError(
            f"rows of the source {source.kind} are not conformed; add it to CONFORM in pipelines/conform/by_source.py"
        )
    return CONFORM[source](opened)


def _cdm(validated: Validated) -> Cdm:
    return {feed.removeprefix("omop_"): sql for feed, sql in validated.items()}

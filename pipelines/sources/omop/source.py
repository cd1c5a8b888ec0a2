"""The omop source: the CDM tables that a folder holds, and how ingest reads each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from expectations.tables.raw_omop import CDM_TABLES
from pipelines.sources.deliveries import deliveries
from pipelines.sources.omop.files import omop_feeds
from pipelines.sources.omop.settings import OmopSettings
from pipelines.sources.protocol import OpenedSource, Source


@dataclass(frozen=True)
class OmopSource(Source):
    """A CDM folder; PERSON names everyone, so it has a list."""

    settings: OmopSettings

    kind: ClassVar[str] = "omop"
    has_catalogued_features: ClassVar[bool] = False
    feeds_it_never_has: ClassVar[tuple[str, ...]] = ()

    def open(self, folder: Path, home: Path, split_column: str | None = None) -> OpenedSource:
        cdm = (folder / self.settings.folder).resolve()
        feeds = omop_feeds(self.settings, cdm)
        tables = tuple(CDM_TABLES[feed.removeprefix("omop_")] for feed in feeds)
        return OpenedSource(self, tables, deliveries(feeds), cdm, folder)

    @property
    def correct_date(self) -> str | None:
        if self.settings.dates_shifted:
            return None
        return (
            "Correct source.omop.extract_date and run again. If the CDM's dates were shifted by design to protect people, as MIMIC's are, set "
            "source.omop.dates_shifted to true"
        )

    @property
    def brings_its_own_outcome(self) -> bool:
        return self.settings.outcome_cohort_id is not None

    @property
    def brings_its_own_rows(self) -> bool:
        return self.settings.target_cohort_id is not None

    def delivers(self, feed: str) -> bool:
        return feed.removeprefix("omop_") in CDM_TABLES

    def lag_days(self, feed: str) -> int:
        return self.settings.lag_days

    def feeds_read(self, feeds: Sequence[str]) -> tuple[str, ...] | None:
        return None  # any table of the CDM may bear on each of them

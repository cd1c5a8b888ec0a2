"""An OMOP folder as a source: the CDM tables it holds, and how ingest reads each of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from expectations.table import Table
from expectations.tables.raw_omop import CDM_TABLES
from pipelines.sources.deliveries import deliveries
from pipelines.sources.nhs import NhsSettings
from pipelines.sources.omop.files import omop_feeds
from pipelines.sources.omop.settings import OmopSettings


@dataclass(frozen=True)
class OmopFolder:
    """A CDM folder: where it is, the raw tables it fills, and how ingest reads each of them."""

    folder: Path
    tables: tuple[Table, ...]
    feeds: NhsSettings


def open_omop(settings: OmopSettings, config_folder: Path) -> OmopFolder:
    """Find the CDM tables that a folder holds; raises ExtractError where a required one is missing."""
    folder = (config_folder / settings.folder).resolve()
    feeds = omop_feeds(settings, folder)
    return OmopFolder(folder, tuple(CDM_TABLES[feed.removeprefix("omop_")] for feed in feeds), deliveries(feeds))

"""The CDM tables of an OMOP folder, from files to validated rows; ingest and validation are those of every feed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from expectations.table import Table
from pipelines.conform.omop.links import TABLES
from pipelines.conform.omop.visits import Cdm
from pipelines.lake.storage import Lake
from pipelines.sources.deliveries import deliveries
from pipelines.sources.nhs import NhsSettings
from pipelines.sources.omop.files import omop_feeds
from pipelines.sources.omop.settings import OmopSettings
from pipelines.validation.validated_rows import validated_rows_sql


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
    return OmopFolder(folder, tuple(TABLES[feed.removeprefix("omop_")] for feed in feeds), deliveries(feeds))


def validated_cdm(lake: Lake, omop: OmopFolder) -> Cdm:
    """Give the SQL of every CDM table's validated rows; rules that look at other tables are not yet applied (`links.linked_rows`)."""
    return {table.feed.removeprefix("omop_"): validated_rows_sql(lake, omop.feeds, table.feed, table) for table in omop.tables}

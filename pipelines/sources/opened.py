"""A deployment's source behind one interface: which raw tables there are, and how and where their files are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from expectations.catalogue import RAW_TABLES
from expectations.feeds import LIST_FEED
from expectations.table import Table
from pipelines.sources.deliveries import deliveries
from pipelines.sources.episodes import as_delivered
from pipelines.sources.feature_table_columns import declare_feature_table, feature_table_feed, feature_table_file
from pipelines.sources.nhs import NhsSettings
from pipelines.sources.omop.cdm import open_omop
from pipelines.sources.settings import SourceSettings

LANDING = "landing"
CORRECT_NHS = (
    "Correct the date in the file's name, or the feed's `delivered` or `delivery_date` (source.nhs.feeds). If today's date is wrong, correct "
    "the machine's clock. Then run again"
)
CORRECT_OMOP = (
    "Correct source.omop.extract_date and run again. If the CDM's dates were shifted by design to protect people, as MIMIC's are, set "
    "source.omop.dates_shifted to true"
)
CORRECT_FEATURE_TABLE = "Correct source.feature_table.delivered and run again"


@dataclass(frozen=True)
class OpenedSource:
    """The raw tables of a source in the order they are taken in, and what ingest needs to read their files.

    `folder` is where the configuration's relative paths start. `correct_date` says what to do about a delivery dated after today.
    It is None where such a date is no error: a synthetic board is dated by its author, and shifted dates lie anywhere.
    """

    kind: str
    tables: tuple[Table, ...]
    reading: NhsSettings
    landing: Path
    folder: Path
    correct_date: str | None

    @property
    def has_list(self) -> bool:
        """Say whether the source names the people of a list: without one there is nobody to score."""
        return self.kind in ("omop", "feature_table") or any(table.feed == LIST_FEED for table in self.tables)

    @property
    def is_feature_table(self) -> bool:
        return self.kind == "feature_table"


def open_source(source: SourceSettings, folder: Path, home: Path, split_column: str | None = None) -> OpenedSource:
    """Open the source of a deployment; a SettingsError or ExtractError names what is missing.

    `split_column` is the feature table's column that says which rows train and which test, where one does.
    """
    if source.kind == "omop" and source.omop is not None:
        cdm = open_omop(source.omop, folder)
        correct_date = None if source.omop.dates_shifted else CORRECT_OMOP
        return OpenedSource("omop", cdm.tables, cdm.feeds, cdm.folder, folder, correct_date)
    if source.kind == "feature_table" and source.feature_table is not None:
        file = feature_table_file(source.feature_table, folder, home / LANDING)
        feed = feature_table_feed(source.feature_table, file)
        table = declare_feature_table(source.feature_table, file, split_column)
        return OpenedSource("feature_table", (table,), deliveries({table.feed: feed}), file.parent, folder, CORRECT_FEATURE_TABLE)
    nhs = source.nhs if source.kind == "nhs" and source.nhs is not None else NhsSettings()
    landing = (folder / nhs.landing).resolve() if nhs.landing else home / LANDING
    tables = tuple(as_delivered(table, nhs.feeds[feed]) for feed, table in RAW_TABLES.items() if feed in nhs.feeds)
    return OpenedSource(source.kind, tables, nhs, landing, folder, CORRECT_NHS if source.kind == "nhs" else None)

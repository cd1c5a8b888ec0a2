"""The feature_table source: one file whose rows are features and an outcome already."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pipelines.sources.deliveries import deliveries
from pipelines.sources.feature_table import FeatureTableSettings
from pipelines.sources.feature_table_columns import FEED, declare_feature_table, feature_table_feed, feature_table_file
from pipelines.sources.protocol import LANDING, OpenedSource, Source


@dataclass(frozen=True)
class FeatureTableSource(Source):
    """A team's own feature table."""

    settings: FeatureTableSettings

    kind: ClassVar[str] = "feature_table"
    is_conformed: ClassVar[bool] = False
    has_catalogued_features: ClassVar[bool] = False

    def open(self, folder: Path, home: Path, split_column: str | None = None) -> OpenedSource:
        file = feature_table_file(self.settings, folder, home / LANDING)
        table = declare_feature_table(self.settings, file, split_column)
        reading = deliveries({table.feed: feature_table_feed(self.settings, file)})
        return OpenedSource(self, (table,), reading, file.parent, folder)

    @property
    def correct_date(self) -> str | None:
        return "Correct source.feature_table.delivered and run again"

    @property
    def brings_its_own_outcome(self) -> bool:
        return True

    @property
    def groups(self) -> Collection[str]:
        return tuple(self.settings.groups)

    def delivers(self, feed: str) -> bool:
        return feed == FEED

    def refuse_split_column(self, column: str) -> None:
        self.settings.refuse_as_split(column)

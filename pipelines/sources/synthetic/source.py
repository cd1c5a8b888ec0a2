"""The synthetic source: Strata writes a synthetic board as NHS extracts, and reads them as it reads those of the nhs source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

from pipelines.sources.nhs import NhsSettings
from pipelines.sources.nhs_source import NhsSource
from pipelines.sources.protocol import OpenedSource, Source
from pipelines.sources.synthetic.settings import SyntheticSettings


@dataclass(frozen=True)
class SyntheticSource(Source):
    """A synthetic board: its dates are its author's, so one after today is no error."""

    settings: SyntheticSettings

    kind: ClassVar[str] = "synthetic"
    has_optional_feeds: ClassVar[bool] = True
    writes_its_extracts: ClassVar[bool] = True

    def open(self, folder: Path, home: Path, split_column: str | None = None) -> OpenedSource:
        written = NhsSource(NhsSettings()).open(folder, home)
        return OpenedSource(self, written.tables, written.reading, written.landing, folder)

    @property
    def correct_date(self) -> str | None:
        return None

    @property
    def data_cut(self) -> date | None:
        return self.settings.data_cut_date

"""The settings of a source: its kind, the section of that kind, and the source that these make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from pipelines.sources.feature_table import FeatureTableSettings
from pipelines.sources.feature_table_source import FeatureTableSource
from pipelines.sources.nhs import NhsSettings
from pipelines.sources.nhs_source import NhsSource
from pipelines.sources.omop.settings import OmopSettings
from pipelines.sources.omop.source import OmopSource
from pipelines.sources.protocol import Source
from pipelines.sources.synthetic.settings import SyntheticSettings
from pipelines.sources.synthetic.source import SyntheticSource

SourceKind = Literal["synthetic", "nhs", "omop", "feature_table"]
SOURCES: dict[str, Callable[[Any], Source]] = {
    source.kind: source for source in (SyntheticSource, NhsSource, OmopSource, FeatureTableSource)
}


class SourceSettings(BaseModel, extra="forbid", frozen=True):
    """Where data come from: the section of the chosen kind must be there."""

    kind: SourceKind = Field(description="synthetic, nhs, omop or feature_table")
    synthetic: SyntheticSettings | None = None
    nhs: NhsSettings | None = None
    omop: OmopSettings | None = None
    feature_table: FeatureTableSettings | None = None

    @model_validator(mode="after")
    def _section_of_kind(self) -> Self:
        if getattr(self, self.kind) is None:
            raise ValueError(f"the section '{self.kind}' is missing: kind is '{self.kind}'")
        return self

    @property
    def chosen(self) -> Source:
        """Return the source of the chosen kind; ask it, and do not compare the kind."""
        return SOURCES[self.kind](getattr(self, self.kind))

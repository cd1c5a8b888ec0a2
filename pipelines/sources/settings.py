"""The settings of a source: its kind, and the section of that kind."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from pipelines.sources.feature_table import FeatureTableSettings
from pipelines.sources.nhs import NhsSettings
from pipelines.sources.omop.settings import OmopSettings
from pipelines.sources.synthetic.settings import SyntheticSettings

SourceKind = Literal["synthetic", "nhs", "omop", "feature_table"]


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

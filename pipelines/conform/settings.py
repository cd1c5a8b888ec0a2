"""What conform can be told: one section per step."""

from __future__ import annotations

from pydantic import BaseModel, Field

from pipelines.conform.coverage import CoverageSettings
from pipelines.conform.event import EventSettings
from pipelines.conform.linkage import LinkageSettings
from pipelines.conform.registration import RegistrationSettings


class ConformSettings(BaseModel, extra="forbid", frozen=True):
    """The settings of the conform steps; the clinical code lists stand in a section of their own."""

    registration: RegistrationSettings = Field(RegistrationSettings(), description="when a registration's start is no true start")
    coverage: CoverageSettings = Field(CoverageSettings(), description="when a month of an organisation is missing")
    linkage: LinkageSettings = Field(LinkageSettings(), description="the least share of people found on the list")
    events: EventSettings = Field(EventSettings(), description="how core__event is cut into files")

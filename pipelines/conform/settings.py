"""The settings of conform: one section for each step."""

from __future__ import annotations

from pydantic import BaseModel, Field

from pipelines.conform.coverage import CoverageSettings
from pipelines.conform.deaths import DeathSettings
from pipelines.conform.event import EventSettings
from pipelines.conform.linkage import LinkageSettings
from pipelines.conform.objections import ObjectionSettings
from pipelines.conform.registration import RegistrationSettings
from pipelines.conform.silent_senders import SilentSenderSettings


class ConformSettings(BaseModel, extra="forbid", frozen=True):
    """The settings of the conform steps; clinical code lists have a separate section."""

    registration: RegistrationSettings = Field(
        RegistrationSettings(), description="when the start of a registration is not its true start"
    )
    coverage: CoverageSettings = Field(CoverageSettings(), description="when a month of an organisation is missing")
    objections: ObjectionSettings = Field(
        ObjectionSettings(), description="when objections are missing from a delivery, and how long a national list is valid"
    )
    linkage: LinkageSettings = Field(LinkageSettings(), description="the lowest share of people on the registered list")
    events: EventSettings = Field(EventSettings(), description="how core__event is cut into files")
    deaths: DeathSettings = Field(DeathSettings(), description="when a date of death is in doubt")
    silent_senders: SilentSenderSettings = Field(
        SilentSenderSettings(), description="when an organisation that falls silent while an unknown code appears stops the run"
    )

"""Which rules raise an alert and who is told. Addresses of webhooks and passwords come from the environment."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from expectations.contract_terms import CONTRACTS
from models.drift import SHIFTED

VARIABLE = r"[A-Z][A-Z0-9_]*"
EMAIL_CHANNEL = "email"


class RuleSettings(BaseModel, extra="forbid", frozen=True):
    """The limits of the rules; a rule whose limit is null is off."""

    feature_shifted: float | None = Field(
        default=SHIFTED, gt=0, description="population stability index of a feature from which it counts as shifted"
    )
    missing_share_jumped: float | None = Field(
        default=0.1,
        gt=0,
        le=1,
        description="change of a feature's share missing since the training dates from which it counts as a jump",
    )
    list_turnover: float | None = Field(
        default=0.5,
        gt=0,
        le=1,
        description="share of the list, or of a group's part of it, that is new since the last run, above which it is looked at",
    )
    matured_observed_over_expected: tuple[float, float] | None = Field(
        default=(0.8, 1.25),
        description="limits of outcomes over expected ones of the latest matured run; broken when the 95% interval lies outside",
    )
    volume_collapsed: bool = Field(
        default=True, description="tell of months in which an organisation's rows broke a volume rule of validation"
    )
    scores_stale_days: int | None = Field(
        default=CONTRACTS["risk__current"].fresh_days,
        ge=1,
        description="days since the last publication above which scores are stale",
    )
    feed_late: bool = Field(default=True, description="tell of feeds that are late (schedule.late_after_days)")
    approval_ends_days: int | None = Field(
        default=30, ge=1, description="days before the end of purpose.approval from which it is told"
    )

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        limits = self.matured_observed_over_expected
        if limits is not None and not 0 < limits[0] < limits[1]:
            raise ValueError(f"matured_observed_over_expected needs a lower and a higher limit above 0, not {list(limits)}")
        return self


class WebhookSettings(BaseModel, extra="forbid", frozen=True):
    """A channel of Teams (Workflows) or Slack (incoming webhook)."""

    name: str = Field(pattern=r"[a-z0-9_-]+", description="name of the channel in monitoring__alerts")
    shape: Literal["teams", "slack"] = Field(description="shape of the message: an adaptive card for Teams, or blocks for Slack")
    url_variable: str = Field(
        pattern=VARIABLE, description="environment variable that holds the webhook's address, which is a secret"
    )
    timeout_s: float = Field(default=10, gt=0, le=120, description="seconds to wait for an answer")


class EmailSettings(BaseModel, extra="forbid", frozen=True):
    """Mail over a relay."""

    host: str = Field(min_length=1, description="the relay")
    port: int = Field(
        default=587, ge=1, le=65535, description="its port: 587 for starttls, 465 for tls, 25 for an internal relay"
    )
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none sends no password but to this machine"
    )
    sender: str = Field(pattern=r"[^@\s,]+@[^@\s,]+", description="address that messages come from")
    recipients: tuple[str, ...] = Field(min_length=1, description="addresses, best that of a team's mailbox")
    user_variable: str | None = Field(
        default=None, pattern=VARIABLE, description="environment variable that holds the user, where the relay asks for one"
    )
    password_variable: str | None = Field(
        default=None, pattern=VARIABLE, description="environment variable that holds the password"
    )
    timeout_s: float = Field(default=10, gt=0, le=120, description="seconds to wait for an answer")


class AlertSettings(BaseModel, extra="forbid", frozen=True):
    """What raises an alert, and the channels that are told; without a channel alerts are rows of monitoring__alerts alone."""

    rules: RuleSettings = RuleSettings()
    webhooks: tuple[WebhookSettings, ...] = Field(default=(), description="Teams and Slack channels")
    email: EmailSettings | None = Field(default=None, description="mail")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [webhook.name for webhook in self.webhooks]
        if len({*names, EMAIL_CHANNEL}) <= len(names):
            raise ValueError(f"webhooks need names of their own, and none may be '{EMAIL_CHANNEL}': {', '.join(names)}")
        return self

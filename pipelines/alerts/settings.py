"""Which rules raise an alert and who receives it. Addresses of webhooks and passwords come from the environment.

How late a feed may be is a setting of the schedule (`pipelines/run/late_feeds.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, Field, create_model, model_validator

from expectations.setting_types import Distinct
from pipelines.alerts.rule_declaration import AlertRule
from pipelines.alerts.rules import RULES

VARIABLE = r"[A-Z][A-Z0-9_]*"
EMAIL_CHANNEL = "email"


class RuleLimits(BaseModel, extra="forbid", frozen=True):
    """The limits of the rules; a rule whose limit is null, or false, is off. The rules declare them (pipelines.alerts.rules)."""

    def of(self, rule: AlertRule) -> Any:
        """Return a rule's limit."""
        return getattr(self, rule.setting.name)


if TYPE_CHECKING:
    RuleSettings = RuleLimits
else:
    _LIMITS = {
        rule.setting.name: (rule.setting.kind, Field(default=rule.setting.default, description=rule.setting.description))
        for rule in RULES
    }
    RuleSettings = create_model("RuleSettings", __base__=RuleLimits, __doc__=RuleLimits.__doc__, **_LIMITS)


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
    recipients: Distinct[str] = Field(min_length=1, description="addresses, best that of a team's mailbox")
    user_variable: str | None = Field(
        default=None, pattern=VARIABLE, description="environment variable that holds the user, where the relay asks for one"
    )
    password_variable: str | None = Field(
        default=None, pattern=VARIABLE, description="environment variable that holds the password"
    )
    timeout_s: float = Field(default=10, gt=0, le=120, description="seconds to wait for an answer")

    @model_validator(mode="after")
    def _user_and_password(self) -> Self:
        if bool(self.user_variable) != bool(self.password_variable):
            given, other = (
                ("user_variable", "password_variable") if self.user_variable else ("password_variable", "user_variable")
            )
            raise ValueError(f"{given} is set without {other}, and a relay asks for both; set both, or remove {given}")
        return self


class AlertSettings(BaseModel, extra="forbid", frozen=True):
    """What raises an alert, and the channels that receive it; without a channel alerts are only rows of monitoring__alerts."""

    rules: RuleSettings = RuleSettings()
    webhooks: tuple[WebhookSettings, ...] = Field(default=(), description="Teams and Slack channels")
    email: EmailSettings | None = Field(default=None, description="mail")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [webhook.name for webhook in self.webhooks]
        if len({*names, EMAIL_CHANNEL}) <= len(names):
            raise ValueError(f"each webhook needs its own name, and none may be '{EMAIL_CHANNEL}': {', '.join(names)}")
        return self

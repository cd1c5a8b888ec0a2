"""The settings of validation: limits of the table rules, and breaches that were reviewed and accepted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Self

from pydantic import BaseModel, Field, field_validator, model_validator

from expectations.catalogue import DELIVERED_FEEDS, TABLES
from expectations.feeds import DECLARED
from expectations.setting_types import DeliveredFeed, Distinct
from expectations.tables.core import DELIVERY_RULES

LIMITED_RULES = sorted({rule.name for table in TABLES.values() for rule in table.table_rules})
RULES = sorted({*LIMITED_RULES, *DELIVERY_RULES})
RULES_OF_FEED = {table.feed: [rule.name for rule in table.table_rules] for table in TABLES.values() if table.feed}


class AcceptedBreach(BaseModel, extra="forbid", frozen=True):
    """A breach of a table rule that was reviewed: it is recorded and does not stop a run."""

    feed: DeliveredFeed = Field(description="the feed")
    rule: str = Field(description="the table rule")
    delivery: date = Field(description="the delivery with the breach")
    organisation: str = Field(default="", description="the organisation; empty for any")
    reason: str = Field(min_length=10, description="why it is acceptable")

    @field_validator("rule")
    @classmethod
    def _known_rule(cls, rule: str) -> str:
        if rule not in RULES:
            raise ValueError(f"there is no table rule '{rule}'; the rules are {', '.join(RULES)}")
        return rule

    @model_validator(mode="after")
    def _rule_of_the_feed(self) -> Self:
        if self.rule in LIMITED_RULES:
            _refuse_rule_of_others(self.feed, self.rule)
        return self


class ValidationSettings(BaseModel, extra="forbid", frozen=True):
    """When an extract is too poor to be used."""

    limits: Mapping[str, float] = Field(
        default={}, description="table rule, or feed.rule -> its limit in place of the declared one"
    )
    accepted: Distinct[AcceptedBreach] = Field(default=(), description="accepted breaches, which do not stop a run")
    batch_rows: int = Field(default=1_000_000, ge=1_000, le=5_000_000, description="rows of a batch in memory")
    dummy_person_rows: Mapping[DeliveredFeed, int] = Field(
        default={feed.name: feed.dummy_person_rows for feed in DECLARED if feed.dummy_person_rows},
        description="feed -> rows in one delivery above which a pseudonym whose rows share days is a dummy for 'number missing'",
    )
    other_dummy_person_rows: int = Field(default=20_000, ge=1, description="the same for every other feed")
    dummy_shared_days: float = Field(
        default=0.03, ge=0, le=1, description="share of a dummy's rows that fall on a day with another of its rows, at least"
    )
    least_month_rows: int = Field(default=20, ge=1, description="months of an organisation with fewer rows are not compared")
    least_group_rows: int = Field(default=50, ge=1, description="organisations with fewer rows are not checked by a share")

    least_lost_values: int = Field(
        default=20,
        ge=1,
        description="columns of a delivery or of an organisation that lost fewer values are not checked by a share, unless more than 3 and all are lost",
    )

    @property
    def rules(self) -> ValidationSettings:
        """Return the settings without the accepted breaches: the next run records those as decisions, and validation reads the record."""
        return ValidationSettings(**{name: getattr(self, name) for name in RULE_SETTINGS})

    @field_validator("limits")
    @classmethod
    def _known_rules(cls, limits: Mapping[str, float]) -> Mapping[str, float]:
        unknown = sorted(
            name
            for name in limits
            if name.split(".")[-1] not in LIMITED_RULES or (("." in name) and name.split(".")[0] not in DELIVERED_FEEDS)
        )
        if unknown:
            elsewhere = [name for name in unknown if name.split(".")[-1] in DELIVERY_RULES]
            hint = f". The limits of {', '.join(elsewhere)} are settings of conform.objections" if elsewhere else ""
            raise ValueError(
                f"there is no table rule {', '.join(unknown)}; the rules are {', '.join(LIMITED_RULES)}, alone or after a feed's name and a point{hint}"
            )
        for feed, _, rule in (name.partition(".") for name in limits if "." in name):
            _refuse_rule_of_others(feed, rule)
        return limits

    def limit(self, feed: str, rule: str, declared: float | None) -> float | None:
        """Return a rule's limit for a feed."""
        return self.limits.get(f"{feed}.{rule}", self.limits.get(rule, declared))

    def dummy_rows(self, feed: str) -> int:
        """Return the number of rows above which a pseudonym of a feed may be a dummy."""
        return self.dummy_person_rows.get(feed, self.other_dummy_person_rows)


RULE_SETTINGS = tuple(name for name in ValidationSettings.model_fields if name != "accepted")


def _refuse_rule_of_others(feed: str, rule: str) -> None:
    """Raise ValueError for a rule that the feed's table does not have; the table of a team's own rows is declared later."""
    if rule not in (rules := RULES_OF_FEED.get(feed, [rule])):
        raise ValueError(f"the feed {feed} has no rule '{rule}'; its rules are {', '.join(rules)}")

"""Deaths in doubt: a death that its sender withdrew or that a later registration contradicts, and activity after a date of death.

A death in doubt is in review: the person is suppressed until a recorded decision (kind `death_review`) accepts that the person is
alive. A decision is for one person and one date of death, so another statement of a death needs another decision.

What a date of death that cannot be read means is declared with its column (`lost` in `expectations/tables/raw_gp.py`), read by
`pipelines/validation/stated_dates.py` and applied by `person.py`: the person is suppressed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date

import duckdb
from pydantic import BaseModel, Field

from expectations.sql_values import quote
from expectations.tables import core
from pipelines.errors import ValidationStop
from pipelines.lake.storage import Lake

NO_ONE_ALIVE = "(SELECT CAST(NULL AS INTEGER) AS person_key, '' AS digest WHERE false)"


class DeathSettings(BaseModel, extra="forbid", frozen=True):
    """When a date of death is in doubt."""

    registered_again_days: int = Field(
        14, ge=0, le=366, description="A registration that starts more than this many days after the death contradicts it."
    )
    activity_days: int = Field(
        30,
        ge=0,
        le=366,
        description="Events up to this many days after the death are late entries. Later ones are activity after death.",
    )
    activity_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of the people with a date of death who have activity after it, above which the run stops.",
    )
    activity_people: int = Field(10, ge=1, description="With fewer people who have activity after death the run goes on.")


def review_digest(person_key: int, day: date | None) -> str:
    """Return the digest of a death in review, to which a decision is bound."""
    return hashlib.sha256(f"{person_key} {day or ''}".encode()).hexdigest()[:16]


def review_digest_sql(person_key: str, day: str) -> str:
    """Return the SQL of `review_digest`."""
    return f"left(sha256({person_key} || ' ' || coalesce(CAST({day} AS VARCHAR), '')), 16)"


def alive_sql(accepted: Sequence[tuple[int, str]]) -> str:
    """Return the SQL of the people whom recorded decisions accept as alive, with the digest of the death in review."""
    rows = ", ".join(f"({key}, {quote(digest)})" for key, digest in accepted)
    return f"(SELECT * FROM (VALUES {rows}) AS accepted(person_key, digest))" if rows else NO_ONE_ALIVE


def activity_after_death(lake: Lake, con: duckdb.DuckDBPyConnection, settings: DeathSettings) -> tuple[int, int]:
    """Return how many people have a date of death, and how many of them have events later than late entries."""
    dead = f"(SELECT person_key, death_date FROM {lake.scan_or_empty(core.PERSON)} WHERE death_date IS NOT NULL)"
    events = f"(SELECT person_key, event_date FROM {lake.scan_or_empty(core.EVENT)})"
    people = con.execute(f"SELECT count(*) FROM {dead}").fetchall()[0][0]
    active = con.execute(
        f"SELECT count(DISTINCT person_key) FROM {events} JOIN {dead} USING (person_key) WHERE event_date > death_date + {settings.activity_days}"
    ).fetchall()[0][0]
    return int(people), int(active)


def check_activity(people: int, active: int, settings: DeathSettings) -> None:
    """Raise ValidationStop where too many people with a date of death have activity after it."""
    if active < settings.activity_people or active <= settings.activity_share * people:
        return
    raise ValidationStop(
        f"{active:,} of the {people:,} people with a date of death (core__person.death_date) have events more than {settings.activity_days} days "
        f"after it ({active / people:.1%}; the limit is {settings.activity_share:.0%}, conform.deaths.activity_share). Deaths or pseudonyms are "
        "probably of other people. Compare the dates of death in the feed of patients with the previous delivery, and have the extract sent "
        "again. If the data are right, set a higher conform.deaths.activity_share."
    )

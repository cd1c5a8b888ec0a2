"""core__linkage: the share of each feed's people who are on the registered list.

Pseudonyms made by two schemes never match. Without this check every table would exist, with no one linked.
"""

from __future__ import annotations

import pandas as pd
from pydantic import BaseModel, Field

from expectations.feeds import FEEDS
from expectations.sql_values import quote
from pipelines.errors import ValidationStop

ALL = "ALL"


class LinkageSettings(BaseModel, extra="forbid", frozen=True):
    """The shares of linked people below which the run stops."""

    min_share: float = Field(0.8, ge=0, le=1, description="Lowest share of all people of a feed who are on the registered list.")
    min_share_by_organisation: float = Field(
        0.5, ge=0, le=1, description="Lowest share of the people of one provider or practice."
    )
    min_people: int = Field(100, ge=1, description="Organisations with fewer people are measured but never stop a run.")


def linkage_sql(feed_people: str, people: str) -> str:
    """Return the SQL of core__linkage.

    `feed_people` is SQL of feed, organisation_code ('' without one) and person_key, without repeats. `people` is SQL of
    core__person.
    """
    return f"""
    WITH linked AS (SELECT feed, organisation_code, person_key, on_list FROM {feed_people} JOIN {people} USING (person_key)),
    counted AS (
        SELECT feed, organisation_code, count(*) AS people, count(*) FILTER (on_list) AS people_on_list
        FROM linked WHERE organisation_code <> '' GROUP BY feed, organisation_code
        UNION ALL
        SELECT feed, {quote(ALL)}, count(*), count(*) FILTER (on_list)
        FROM (SELECT DISTINCT feed, person_key, on_list FROM linked) GROUP BY feed
    )
    SELECT feed, organisation_code, people, people_on_list, people_on_list / people AS share_on_list FROM counted
    """


def check_linkage(linkage: pd.DataFrame, settings: LinkageSettings) -> None:
    """Raise ValidationStop if too few people of a feed, provider or practice are on the registered list.

    `linkage` has the columns of core__linkage. The message names feed, organisation and share. Without any registered list
    nothing is checked.
    """
    if not linkage["people_on_list"].any():
        return
    whole = linkage["organisation_code"] == ALL
    limit = whole.map({True: settings.min_share, False: settings.min_share_by_organisation})
    expected = ~linkage["feed"].isin([feed.name for feed in FEEDS.values() if feed.names_strangers])
    broken = linkage[expected & (linkage["share_on_list"] < limit) & (whole | (linkage["people"] >= settings.min_people))]
    if broken.empty:
        return
    lines = [
        f"  {row.feed}, {row.organisation_code}: {row.people_on_list} of {row.people} people ({row.share_on_list:.1%})"
        for row in broken.sort_values(["feed", "organisation_code"]).itertuples()
    ]
    raise ValidationStop(
        f"too few people of these feeds are on the registered list (core__linkage; the limits are {settings.min_share:.0%} of a feed "
        f"and {settings.min_share_by_organisation:.0%} of one organisation with {settings.min_people} people or more):\n"
        + "\n".join(lines)
        + "\nCheck that the GP and hospital extracts carry pseudonyms of one scheme; a known exception is a lower limit in the settings."
    )

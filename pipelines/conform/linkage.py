"""core__linkage: the share of each feed's people found on the list.

Pseudonyms of two schemes join nobody to anybody, and do so silently: every table would be there, and empty of truth.
"""

from __future__ import annotations

import pandas as pd
from pydantic import BaseModel, Field

from expectations.sql_values import quote
from pipelines.errors import ValidationStop

ALL = "ALL"


class LinkageSettings(BaseModel, extra="forbid", frozen=True):
    """The shares of linked people below which nothing goes on."""

    min_share: float = Field(0.8, ge=0, le=1, description="Least share of a whole feed's people that are on the list.")
    min_share_by_organisation: float = Field(0.5, ge=0, le=1, description="Least share of one provider's or practice's people.")
    min_people: int = Field(100, ge=1, description="Organisations with fewer people are measured but not judged.")


def linkage_sql(feed_people: str, people: str) -> str:
    """Give the SQL of core__linkage.

    `feed_people` is SQL of feed, organisation_code ('' where a feed has none) and person_key, each once; `people` SQL of
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
    """Stop where too few of a feed's, provider's or practice's people are on the list; a board without any list is not judged.

    `linkage` has the columns of core__linkage. Raises ValidationStop, naming feed, organisation and share.
    """
    if not linkage["people_on_list"].any():
        return
    whole = linkage["organisation_code"] == ALL
    limit = whole.map({True: settings.min_share, False: settings.min_share_by_organisation})
    broken = linkage[(linkage["share_on_list"] < limit) & (whole | (linkage["people"] >= settings.min_people))]
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

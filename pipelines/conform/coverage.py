"""core__coverage: whether a feed holds a month of an organisation, so that 0 means looked and found none.

The rule, by practice for the GP feeds and by provider for the hospital feeds:

* what to expect of a month is the organisation's own median month (for a practice: its median rows per registered person
  times the month's list); one that is mostly silent is expected to send its mean month, one that never sent a row the
  median rate of the board's practices; both times the board's month, the median over organisations of what they sent
  against their usual (a winter or a lockdown is no gap), taken as at least 0.3 so that a month missing everywhere shows;
* *partial*: fewer rows than a set share of that, and fewer than chance would leave (3 standard deviations of a Poisson count);
* *absent*: no rows, in a run of empty months that together were expected to hold so many rows that an empty run is
  no chance (exp(-7) is below 1 in 1,000);
* months before the feed begins are not listed: a month that is not in the table is not covered.

Hospital activity of a practice's people is covered as the provider that sees most of them.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from expectations.feeds import FEEDS

MONTH = "month"
LEAST_BOARD_MONTH, MOST_BOARD_MONTH = 0.3, 3.0
_LEAST_ORGANISATIONS = 3  # fewer cannot tell the board's month from their own
_KEY = ["feed", "organisation_role", "organisation_code"]


class CoverageSettings(BaseModel, extra="forbid", frozen=True):
    """When a month of an organisation counts as partly or wholly missing."""

    partial_share: float = Field(0.5, gt=0, lt=1, description="A month below this share of what is expected is partial...")
    partial_deviations: float = Field(3.0, ge=0, description="...if it also lies this many Poisson standard deviations below.")
    absent_expected_rows: float = Field(
        7.0, gt=0, description="Rows that a run of empty months was expected to hold to be absent."
    )
    feed_start_share: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="A feed begins in the first month with this share of the median of its latest 36 months with rows.",
    )


def months_of_feed(rows: pd.Series, data_cut: date, settings: CoverageSettings) -> pd.DatetimeIndex:
    """List the months a feed should hold: from its first real month to the last that ended by the data cut.

    `rows` counts the whole feed by month. Stray early rows (a diagnosis of 1980 in a record that begins in 2020) do not
    make a feed begin.
    """
    last = (pd.Timestamp(data_cut).to_period("M") - 1).to_timestamp()
    held = rows[rows.index <= last].sort_index()
    if held.empty:
        return pd.DatetimeIndex([])
    span = pd.date_range(held.index[0], last, freq="MS")
    usual = held[held > 0].tail(36).median()
    first = held[held >= settings.feed_start_share * usual].index[0]
    return span[span >= first]


def coverage(volumes: pd.DataFrame, lists: pd.DataFrame, data_cut: date, settings: CoverageSettings) -> pd.DataFrame:
    """Judge every month of every organisation.

    `volumes`: feed, organisation_code, month (first day), rows. `lists`: practice_code, month, people registered. Gives the
    rows of core__coverage for practices of GP feeds and providers of hospital feeds.
    """
    parts = [
        _feed_coverage(str(feed), held, lists, months_of_feed(held.groupby(MONTH)["rows"].sum(), data_cut, settings), settings)
        for feed, held in volumes.groupby("feed", sort=True)
    ]
    columns = [*_KEY, MONTH, "rows", "expected_rows", "status"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _feed_coverage(
    feed: str, held: pd.DataFrame, lists: pd.DataFrame, months: pd.DatetimeIndex, settings: CoverageSettings
) -> pd.DataFrame:
    by_practice = FEEDS[feed].is_sent_by_practices
    codes = set(held["organisation_code"]) | (set(lists["practice_code"]) if by_practice else set())
    rows = held.pivot_table(index="organisation_code", columns=MONTH, values="rows", aggfunc="sum")
    rows = rows.reindex(index=sorted(codes), columns=months).fillna(0.0)
    people = None
    if by_practice and not lists.empty:
        listed = lists.pivot_table(index="practice_code", columns=MONTH, values="people", aggfunc="sum")
        people = listed.reindex(index=rows.index, columns=months).fillna(0.0)
    expected = expected_rows(rows, people)
    status = month_status(rows, expected, settings)
    if people is not None:  # a month in which a practice has neither people nor rows says nothing
        status = status.where((people > 0) | (rows > 0))
    table = pd.DataFrame(
        {
            "organisation_code": np.repeat(rows.index.to_numpy(), len(months)),
            MONTH: np.tile(months.to_numpy(), len(rows)),
            "rows": rows.to_numpy().ravel().astype("int64"),
            "expected_rows": expected.to_numpy().ravel(),
            "status": status.to_numpy().ravel(),
        }
    )
    return table.assign(feed=feed, organisation_role="practice" if by_practice else "provider").dropna(subset="status")


def expected_rows(rows: pd.DataFrame, people: pd.DataFrame | None) -> pd.DataFrame:
    """Give the rows to expect of each organisation (index) in each month (columns); `people` is the list where there is one."""
    usual = rows * 0.0 + _usual(rows).to_numpy()[:, None] if people is None else _usual_of_list(rows, people)
    return usual * board_month(rows, usual)


def board_month(rows: pd.DataFrame, usual: pd.DataFrame) -> pd.Series:
    """Give, by month, the median over organisations of what they sent against their usual, within limits."""
    judged = usual.mean(axis=1) >= 1
    if judged.sum() < _LEAST_ORGANISATIONS:
        return pd.Series(1.0, index=rows.columns)
    ratio = (rows / usual.where(usual > 0))[judged].median(axis=0).fillna(1.0)
    return ratio.clip(LEAST_BOARD_MONTH, MOST_BOARD_MONTH)


def _usual_of_list(rows: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    rate = rows / people.where(people > 0)
    own = _usual(rate)
    board = own[own > 0].median() if (own > 0).any() else 0.0
    silent = rows.sum(axis=1) == 0
    by_list = people * own.where(~silent, board).fillna(0.0).to_numpy()[:, None]
    unlisted = people.sum(axis=1) == 0
    return by_list.where(~unlisted, rows * 0.0 + _usual(rows).to_numpy()[:, None])


def _usual(monthly: pd.DataFrame) -> pd.Series:
    """Give each row's median month, or its mean where more than half of its months are empty."""
    median = monthly.median(axis=1)
    return median.where(median > 0, monthly.mean(axis=1))


def month_status(rows: pd.DataFrame, expected: pd.DataFrame, settings: CoverageSettings) -> pd.DataFrame:
    """Give covered, partial or absent for each organisation (index) and month (columns)."""
    low = (rows < settings.partial_share * expected) & (rows < expected - settings.partial_deviations * np.sqrt(expected))
    empty = rows == 0
    absent = empty & (_expected_of_run(empty, expected) >= settings.absent_expected_rows)
    values = np.where(absent, "absent", np.where(low, "partial", "covered"))
    return pd.DataFrame(values, index=rows.index, columns=rows.columns)


def _expected_of_run(empty: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """Give, for each empty month, the rows expected over the whole run of empty months it stands in."""
    total = expected.where(empty, 0.0).to_numpy()
    runs = np.cumsum(np.diff(empty.to_numpy(), axis=1, prepend=False) != 0, axis=1)
    keys = runs + np.arange(len(runs))[:, None] * (runs.max(initial=0) + 1)
    sums = np.bincount(keys.ravel(), weights=total.ravel())
    return pd.DataFrame(sums[keys], index=empty.index, columns=empty.columns)


def practice_coverage(judged: pd.DataFrame, main_providers: pd.DataFrame) -> pd.DataFrame:
    """Give hospital feeds' coverage by practice: that of the provider which sees most of the practice's people.

    `judged` is what `coverage` gave; `main_providers` has feed, practice_code and provider_code.
    """
    providers = judged[judged["organisation_role"] == "provider"]
    joined = main_providers.merge(providers, left_on=["feed", "provider_code"], right_on=["feed", "organisation_code"])
    return joined.assign(organisation_role="practice", organisation_code=joined["practice_code"])[list(judged.columns)]

"""core__coverage: whether a feed contains a month of an organisation, so that 0 means that nothing happened.

GP feeds are assessed by practice, hospital feeds and other feeds by provider. The rules are:

* *Expected rows.* An organisation is expected to send its own median month. For a practice this is the median number of rows
  per registered person, times the registered people of the month. If most of its months are empty, the mean month counts. A
  practice that never sent a row is expected to send the median rate of all practices.
* *Board month.* The expected rows are multiplied by the month's factor: the median over organisations of their rows divided by
  their usual rows. So a winter or a lockdown is no gap. The factor is at least 0.3, so a month that is missing everywhere is
  visible.
* *Partial.* The month has fewer rows than a set share of the expected rows, and fewer than chance allows (3 standard deviations
  of a Poisson count).
* *Absent.* The month has no rows, and it is in a run of empty months whose expected rows are too many for chance (exp(-7) is
  below 1 in 1,000).
* *Behind.* A month that ends after the latest delivery of the feed is absent if none of it had been delivered, and partial if less
  than that share of its days had. So a feed that is behind the others has no month in which nothing seems to have happened.
* *Known since.* A sender that joins with a later delivery, or sends most of its history with one, has no covered month on index dates before it:
  nothing of it was known then, and 0 would mean that nothing happened (`known_since` in `volumes.py`).
* *Not listed.* Months before the feed begins are not in the table. A month that is not in the table is not covered.

Activity at providers counts as covered for a practice if it is covered at the provider that sees most of its people.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from expectations.feeds import FEEDS

MONTH = "month"
LEAST_BOARD_MONTH, MOST_BOARD_MONTH = 0.3, 3.0
_LEAST_ORGANISATIONS = 3  # with fewer, the month of the board is the month of one of them
NO_CUTS: Mapping[str, date] = MappingProxyType({})
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
    """List the months that a feed should contain: from its first real month to the last one that ended by the data cut.

    `rows` are the counts of the complete feed by month. A few early rows do not start a feed, such as a diagnosis of 1980 in a
    record that begins in 2020.
    """
    last = (pd.Timestamp(data_cut).to_period("M") - 1).to_timestamp()
    held = rows[rows.index <= last].sort_index()
    if held.empty:
        return pd.DatetimeIndex([])
    span = pd.date_range(held.index[0], last, freq="MS")
    usual = held[held > 0].tail(36).median()
    first = held[held >= settings.feed_start_share * usual].index[0]
    return span[span >= first]


def coverage(
    volumes: pd.DataFrame, lists: pd.DataFrame, data_cut: date, settings: CoverageSettings, cuts: Mapping[str, date] = NO_CUTS
) -> pd.DataFrame:
    """Return the status of every month of every organisation, as rows of core__coverage.

    `volumes` has feed, organisation_code, month (first day) and rows. `lists` has practice_code, month and registered people.
    GP feeds have a row for each practice, other feeds one for each provider. `cuts` has the latest delivery of each feed, where it is known.
    """
    parts = []
    for feed, held in volumes.groupby("feed", sort=True):
        months = months_of_feed(held.groupby(MONTH)["rows"].sum(), data_cut, settings)
        assessed = _feed_coverage(str(feed), held, lists, months, settings)
        parts.append(_until(assessed, cuts[str(feed)], settings) if feed in cuts else assessed)
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
    if people is not None:  # a month in which a practice has neither people nor rows has no status
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


def _until(assessed: pd.DataFrame, cut: date, settings: CoverageSettings) -> pd.DataFrame:
    """Return the coverage of a feed, lowered in the months that its latest delivery does not contain, or only in part."""
    days = (pd.Timestamp(cut) - assessed[MONTH]).dt.days.clip(lower=0)
    delivered = days / assessed[MONTH].dt.days_in_month
    behind = np.where(delivered <= 0, "absent", np.where(delivered < settings.partial_share, "partial", assessed["status"]))
    return assessed.assign(status=np.where(assessed["status"] == "absent", "absent", behind))


def expected_rows(rows: pd.DataFrame, people: pd.DataFrame | None) -> pd.DataFrame:
    """Return the expected rows of each organisation (index) and month (columns); `people` is the list size, if there is one."""
    usual = rows * 0.0 + _usual(rows).to_numpy()[:, None] if people is None else _usual_of_list(rows, people)
    return usual * board_month(rows, usual)


def board_month(rows: pd.DataFrame, usual: pd.DataFrame) -> pd.Series:
    """Return the factor of each month: the median over organisations of rows divided by usual rows, within limits."""
    assessed = usual.mean(axis=1) >= 1
    if assessed.sum() < _LEAST_ORGANISATIONS:
        return pd.Series(1.0, index=rows.columns)
    ratio = (rows / usual.where(usual > 0))[assessed].median(axis=0).fillna(1.0)
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
    """Return the median month of each row, or its mean if more than half of its months are empty."""
    median = monthly.median(axis=1)
    return median.where(median > 0, monthly.mean(axis=1))


def month_status(rows: pd.DataFrame, expected: pd.DataFrame, settings: CoverageSettings) -> pd.DataFrame:
    """Return covered, partial or absent for each organisation (index) and month (columns)."""
    low = (rows < settings.partial_share * expected) & (rows < expected - settings.partial_deviations * np.sqrt(expected))
    empty = rows == 0
    absent = empty & (_expected_of_run(empty, expected) >= settings.absent_expected_rows)
    values = np.where(absent, "absent", np.where(low, "partial", "covered"))
    return pd.DataFrame(values, index=rows.index, columns=rows.columns)


def _expected_of_run(empty: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """Return, for each empty month, the expected rows of the run of empty months that contains it."""
    total = expected.where(empty, 0.0).to_numpy()
    runs = np.cumsum(np.diff(empty.to_numpy(), axis=1, prepend=False) != 0, axis=1)
    keys = runs + np.arange(len(runs))[:, None] * (runs.max(initial=0) + 1)
    sums = np.bincount(keys.ravel(), weights=total.ravel())
    return pd.DataFrame(sums[keys], index=empty.index, columns=empty.columns)


def practice_coverage(assessed: pd.DataFrame, main_providers: pd.DataFrame) -> pd.DataFrame:
    """Return the coverage of providers' feeds by practice: that of the provider that sees most of the practice's people.

    `assessed` is the result of `coverage`. `main_providers` has feed, practice_code and provider_code.
    """
    providers = assessed[assessed["organisation_role"] == "provider"]
    joined = main_providers.merge(providers, left_on=["feed", "provider_code"], right_on=["feed", "organisation_code"])
    return joined.assign(organisation_role="practice", organisation_code=joined["practice_code"])[list(assessed.columns)]

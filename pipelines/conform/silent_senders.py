"""Organisations that fall silent while an unknown code appears: most often a change of code that no one has declared.

Coverage, linkage and the registered list follow an organisation by its line of succession. Without the succession everything that the
organisation sent before is lost for its people, and their features are null.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd
from pydantic import BaseModel, Field
from scipy.stats import poisson

from pipelines.errors import ValidationStop

LIST = "registered list"  # people of practices, counted as the feeds' rows are
MONTHS_BEFORE = 12  # over which the share of an organisation is measured
QUIET = 0.05  # of its median month: a month with fewer rows is none in which an organisation was active
FALLEN = 0.6  # of its median month: with fewer rows an organisation may have changed its code within the month
TAKEN_OVER = 0.5  # of the rows that it lacks: unknown codes with fewer rows are of other organisations
CHANCE = 0.01  # of so few rows: a month with fewer is no chance
FEWEST_ROWS = 5  # in its median month
MOST_MONTHS_APART = 3  # from the last month of one code to the first month of the other


class SilentSenderSettings(BaseModel, extra="forbid", frozen=True):
    """When an organisation that falls silent stops the run."""

    share: float = Field(
        0.02, gt=0, le=1,
        description="If an organisation with at least this share of a feed's recent rows, or of the registered list, falls silent while an unknown "
        "code appears, the run stops until the succession is declared.",
    )  # fmt: skip


@dataclass(frozen=True)
class SilentSender:
    """An organisation that fell silent, its share of the feed, its last month, and the unknown codes that appeared."""

    feed: str
    code: str
    share: float
    last_month: date
    unknown_codes: tuple[str, ...]

    @property
    def message(self) -> str:
        """Return what happened and what to do."""
        codes = " or ".join(self.unknown_codes)
        begins = (pd.Timestamp(self.last_month) + pd.DateOffset(months=1)).date()
        row = f"{self.code},{self.unknown_codes[0]},rename,1,{begins}"
        return (
            f"{self.code} had {self.share:.1%} of the {_what(self.feed)} until {self.last_month:%B %Y}, and has few or none since. "
            f"The unknown code {codes} appeared then. If it replaced {self.code}, add this line to the file of successions "
            f"(reference.organisation_succession), with the right kind and day: {row}. "
            f"If {self.code} closed, add {self.code},,closure,,{begins}"
        )


def _what(feed: str) -> str:
    return "people on the registered list" if feed == LIST else f"rows of {feed}"


def silent_senders(counts: pd.DataFrame, declared: Collection[str], settings: SilentSenderSettings) -> list[SilentSender]:
    """Return the organisations that fell silent while a code appeared that no succession declares.

    `counts` has feed, organisation_code, month (first day) and rows, of complete months. A feed of one month is not judged.
    """
    return [one for feed, rows in counts.groupby("feed", sort=True) for one in _of_feed(str(feed), rows, declared, settings)]


def _of_feed(feed: str, rows: pd.DataFrame, declared: Collection[str], settings: SilentSenderSettings) -> Iterator[SilentSender]:
    grid = rows.pivot_table(index="month", columns="organisation_code", values="rows", aggfunc="sum").fillna(0.0).sort_index()
    latest = grid.iloc[-1]
    active = {str(code): grid.index[grid[code] > QUIET * _usual(grid[code])] for code in grid if code not in declared}
    new = {code: months[0] for code, months in active.items() if len(months) and months[0] > grid.index[0]}
    for code in active:
        usual = _usual(grid[code])
        busy = grid.index[~_has_fallen(grid[code], usual)]
        if usual < FEWEST_ROWS or busy[-1] == grid.index[-1]:
            continue
        recent = grid.loc[: busy[-1]].tail(MONTHS_BEFORE)
        share = float(recent[code].sum() / recent.to_numpy().sum())
        unknown = sorted(
            (other for other, first in new.items() if other != code and _follows(busy[-1], first)),
            key=lambda other: -float(latest[other]),
        )
        took_over = float(latest[unknown].sum()) >= TAKEN_OVER * (usual - float(latest[code]))
        if share >= settings.share and unknown and took_over:
            yield SilentSender(feed, code, share, pd.Timestamp(busy[-1]).date(), tuple(unknown))


def _has_fallen(rows: pd.Series, usual: float) -> pd.Series:
    """Return the months with far fewer rows than usual, beyond chance."""
    return (rows < FALLEN * usual) & (poisson.cdf(rows, usual) < CHANCE)


def _usual(rows: pd.Series) -> float:
    """Return the rows of the median month in which an organisation sent any."""
    sent = rows[rows > 0]
    return float(sent.median()) if len(sent) else 0.0


def _follows(last: pd.Timestamp, first: pd.Timestamp) -> bool:
    """Return whether one code appeared about when another fell silent; in the month of the change both may send."""
    apart = (first.year - last.year) * 12 + first.month - last.month
    return -1 <= apart <= MOST_MONTHS_APART


def renamed_on_one_side(
    counts: pd.DataFrame, declared: Collection[str], settings: SilentSenderSettings
) -> list[RenamedOnOneSide]:
    """Return the practices that send rows and have no people, where others have people and send none: the list may use another code.

    `counts` has the practices of the list under `LIST`, and the feeds that practices send.
    """
    recent = counts[counts["month"] > counts["month"].max() - pd.DateOffset(months=MONTHS_BEFORE)]
    listed = recent[(recent["feed"] == LIST) & (recent["month"] == recent["month"].max())].set_index("organisation_code")["rows"]
    found = []
    for feed, rows in recent[recent["feed"] != LIST].groupby("feed", sort=True):
        sent = rows.groupby("organisation_code")["rows"].sum()
        strange = [str(code) for code, count in sent.items() if count >= settings.share * sent.sum() and listed.get(code, 0) == 0]
        silent = [
            str(code) for code, people in listed.items() if people >= settings.share * listed.sum() and sent.get(code, 0) == 0
        ]
        strange, silent = ([code for code in codes if code not in declared] for codes in (strange, silent))
        if strange and silent:
            found.append(RenamedOnOneSide(str(feed), tuple(strange), tuple(silent)))
    return found


@dataclass(frozen=True)
class RenamedOnOneSide:
    """Practices that send rows of a feed and are not on the registered list, and practices on the list that send none."""

    feed: str
    senders: tuple[str, ...]
    listed: tuple[str, ...]

    @property
    def message(self) -> str:
        """Return what does not match and what to do."""
        return (
            f"{', '.join(self.senders)} sent rows of {self.feed} and has no one on the registered list, and {', '.join(self.listed)} has people on "
            "the list and sent no rows. If they are one practice, add the line to the file of successions "
            f"(reference.organisation_succession), with the right codes, kind and day: {self.senders[0]},{self.listed[0]},rename,1,YYYY-MM-DD. "
            f"If not, declare those that closed, such as {self.senders[0]},,closure,,YYYY-MM-DD"
        )


def check_silent_senders(found: Sequence[SilentSender | RenamedOnOneSide]) -> None:
    """Raise ValidationStop if organisations may have changed their codes."""
    if found:
        raise ValidationStop("an organisation may have changed its code. " + ". ".join(one.message for one in found))

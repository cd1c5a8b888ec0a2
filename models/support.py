"""The support of a feature: the share with a value other than 0 of the people for whom it is known, in training and on the scoring date.

A model that learned from last month's facts, and is used before they are known, sees people as healthier than they are. This shows first
in the support: a feed that is fresher on one side has more people with a value there, most of all in short windows.

People for whom the feature is missing are another question: that of coverage. Their share is compared by itself (models/drift.py).
Supports are compared by their odds, so that a change from 98% to 99% is as visible as one from 1% to 2%.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import xlogy
from scipy.stats import chi2

from models.disclosure_control import ROUNDED_TO, shown_share

# Odds that differ by more than this factor are not equally fresh. A feed that lacks the latest 30 of 90 days has about two thirds of the
# people with a value: a factor of 1.5. A busier winter, an older population or a growing service changes the odds less.
DIFFERS = 1.5
CHANCE = 1e-6  # of a difference as large: with hundreds of features, one in thousands of runs shows such a difference by chance


@dataclass(frozen=True)
class Support:
    """Rows with a value that is not 0, and all rows with a value, on the training dates (`before`) and the scoring date (`after`)."""

    before: int
    rows_before: int
    after: int
    rows_after: int

    @property
    def share_before(self) -> float:
        """Return the share on the training dates, of counts as they may be shown; NaN without rows."""
        return _share(self.before, self.rows_before)

    @property
    def share_after(self) -> float:
        """Return the share on the scoring date, of counts as they may be shown; NaN without rows."""
        return _share(self.after, self.rows_after)

    @property
    def factor(self) -> float:
        """Return by how many times the odds of a value differ, at least 1, whichever side has more.

        It is computed from the shown shares. Half a rounded count is added to each cell, so that a side with none has a factor. NaN where one side
        has no rows.
        """
        if not self.rows_before or not self.rows_after:
            return float("nan")
        if self.share_before == self.share_after:
            return 1.0
        half = ROUNDED_TO / 2
        cells = [
            (share * rows + half, (1 - share) * rows + half)
            for share, rows in ((self.share_before, self.rows_before), (self.share_after, self.rows_after))
        ]
        ratio = (cells[0][0] / cells[0][1]) / (cells[1][0] / cells[1][1])
        return max(ratio, 1 / ratio)

    @property
    def may_be_chance(self) -> bool:
        """Return whether samples of one population would differ as much: the likelihood ratio test of two shares."""
        rows, values = self.rows_before + self.rows_after, self.before + self.after
        if not self.rows_before or not self.rows_after or values in (0, rows):
            return True
        share = values / rows
        statistic = 2 * sum(
            float(xlogy(count, count / (of * chance)))
            for part, of in ((self.before, self.rows_before), (self.after, self.rows_after))
            for count, chance in ((part, share), (of - part, 1 - share))
        )
        return bool(chi2.sf(statistic, 1) > CHANCE)


def _share(part: int, rows: int) -> float:
    return shown_share(part, rows) if rows else float("nan")

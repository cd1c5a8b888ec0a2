"""Windows of days as people read them: a feature of 365 days counts "in the last 12 months".

The exact number of days is in a feature's name and in the column `window_days` of `features__catalogue`.
"""

from __future__ import annotations

_LENGTHS = {90: "3 months", 180: "6 months", 365: "12 months", 455: "15 months", 730: "2 years", 1095: "3 years"}


def length(days: int) -> str:
    """Return a number of days as a length of time, such as '12 months' for 365 days; an unusual number stays in days."""
    return _LENGTHS.get(days, "day" if days == 1 else f"{days:,} days")


def in_the_last(days: int) -> str:
    """Return the window as the end of a label, such as 'in the last 12 months'."""
    return f"in the last {length(days)}"
